package load

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestStamp(t *testing.T) {
	t.Parallel()
	want := stamp{due: 1234567890123 * time.Nanosecond, ref: 7<<slotBits | 3}
	content := want.appendContent(nil, 128)
	if got, ok := parseStamp(content); len(content) != 128 || !ok || got != want {
		t.Errorf("%q is read as %+v, %v; want %+v", content, got, ok, want)
	}
	for _, foreign := range []string{"", "hi", strings.Repeat("x", 128), string(content[:stampLen-1])} {
		if got, ok := parseStamp([]byte(foreign)); ok {
			t.Errorf("%q is read as %+v", foreign, got)
		}
	}
}

// A quantile is never below the true one, and at most 1/32 above it.
func TestHistogram(t *testing.T) {
	t.Parallel()
	var h Histogram
	if h.Quantile(0.5) != 0 || summarize(&h) != nil {
		t.Error("an empty histogram has values")
	}
	random := rand.New(rand.NewPCG(1, 2))
	var all []time.Duration
	for range 10_000 {
		d := time.Duration(random.ExpFloat64() * float64(20*time.Millisecond))
		all = append(all, d)
		h.Record(d)
	}
	slices.Sort(all)
	for _, q := range []float64{0.001, 0.5, 0.9, 0.99, 0.999, 1} {
		want := all[max(0, int(q*float64(len(all))+0.5)-1)]
		if got := h.Quantile(q); got < want || float64(got) > float64(want)*(1+1.0/32) {
			t.Errorf("quantile %v = %v, want %v", q, got, want)
		}
	}
	if h.Max() != all[len(all)-1] || h.Count() != 10_000 {
		t.Errorf("max %v, count %d", h.Max(), h.Count())
	}
	h.Record(-time.Second)
	h.Record(1<<63 - 1)
	for v := range uint64(1 << 16) {
		if i := bucket(v); upper(i) < v || i > 0 && upper(i-1) >= v {
			t.Fatalf("%d is in bucket %d, which ends at %d", v, i, upper(i))
		}
	}
}

// What a seat makes of the order of events: a hole that is filled late is a disorder, one that stays is a loss.
func TestSeat(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		seqs                         []uint32
		head                         uint32
		lost, duplicates, outOfOrder int
	}{
		"as it should be": {seqs: []uint32{6, 7, 8}, head: 8},
		"hole":            {seqs: []uint32{6, 9}, head: 9, lost: 2},
		"late":            {seqs: []uint32{7, 6}, head: 7, outOfOrder: 1},
		"late, twice":     {seqs: []uint32{7, 6, 6}, head: 7, outOfOrder: 1, duplicates: 1},
		"twice":           {seqs: []uint32{6, 6, 7}, head: 7, duplicates: 1},
		"old":             {seqs: []uint32{5}, duplicates: 1},
		"the last":        {seqs: []uint32{6}, head: 8, lost: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &run{report: &Report{}, Settings: Settings{Rooms: 1, Users: 1, RoomsPerUser: 1}}
			Bare(r.Settings).clients(r)
			s := r.rooms[0].seats[0]
			s.last.Store(5)
			s.room.saw(5)
			for _, seq := range tt.seqs {
				s.took(seq)
			}
			s.room.saw(tt.head)
			r.tally()
			if got := r.report; got.Lost != tt.lost || got.Duplicates != tt.duplicates || got.OutOfOrder != tt.outOfOrder {
				t.Errorf("lost %d, duplicates %d, out of order %d; want %+v", got.Lost, got.Duplicates, got.OutOfOrder, tt)
			}
		})
	}
}

func TestRoomsOf(t *testing.T) {
	t.Parallel()
	s := Settings{Rooms: 6, Users: 4, RoomsPerUser: 3}
	members := make([]map[int]bool, s.Rooms)
	for n := range s.connections() {
		for _, room := range s.roomsOf(n) {
			if members[room] == nil {
				members[room] = map[int]bool{}
			}
			members[room][n] = true
		}
	}
	for room, m := range members {
		if len(m) != s.Users {
			t.Errorf("room %d has %d members, want %d", room, len(m), s.Users)
		}
	}
}

func TestParseUsage(t *testing.T) {
	t.Parallel()
	text := "# HELP process_cpu_seconds_total Total.\nprocess_cpu_seconds_total 12.5\nprocess_resident_memory_bytes 1.048576e+06\nprocess_max_fds 20000\n"
	if u, err := parseUsage(strings.NewReader(text)); err != nil || u != (usage{cpu: 12.5, rss: 1 << 20, maxFiles: 20000}) {
		t.Errorf("%+v, %v", u, err)
	}
	if _, err := parseUsage(strings.NewReader("process_cpu_seconds_total 12.5\n")); err == nil {
		t.Error("half of the metrics pass")
	}
}

func TestMeterReadsAProcess(t *testing.T) {
	t.Parallel()
	u, err := newMeter([]string{fmt.Sprintf("pid:%d", os.Getpid())}).read(t.Context())
	if err != nil || u.rss < 1<<20 || u.cpu < 0 {
		t.Errorf("%+v, %v", u, err)
	}
	for _, wrong := range []string{"pid:x", "pid:0"} {
		if _, err := newMeter([]string{wrong}).read(t.Context()); err == nil {
			t.Errorf("%s is read", wrong)
		}
	}
}

// Too many clients are refused before anything is done, with the limit of this process or of the server.
func TestEnoughFiles(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "process_cpu_seconds_total 1\nprocess_resident_memory_bytes 1\nprocess_max_fds 300\n")
	}))
	defer server.Close()
	for users, want := range map[int]string{200: "", 201: "the server may open 300 files and needs 301", 1 << 30: "the load generator may open"} {
		s := Defaults(Profile{Name: "idle", Rooms: 1, Users: users})
		s.Admin = []string{server.URL}
		err := s.EnoughFiles(t.Context())
		_, isLimit := errors.AsType[TooFewFiles](err)
		if isLimit != (want != "") || isLimit && !strings.Contains(err.Error(), want) {
			t.Errorf("%d users: %v, want %q", users, err, want)
		}
	}
}

// The numbers that say that nothing went wrong are always in the JSON.
func TestReport(t *testing.T) {
	t.Parallel()
	r := &Report{
		Profile: "fanout", Target: "natter", Encoding: "natter.v1.proto", Rooms: 2, UsersPerRoom: 5, Connections: 10, Seconds: 2,
		Deliveries: 100, DeliveriesPerSecond: 50, Latency: &Latency{1, 2, 3, 4, 5},
		Server: &Server{CPUSeconds: 1, CPUPerMillion: 10000, RSSMiB: 100},
	}
	text, err := json.Marshal(r)
	if err != nil || !strings.Contains(string(text), `"lost":0,"duplicates":0,"outOfOrder":0`) || strings.Contains(string(text), "acks") {
		t.Errorf("%s, %v", text, err)
	}
	var table bytes.Buffer
	if err := r.WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"2 rooms × 5 members, 10 connections", "50/s (100 in 2.0 s)", "p99 3.00", "10000.00 s per million"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table has no %q:\n%s", want, table.String())
		}
	}
}

func TestSourceAddresses(t *testing.T) {
	t.Parallel()
	if source(27_999) != nil || source(28_000).String() != "127.0.0.2:0" || source(56_000).String() != "127.0.0.3:0" {
		t.Error(source(27_999), source(28_000), source(56_000))
	}
}
