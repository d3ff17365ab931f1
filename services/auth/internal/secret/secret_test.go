package secret_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/natter-chat/natter/services/auth/internal/secret"
)

func key(fill byte) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, 32)) }

func newBox(t *testing.T, current, old, purpose string) secret.Box {
	t.Helper()
	k, err := secret.Parse(current, old)
	if err != nil {
		t.Fatal(err)
	}
	box, err := k.Box(purpose)
	if err != nil {
		t.Fatal(err)
	}
	return box
}

func TestOpen(t *testing.T) {
	t.Parallel()
	sealed := newBox(t, key(1), "", "p").Seal([]byte("plain"), "row 1")
	for name, test := range map[string]struct {
		current, old, purpose, label string
		sealed                       []byte
		opens, isOld                 bool
	}{
		"the same key":             {key(1), "", "p", "row 1", sealed, true, false},
		"the same, with a newline": {key(1) + "\n", "", "p", "row 1", sealed, true, false},
		"now the old key":          {key(2), key(1), "p", "row 1", sealed, true, true},
		"the same as the old":      {key(1), key(1), "p", "row 1", sealed, true, false},
		"another key":              {key(2), "", "p", "row 1", sealed, false, false},
		"two other keys":           {key(2), key(3), "p", "row 1", sealed, false, false},
		"another purpose":          {key(1), "", "q", "row 1", sealed, false, false},
		"another row":              {key(1), "", "p", "row 2", sealed, false, false},
		"changed":                  {key(1), "", "p", "row 1", append(bytes.Clone(sealed[:len(sealed)-1]), sealed[len(sealed)-1]^1), false, false},
		"cut off":                  {key(1), key(2), "p", "row 1", sealed[:5], false, false},
		"empty":                    {key(1), "", "p", "row 1", nil, false, false},
	} {
		plain, isOld, err := newBox(t, test.current, test.old, test.purpose).Open(test.sealed, test.label)
		if (err == nil) != test.opens || isOld != test.isOld || test.opens && string(plain) != "plain" {
			t.Errorf("%s: %q, %v, %v", name, plain, isOld, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"missing": "", "too short": base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 31)),
		"too long": base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 33)), "no base64": strings.Repeat("!", 44),
	} {
		_, err := secret.Parse(text, "")
		if err == nil || !strings.Contains(err.Error(), "NATTER_SECRET_KEY ") || !strings.Contains(err.Error(), "openssl rand -base64 32") ||
			text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", name, err)
		}
		_, err = secret.Parse(key(1), text)
		if text == "" {
			if err != nil {
				t.Errorf("no old key: %v", err)
			}
		} else if err == nil || !strings.Contains(err.Error(), "NATTER_SECRET_KEY_OLD ") || strings.Contains(err.Error(), text) {
			t.Errorf("old key, %s: %v", name, err)
		}
	}
}
