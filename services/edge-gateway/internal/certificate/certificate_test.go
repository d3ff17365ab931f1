package certificate

import (
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/natter-chat/natter/pkg/testkit"
)

func TestReplacedWhileServing(t *testing.T) {
	t.Parallel()
	authority := testkit.NewAuthority(t)
	cert, key := authority.Issue(t, "gateway", 2)
	now := time.Now()
	files, err := Load(Config{Cert: cert, Key: key}, slog.New(slog.DiscardHandler), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	serial := func() int64 {
		t.Helper()
		pair, err := files.TLS().GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf.SerialNumber.Int64()
	}
	want := func(what string, want int64) {
		t.Helper()
		if got := serial(); got != want {
			t.Errorf("%s: serial %d, want %d", what, got, want)
		}
	}
	want("at first", 2)
	metrics := prometheus.NewRegistry()
	if err := files.Measure(metrics); err != nil {
		t.Fatal(err)
	}
	if got, err := metrics.Gather(); err != nil || got[0].GetMetric()[0].GetGauge().GetValue() != float64(files.current().Leaf.NotAfter.Unix()) {
		t.Errorf("the metric of its end: %v, %v", got, err)
	}

	oldKey, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	authority.Issue(t, "gateway", 3)
	newKey, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	write := func(data []byte, age time.Duration) {
		t.Helper()
		if err := os.WriteFile(key, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(key, time.Time{}, now.Add(age)); err != nil {
			t.Fatal(err)
		}
	}
	write(oldKey, time.Second) // the certificate is replaced, its key not yet
	want("within the time of a look", 2)
	now = now.Add(checkEvery)
	want("the files do not fit", 2)
	write(newKey, 2*time.Second)
	now = now.Add(checkEvery)
	want("both are replaced", 3)
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	now = now.Add(checkEvery)
	want("the key is gone", 3)
}

func TestLoad(t *testing.T) {
	t.Parallel()
	cert, key := testkit.NewAuthority(t).Issue(t, "gateway", 2)
	for name, cfg := range map[string]Config{
		"no key": {Cert: cert}, "no certificate": {Key: key}, "no such file": {Cert: cert, Key: key + "x"}, "no PEM": {Cert: os.DevNull, Key: key},
	} {
		if _, err := Load(cfg, slog.New(slog.DiscardHandler), time.Now); err == nil {
			t.Errorf("%s: loaded", name)
		}
	}
	if files, err := Load(Config{}, slog.New(slog.DiscardHandler), time.Now); files != nil || err != nil {
		t.Errorf("no settings: %v, %v", files, err)
	}
}
