package avatar_test

import (
	"strings"
	"testing"

	"github.com/natter-chat/natter/pkg/avatar"
	"github.com/natter-chat/natter/pkg/fault"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for in, ok := range map[string]bool{
		"": true, " https://example.org/a.png?x=1 ": true, "/files/a.png": true,
		"http://example.org/a.png": false, "javascript:alert(1)": false, "//example.org/a": false, "a.png": false,
		"https://ann:pw@example.org/a": false, "https:///a": false, "https://example.org/" + strings.Repeat("a", avatar.MaxBytes): false, "\x00": false,
		"data:image/png;base64,AAAA": false,
	} {
		got, err := avatar.Parse(in)
		if (err == nil) != ok || ok && got != strings.TrimSpace(in) || !ok && fault.From(err).Field != "avatar" {
			t.Errorf("%.40q: %q, %v; want it accepted: %v", in, got, err, ok)
		}
	}
}
