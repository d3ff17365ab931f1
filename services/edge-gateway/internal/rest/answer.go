package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/fault"
)

// Zero values are written, so that a client finds isEdited:false and reactions:[] without knowing our mapping.
var toJSON = protojson.MarshalOptions{EmitDefaultValues: true}

// answer writes the reply of an rpc.
func (e *endpoint) answer(w http.ResponseWriter, r *http.Request, res proto.Message) {
	body, err := e.encode(res)
	if err != nil {
		e.fail(w, r, fault.E(fault.Internal, "encode answer", err))
		return
	}
	writeJSON(w, e.route.Status, body)
}

// encode is the reply as JSON, or that of its fields which is the answer.
func (e *endpoint) encode(res proto.Message) ([]byte, error) {
	field := e.route.Response
	if field == nil {
		return compact(toJSON.Marshal(res))
	}
	value := res.ProtoReflect().Get(field)
	if !field.IsList() {
		return compact(toJSON.Marshal(value.Message().Interface()))
	}
	array := []byte{'['}
	var err error
	for i := range value.List().Len() {
		if i > 0 {
			array = append(array, ',')
		}
		if array, err = toJSON.MarshalAppend(array, value.List().Get(i).Message().Interface()); err != nil {
			return nil, err
		}
	}
	return compact(append(array, ']'), nil)
}

// compact removes the spaces that protojson adds at random.
func compact(text []byte, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.Grow(len(text))
	err = json.Compact(&out, text)
	return out.Bytes(), err
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // fails when the client is gone: nobody to tell
}

// statusError is a fault with an HTTP status of its own, where HTTP is more precise than our codes.
type statusError struct {
	status int
	fault  *fault.Fault
}

func (e statusError) Error() string { return e.fault.Error() }
func (e statusError) Unwrap() error { return e.fault }

// fail answers an error: {"error":{"code","message","field"}}. It is the boundary where a cause is logged, once.
func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	f := fault.From(err)
	status := f.Code.HTTPStatus()
	if s, ok := err.(statusError); ok { //nolint:errorlint // made by decodeBody and refuse, never wrapped
		status = s.status
	}
	a.logFailure(w, r, err)
	setRetryAfter(w, f)
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	body, encodeErr := json.Marshal(errorBody{errorDetail{Code: f.Code, Message: f.Message, Field: f.Field}})
	if encodeErr != nil { // three strings always encode
		body = fmt.Appendf(nil, `{"error":{"code":%q}}`, f.Code)
	}
	writeJSON(w, status, body)
}

func setRetryAfter(w http.ResponseWriter, f *fault.Fault) {
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
	}
}

// logFailure logs the cause of a failed request.
func (a *api) logFailure(w http.ResponseWriter, r *http.Request, err error) {
	level := slog.LevelDebug
	if fault.CodeOf(err) == fault.Internal {
		level = slog.LevelError
	}
	a.Log.Log(r.Context(), level, "http request failed", "request_id", w.Header().Get(headerRequestID), "route", r.Pattern, "error", err)
}

type errorBody struct {
	Error errorDetail `json:"error"`
}

type errorDetail struct {
	Code    fault.Code `json:"code"`
	Message string     `json:"message"`
	Field   string     `json:"field,omitempty"`
}

// refuse answers a request that no pattern takes. h is what ServeMux would answer: only its status and headers are used.
func (a *api) refuse(w http.ResponseWriter, r *http.Request, h http.Handler) {
	plain := &headOnly{header: http.Header{}, status: http.StatusOK}
	h.ServeHTTP(plain, r)
	if plain.status == http.StatusMethodNotAllowed {
		allow := plain.header.Get("Allow")
		w.Header().Set("Allow", allow)
		a.fail(w, r, statusError{plain.status, fault.New(fault.Unimplemented, "this address takes only %s", allow)})
		return
	}
	a.fail(w, r, fault.New(fault.NotFound, "there is nothing at this address; see /docs"))
}

// headOnly is a ResponseWriter that keeps status and headers.
type headOnly struct {
	header http.Header
	status int
}

func (h *headOnly) Header() http.Header         { return h.header }
func (h *headOnly) WriteHeader(status int)      { h.status = status }
func (h *headOnly) Write(b []byte) (int, error) { return len(b), nil }
