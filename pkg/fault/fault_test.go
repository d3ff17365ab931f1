package fault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	documents "github.com/natter-chat/natter/proto"
)

func TestFrom(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		err  error
		want Code
		text string
	}{
		{"a fault", New(NotFound, "no room"), NotFound, "no room"},
		{"a wrapped fault", fmt.Errorf("load: %w", Invalid("name", "too long")), InvalidArgument, "too long"},
		{"an error without a code", io.ErrUnexpectedEOF, Internal, general[Internal]},
		{"a code given to an error", E(Unavailable, "store.Append", io.ErrClosedPipe), Unavailable, general[Unavailable]},
		{"a code given to a fault keeps the fault's", E(Internal, "rooms.Join", New(NotFound, "no room")), NotFound, "no room"},
		{"deadline", context.DeadlineExceeded, DeadlineExceeded, general[DeadlineExceeded]},
		{"cancelled", fmt.Errorf("x: %w", context.Canceled), Unavailable, general[Unavailable]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if f := From(tt.err); f.Code != tt.want || f.Message != tt.text {
				t.Errorf("From = %q %q, want %q %q", f.Code, f.Message, tt.want, tt.text)
			}
		})
	}
	if E(Internal, "x", nil) != nil || CodeOf(nil) != "" {
		t.Error("nil is not an error")
	}
	if err := E(Unavailable, "x", io.EOF); !errors.Is(err, io.EOF) {
		t.Error("the cause is lost")
	}
}

func TestEveryCodeHasItsWordAndStatus(t *testing.T) {
	t.Parallel()
	for code := range status {
		if general[code] == "" {
			t.Errorf("%s has no general message", code)
		}
	}
	if len(general) != len(status) {
		t.Errorf("%d messages for %d codes", len(general), len(status))
	}
	if s := Code("nonsense").HTTPStatus(); s != 500 {
		t.Errorf("status of an unknown code = %d", s)
	}
}

func TestIsComparesCodes(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("x: %w", New(Conflict, "taken").WithRetryAfter(time.Second))
	if !errors.Is(err, New(Conflict, "")) || errors.Is(err, New(NotFound, "")) {
		t.Error("errors.Is does not compare codes")
	}
}

// The codes are API: proto/openapi.yaml says what each is in HTTP.
func TestCodesAreDocumented(t *testing.T) {
	t.Parallel()
	for code := range status {
		if !strings.Contains(string(documents.OpenAPI), string(code)) {
			t.Errorf("%s is not in openapi.yaml", code)
		}
	}
}
