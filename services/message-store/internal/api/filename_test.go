package api

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func fileNames() map[string]string {
	long := strings.Repeat("ä", 200)
	return map[string]string{
		"cat.png": "cat.png", "Überraschung ☃.tar.gz": "Überraschung ☃.tar.gz", "": "file", "  ": "file", "..": "file", "/": "file",
		"../../etc/passwd": "passwd", `C:\Users\ana\photo.jpg`: "photo.jpg", "a\r\nSet-Cookie: x\x00": "aSet-Cookie: x", "\u202egpj.exe": "gpj.exe",
		"\xff.txt": ".txt", long: long[:254], long + ".png": long[:250] + ".png", long + "." + long: long[:254],
	}
}

func TestCleanName(t *testing.T) {
	t.Parallel()
	for name, want := range fileNames() {
		if got := cleanName(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func FuzzCleanName(f *testing.F) {
	for name := range fileNames() {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := cleanName(name)
		if got == "" || len(got) > maxFileName || !utf8.ValidString(got) || strings.ContainsAny(got, `/\`) || strings.ContainsFunc(got, unicode.IsControl) {
			t.Errorf("%q: %q", name, got)
		}
		if again := cleanName(got); len(again) > len(got) {
			t.Errorf("%q: %q, then %q", name, got, again)
		}
	})
}
