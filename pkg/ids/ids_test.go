package ids

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		New[Room]().String(), "", "*", ">", "a.b", strings.Repeat("0", textLen), "0190A0B0-0000-7000-8000-000000000000",
		"0190a0b0-0000-7000-8000-00000000000", "0190a0b0-0000-7000-8000-0000000000*0", "0190a0b0.0000.7000.8000.000000000000",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseRoom(s)
		if err == nil && id.String() != s {
			t.Fatalf("ParseRoom(%q).String() = %q", s, id)
		}
		if err == nil && strings.ContainsAny(s, ".*> ") {
			t.Fatalf("ParseRoom(%q) lets a subject separator through", s)
		}
	})
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	id := New[User]()
	for _, v := range []any{id.String(), []byte(id.String())} {
		var got User
		if err := got.Scan(v); err != nil || got != id {
			t.Errorf("Scan(%T) = %v, %v; want %v", v, got, err, id)
		}
	}
	var got User
	if text, _ := id.MarshalText(); got.UnmarshalText(text) != nil || got != id {
		t.Errorf("UnmarshalText(%s) = %v", text, got)
	}
	if err := got.Scan(7); err == nil {
		t.Error("Scan(7) succeeded")
	}
}

func TestTime(t *testing.T) {
	t.Parallel()
	before := time.Now().Truncate(time.Millisecond)
	if at := New[Saved]().Time(); at.Before(before) || at.After(time.Now()) {
		t.Errorf("made at %v, before %v", at, before)
	}
}

func TestNewSortsByTime(t *testing.T) {
	t.Parallel()
	var made []string
	for range 1000 {
		made = append(made, New[Room]().String())
	}
	if !slices.IsSorted(made) {
		t.Error("ids made one after another do not sort in that order")
	}
}
