package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSettingsFromFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	key, large, blank := file("key", " c2VjcmV0 =\r\n"), file("large", strings.Repeat("x", maxFile+1)), file("blank", "\n")
	for name, tt := range map[string]struct {
		environ []string
		want    string // of NATTER_SECRET_KEY
		err     []string
	}{
		"the line break at the end is not part of it": {environ: []string{"NATTER_SECRET_KEY_FILE=" + key}, want: " c2VjcmV0 ="},
		"no file is named":                            {environ: []string{"NATTER_SECRET_KEY_FILE=", "NATTER_SECRET_KEY=x"}, want: "x"},
		"of a provider":                               {environ: []string{"NATTER_SSO_CORP_CLIENT_SECRET_FILE=" + key}},
		"both":                                        {environ: []string{"NATTER_SECRET_KEY_FILE=" + key, "NATTER_SECRET_KEY=x"}, want: "x", err: []string{"NATTER_SECRET_KEY and NATTER_SECRET_KEY_FILE"}},
		"no such file, and blank":                     {environ: []string{"NATTER_SECRET_KEY_FILE=/none", "NATTER_SMTP_URL_FILE=" + blank}, err: []string{"NATTER_SECRET_KEY_FILE: open /none", "NATTER_SMTP_URL_FILE: "}},
		"a large file":                                {environ: []string{"NATTER_SECRET_KEY_FILE=" + large}, err: []string{"more than 64 KiB"}},
		"a directory":                                 {environ: []string{"NATTER_SECRET_KEY_FILE=" + dir}, err: []string{"NATTER_SECRET_KEY_FILE: "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, err := FromEnviron(tt.environ)
			for _, want := range tt.err {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v lacks %q", err, want)
				}
			}
			if len(tt.err) == 0 && err != nil {
				t.Error(err)
			}
			if got := source.Get("NATTER_SECRET_KEY"); got != tt.want {
				t.Errorf("NATTER_SECRET_KEY = %q, want %q", got, tt.want)
			}
			if err := source.CheckKnown(); err != nil {
				t.Errorf("CheckKnown: %v", err)
			}
		})
	}
}
