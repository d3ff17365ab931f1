package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/natter-chat/natter/services/standalone/internal/load"
)

// A ratio is the median of the ratios within the rounds: machines get slower and faster between them.
func TestTable(t *testing.T) {
	t.Parallel()
	at := func(perSecond float64, lost int) *load.Report {
		return &load.Report{DeliveriesPerSecond: perSecond, Lost: lost}
	}
	m := &benchmark{name: "b", metrics: []metric{deliveries}, rounds: []round{
		{at(300, 1), at(100, 0), nil}, {at(100, 0), at(100, 0), at(80, 4)}, {at(20, 2), at(10, 0), nil},
	}}
	var out bytes.Buffer
	writeTable(&out, []*benchmark{m, {name: "large", skipped: "why"}, {name: "never ran", metrics: []metric{deliveries}}})
	if want := []string{"b", "deliveries/s", "100", "100", "2.00", "80", "0.80", "7", "0", "0", "large", "skipped:", "why"}; strings.Join(strings.Fields(out.String())[10:], " ") != strings.Join(want, " ") {
		t.Errorf("want %q in\n%s", want, out.String())
	}
	if median([]float64{1, 2, 4, 8}) != 3 {
		t.Error("the median of an even number is not the middle of two")
	}
}

// Every benchmark has settings that a run accepts, also with fewer connections.
func TestBenchmarksAreValid(t *testing.T) {
	t.Parallel()
	for _, m := range (options{duration: time.Second, connections: 1000}).benchmarks() {
		if err := m.settings.Check(); err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
	}
}
