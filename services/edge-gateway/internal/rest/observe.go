package rest

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
)

// headerRequestID names a request in logs; a proxy in front may have named it already.
const headerRequestID = "X-Request-Id"

// observe names, measures and logs each request, and makes a panic one answer's error.
func (a *api) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		id := r.Header.Get(headerRequestID)
		if !plainID(id) {
			id = rand.Text()
		}
		w.Header().Set(headerRequestID, id)
		r.Pattern = "" // of a mux around this handler
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			if p := recover(); p != nil {
				err := fault.E(fault.Internal, "handle request", fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
				if rec.wrote {
					a.Log.Error("http request failed after its answer began", "request_id", id, "error", err)
				} else {
					a.fail(rec, r, err)
				}
			}
			a.seconds.WithLabelValues(routeLabel(r), strconv.Itoa(rec.status)).Observe(time.Since(began).Seconds())
			a.Log.Debug("http request", "request_id", id, "method", r.Method, "path", r.URL.Path, "route", r.Pattern,
				"status", rec.status, "duration", time.Since(began))
		}()
		next.ServeHTTP(rec, r)
	})
}

// routeLabel is the pattern, never the path: a path has ids in it, and anyone can invent one.
func routeLabel(r *http.Request) string {
	if r.Pattern == "" {
		return "none"
	}
	return r.Pattern
}

// plainID reports whether an id that came with a request is fit for a log.
func plainID(id string) bool {
	const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	return id != "" && len(id) <= 64 && strings.Trim(id, alphabet) == ""
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
	wrote  bool
}

func (r *recorder) WriteHeader(status int) {
	if !r.wrote {
		r.status, r.wrote = status, true
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	r.wrote = true
	return r.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
