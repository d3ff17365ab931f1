// Package avatar says what the picture of a user or a room may be.
package avatar

import (
	"net/url"
	"strings"

	"github.com/natter-chat/natter/pkg/fault"
)

// MaxBytes is how long the URL of a picture may be: it is in access tokens and in every event of its user.
const MaxBytes = 1024

// Parse returns the URL of a picture (https, or a path of this server) as it is stored, or nothing for nothing. Errors:
// InvalidArgument of the field avatar.
func Parse(s string) (string, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return "", nil
	}
	u, err := url.Parse(s)
	isPath := err == nil && u.Scheme == "" && u.Host == "" && strings.HasPrefix(u.Path, "/")
	isWeb := err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil
	if len(s) > MaxBytes || !isPath && !isWeb || strings.HasPrefix(s, "//") {
		return "", fault.Invalid("avatar", "an avatar is the https URL of a picture, of at most %d bytes", MaxBytes)
	}
	return u.String(), nil
}
