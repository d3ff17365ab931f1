package app

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/natter-chat/natter/pkg/obs"
)

func TestLogLevelIsSetAtRunTime(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	log, level, err := obs.NewLogger(&said, obs.LogConfig{Format: "text"})
	if err != nil {
		t.Fatal(err)
	}
	put := func(body string) (int, string) {
		w := httptest.NewRecorder()
		setLevel(w, httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/log-level", strings.NewReader(body)), level)
		return w.Code, w.Body.String()
	}
	log.Debug("before")
	if code, body := put("debug\n"); code != http.StatusOK || body != "DEBUG\n" {
		t.Errorf("debug: %d %q", code, body)
	}
	log.Debug("after")
	if strings.Contains(said.String(), "before") || !strings.Contains(said.String(), "after") {
		t.Errorf("said %s", said.String())
	}
	for _, bad := range []string{"", "loud", strings.Repeat("debug", 100)} {
		if code, body := put(bad); code != http.StatusBadRequest || !strings.Contains(body, "debug, info, warn or error") {
			t.Errorf("%.20q: %d %q", bad, code, body)
		}
	}
	if level.Level() != slog.LevelDebug {
		t.Errorf("a bad level set it to %s", level.Level())
	}
}
