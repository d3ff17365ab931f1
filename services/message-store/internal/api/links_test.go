package api

import (
	"strings"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/ids"
)

func TestLinks(t *testing.T) {
	t.Parallel()
	l, id, now := newLinks([]byte("key")), ids.New[ids.File](), time.Date(2026, 11, 23, 12, 1, 0, 0, time.UTC)
	expires := expiry(now)
	_, signature, _ := strings.Cut(l.query(id, expires), "signature=")
	if good := time.Unix(int64(expires), 0).Sub(now); good != 9*time.Minute {
		t.Errorf("good for %v", good)
	}
	if l.query(id, expiry(now.Add(3*time.Minute))) != l.query(id, expires) || l.query(id, expiry(now.Add(4*time.Minute))) == l.query(id, expires) {
		t.Error("a link does not stay the same for five minutes, or longer")
	}
	last := time.Unix(int64(expires), 0).Add(-time.Second)
	for name, tt := range map[string]struct {
		l         links
		id        ids.File
		expires   uint32
		signature string
		now       time.Time
		want      bool
	}{
		"now":            {l, id, expires, signature, now, true},
		"until the end":  {l, id, expires, signature, last, true},
		"expired":        {l, id, expires, signature, last.Add(time.Second), false},
		"another file":   {l, ids.New[ids.File](), expires, signature, now, false},
		"prolonged":      {l, id, expires + 1, signature, now, false},
		"another server": {newLinks([]byte("other")), id, expires, signature, now, false},
		"cut":            {l, id, expires, signature[:10], now, false},
		"no signature":   {l, id, expires, "", now, false},
		"no base64":      {l, id, expires, "!" + signature[1:], now, false},
	} {
		if got := tt.l.vouch(tt.id, tt.expires, tt.signature, tt.now); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
