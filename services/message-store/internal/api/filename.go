package api

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxFileName is how long the name of a file may be in bytes, as in most file systems.
	maxFileName = 255
	// maxExtension is how much of it is kept of the end when it is cut: .tar.gz is not more.
	maxExtension = 16
)

// cleanName is the name of a file as it is kept, and given to those who download it: without the directories it came from, and
// without what could make it look like another one. It is never empty.
func cleanName(name string) string {
	name = strings.ToValidUTF8(name, "")
	if at := strings.LastIndexAny(name, `/\`); at >= 0 {
		name = name[at+1:]
	}
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
			return -1
		}
		return r
	}, name)
	name = strings.TrimSpace(name)
	if name == "" || strings.Trim(name, ".") == "" {
		return "file"
	}
	if len(name) <= maxFileName {
		return name
	}
	extension := path.Ext(name)
	if len(extension) > maxExtension {
		extension = ""
	}
	cut := maxFileName - len(extension)
	for !utf8.RuneStart(name[cut]) {
		cut--
	}
	return name[:cut] + extension
}
