// Package fault is the error vocabulary of Natter. A Fault carries a code for machines and a message that is safe to
// show to people; the cause stays inside and is logged once, by the boundary that answers (rpc, HTTP, WebSocket).
package fault

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Code says what kind of failure this is. The texts are API: clients compare them.
type Code string

// The codes, named after the gRPC status codes where one fits.
const (
	InvalidArgument   Code = "invalid_argument"   // the request is malformed; Field names what
	Unauthenticated   Code = "unauthenticated"    // no valid token
	PermissionDenied  Code = "permission_denied"  // signed in, but not allowed
	NotFound          Code = "not_found"          // it does not exist, or the caller may not know that it does
	AlreadyExists     Code = "already_exists"     // a unique name is taken
	Conflict          Code = "conflict"           // the same nonce with other content, or a lost race
	ResourceExhausted Code = "resource_exhausted" // a limit or rate; RetryAfter says when it ends
	Aborted           Code = "aborted"            // an earlier command of the same connection failed; send again
	Unavailable       Code = "unavailable"        // try again with the same nonce: the outcome may be unknown
	DeadlineExceeded  Code = "deadline_exceeded"  // the caller's budget ran out
	Unimplemented     Code = "unimplemented"      // this server does not know the request
	Internal          Code = "internal"           // our bug

	SecondFactorRequired Code = "second_factor_required" // the password is right; send it again with a code
	EmailNotVerified     Code = "email_not_verified"     // this server wants the e-mail address verified first
)

// status is what each code is in HTTP.
var status = map[Code]int{
	InvalidArgument: http.StatusBadRequest, Unauthenticated: http.StatusUnauthorized, PermissionDenied: http.StatusForbidden,
	NotFound: http.StatusNotFound, AlreadyExists: http.StatusConflict, Conflict: http.StatusConflict,
	ResourceExhausted: http.StatusTooManyRequests, Aborted: http.StatusConflict, Unavailable: http.StatusServiceUnavailable,
	DeadlineExceeded: http.StatusGatewayTimeout, Unimplemented: http.StatusNotImplemented, Internal: http.StatusInternalServerError,
	SecondFactorRequired: http.StatusUnauthorized, EmailNotVerified: http.StatusForbidden,
}

// HTTPStatus is the HTTP status of a code; 500 for an unknown one.
func (c Code) HTTPStatus() int {
	if s, ok := status[c]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// Known reports whether c is one of the codes above.
func (c Code) Known() bool { _, ok := status[c]; return ok }

// Fault is an error with a code. It is immutable; the With methods return copies.
type Fault struct {
	Code Code
	// Message is safe to show to any user.
	Message string
	// Field is the JSON name of the offending field, if one is.
	Field string
	// RetryAfter is how long to wait before trying again; 0: not said.
	RetryAfter time.Duration

	op    string
	cause error
}

// New returns a fault with a message for people.
func New(code Code, format string, args ...any) *Fault {
	return &Fault{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Invalid returns an InvalidArgument for a field (its JSON name).
func Invalid(field, format string, args ...any) *Fault {
	return &Fault{Code: InvalidArgument, Message: fmt.Sprintf(format, args...), Field: field}
}

// E gives err a code; op says what was being done, for the log. The message shown is a general one of the code, unless
// err already is a fault: then that is returned as it is, with op in front of its cause.
func E(code Code, op string, err error) error {
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*Fault](err); ok {
		return f.WithCause(op, err)
	}
	return &Fault{Code: code, Message: general[code], op: op, cause: err}
}

// general is what people see of a fault that was made from another error.
var general = map[Code]string{
	InvalidArgument: "the request is not valid", Unauthenticated: "sign in again", PermissionDenied: "you may not do this",
	NotFound: "not found", AlreadyExists: "it exists already", Conflict: "it was changed at the same time; try again",
	ResourceExhausted: "too much at once; try again later", Aborted: "an earlier request failed; try again",
	Unavailable: "the service is not available right now; try again", DeadlineExceeded: "it took too long; try again",
	Unimplemented: "this server cannot do that", Internal: "something went wrong on the server",
	SecondFactorRequired: "a code of your authenticator app is needed", EmailNotVerified: "verify your e-mail address first",
}

// WithRetryAfter returns a copy that says when to try again.
func (f *Fault) WithRetryAfter(d time.Duration) *Fault {
	c := *f
	c.RetryAfter = d
	return &c
}

// WithCause returns a copy that carries what was done and the error behind it, for the log only.
func (f *Fault) WithCause(op string, err error) *Fault {
	c := *f
	c.op, c.cause = op, err
	return &c
}

// Error is for logs: it includes the cause. What people may see is Message.
func (f *Fault) Error() string {
	text := string(f.Code) + ": " + f.Message
	if f.Field != "" {
		text += " (" + f.Field + ")"
	}
	if f.cause != nil {
		text = f.op + ": " + text + ": " + f.cause.Error()
	}
	return text
}

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.cause }

// Is makes errors.Is(err, fault.New(code, "")) compare codes.
func (f *Fault) Is(target error) bool {
	t, ok := target.(*Fault)
	return ok && t.Code == f.Code && t.Message == "" && t.cause == nil
}

// From returns the fault in err. An error without one is Internal (a missing code is our bug), except the two of
// package context.
func From(err error) *Fault {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return &Fault{Code: DeadlineExceeded, Message: general[DeadlineExceeded], cause: err}
	case errors.Is(err, context.Canceled):
		return &Fault{Code: Unavailable, Message: general[Unavailable], cause: err}
	}
	return &Fault{Code: Internal, Message: general[Internal], cause: err}
}

// CodeOf is the code of err; "" when err is nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	return From(err).Code
}
