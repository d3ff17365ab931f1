package password

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/natter-chat/natter/pkg/fault"
)

// cheap makes tests fast.
var cheap = Params{MemoryKiB: 8, Time: 1, Threads: 1}

func newHasher(tb testing.TB, cfg Config) *Hasher {
	tb.Helper()
	h, err := NewHasher(cfg, prometheus.NewRegistry())
	if err != nil {
		tb.Fatal(err)
	}
	return h
}

func TestHashAndVerify(t *testing.T) {
	t.Parallel()
	h := newHasher(t, Config{Params: cheap, Workers: 1})
	encoded, err := h.Hash(t.Context(), "Zoë's secret")
	if err != nil || !strings.HasPrefix(encoded, "$argon2id$v=19$m=8,t=1,p=1$") {
		t.Fatalf("%q, %v", encoded, err)
	}
	if again, _ := h.Hash(t.Context(), "Zoë's secret"); again == encoded {
		t.Error("two hashes with the same salt")
	}
	// A test vector of the reference implementation (phc-winner-argon2, test.c), with other parameters than ours.
	const reference = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	for name, tc := range map[string]struct {
		password, encoded string
		want              bool
	}{
		"right":              {"Zoë's secret", encoded, true},
		"composed otherwise": {"Zoe\u0308's secret", encoded, true},
		"wrong":              {"zoë's secret", encoded, false},
		"empty":              {"", encoded, false},
		"another's":          {"password", reference, true},
		"nobody":             {"Zoë's secret", "", false},
	} {
		if got, err := h.Verify(t.Context(), tc.password, tc.encoded); err != nil || got != tc.want {
			t.Errorf("%s: %v, %v; want %v", name, got, err, tc.want)
		}
	}
	if _, err := h.Verify(t.Context(), "x", "plain text"); fault.CodeOf(err) != fault.Internal {
		t.Errorf("malformed hash: %v", err)
	}
}

func TestFullQueueSheds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(t, Config{Params: cheap, Workers: 2, Queue: 3})
		// Hold both workers, fill the queue with one who gives up and two who wait.
		h.slots <- struct{}{}
		h.slots <- struct{}{}
		ctx, giveUp := context.WithCancel(t.Context())
		gaveUp := make(chan error, 1)
		var waiting sync.WaitGroup
		waiting.Go(func() { _, err := h.Hash(ctx, "secret"); gaveUp <- err })
		for range 2 {
			waiting.Go(func() {
				if _, err := h.Hash(t.Context(), "secret"); err != nil {
					t.Errorf("in the queue: %v", err)
				}
			})
		}
		synctest.Wait()
		for name, shed := range map[string]func() error{
			"hash":   func() error { _, err := h.Hash(t.Context(), "secret"); return err },
			"verify": func() error { _, err := h.Verify(t.Context(), "secret", ""); return err },
		} {
			if f := fault.From(shed()); f.Code != fault.Unavailable || f.RetryAfter == 0 {
				t.Errorf("%s with a full queue: %v", name, f)
			}
		}
		giveUp()
		if err := <-gaveUp; fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("the one who gave up: %v", err)
		}
		<-h.slots
		waiting.Wait()
		<-h.slots
		if n := h.waiting.Load(); n != 0 || len(h.slots) != 0 {
			t.Errorf("%d wait, %d work; want none", n, len(h.slots))
		}
	})
}

// A hash is cheap when it took less of anything than new ones do; one that took more of one thing only is, too.
func TestIsCheap(t *testing.T) {
	t.Parallel()
	h := newHasher(t, Config{Params: Params{MemoryKiB: 64, Time: 2, Threads: 1}, Workers: 1})
	for params, want := range map[Params]bool{
		{64, 2, 1}: false, {128, 3, 1}: false, {64, 3, 1}: false, {64, 1, 1}: true, {32, 2, 1}: true, {32, 9, 1}: true, {128, 1, 1}: true,
	} {
		encoded := hash{Params: params, salt: make([]byte, 16), key: make([]byte, 32)}.String()
		if got := h.IsCheap(encoded); got != want {
			t.Errorf("%s: %v, want %v", encoded, got, want)
		}
	}
	for _, none := range []string{"", "x"} {
		if h.IsCheap(none) {
			t.Errorf("%q is no hash", none)
		}
	}
}

func TestNewHasherRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	for _, cfg := range []Config{
		{Params: cheap, Workers: 0},
		{Params: cheap, Workers: 1, Queue: -1},
		{Params: Params{MemoryKiB: 7, Time: 1, Threads: 1}, Workers: 1},
		{Params: Params{MemoryKiB: 8, Time: 0, Threads: 1}, Workers: 1},
		{Params: Params{MemoryKiB: 8, Time: 1, Threads: 0}, Workers: 1},
		{Params: Params{MemoryKiB: 8, Time: 1, Threads: 2}, Workers: 1},
	} {
		if _, err := NewHasher(cfg, prometheus.NewRegistry()); err == nil {
			t.Errorf("%+v passed", cfg)
		}
	}
}

func FuzzParse(f *testing.F) {
	const good = "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	f.Add(good)
	for _, bad := range []string{
		"", "$", "$$$$$", strings.Replace(good, "argon2id", "argon2i", 1), strings.Replace(good, "19", "16", 1),
		strings.Replace(good, "m=8", "m=4294967295", 1), strings.Replace(good, "m=8", "m=+8", 1),
		strings.Replace(good, "t=1", "t=0", 1), good + "=", good + "$", good[:len(good)-1] + "B",
	} {
		if _, err := parse(bad); err == nil {
			f.Errorf("%q passed", bad)
		}
		f.Add(bad)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h, err := parse(s)
		if err == nil && h.String() != s {
			t.Errorf("%q is read as %q", s, h)
		}
	})
}

// BenchmarkVerify is the cost of one sign-in on one core, at the default parameters (OWASP: 19 MiB, 2 passes).
func BenchmarkVerify(b *testing.B) {
	h := newHasher(b, Config{Params: Params{MemoryKiB: 19 << 10, Time: 2, Threads: 1}, Workers: 2, Queue: 1000})
	encoded, err := h.Hash(b.Context(), "secret")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if ok, err := h.Verify(context.Background(), "secret", encoded); !ok || err != nil {
				b.Error(ok, err)
			}
		}
	})
}
