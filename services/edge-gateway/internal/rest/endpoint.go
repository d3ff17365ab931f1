package rest

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/rpc"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	httpv1 "github.com/natter-chat/natter/proto/gen/natter/http/v1"
	"github.com/natter-chat/natter/proto/route"
	"github.com/natter-chat/natter/services/edge-gateway/internal/clientaddr"
	"github.com/natter-chat/natter/services/edge-gateway/internal/jsonbody"
)

// endpoint serves one route.
type endpoint struct {
	*api
	route          route.Route
	request, reply protoreflect.MessageType
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, err := e.admit(r)
	if err != nil {
		e.fail(w, r, err)
		return
	}
	req, res := e.request.New().Interface(), e.reply.New().Interface()
	if err := e.decode(w, r, req); err != nil {
		e.fail(w, r, err)
		return
	}
	caller := e.Caller
	if e.route.Service == "edge-gateway" {
		caller = e.Own
	}
	if err := caller.Call(ctx, e.route.Service, string(e.route.RPC.Name()), req, res); err != nil {
		e.fail(w, r, err)
		return
	}
	if in, ok := res.(*authv1.SignedIn); ok {
		e.handOver(w, r, in)
	}
	e.answer(w, r, res)
}

// admit says who calls, and whether they may now. The context it returns calls on their behalf.
func (e *endpoint) admit(r *http.Request) (context.Context, error) {
	ctx := e.withClient(r)
	key := clientaddr.Key(e.proxies.Of(r))
	if e.route.Access != httpv1.Access_ACCESS_PUBLIC {
		caller, err := e.callerOf(ctx, r, e.route.Scope)
		if err != nil {
			return nil, err
		}
		ctx = rpc.WithCaller(ctx, caller)
		key = caller.User.String()
	}
	return ctx, e.limits.take(e.route.Rate, key, time.Now())
}

// callerOf is who is signed in; an API token must have the scope ("": none has).
func (a *api) callerOf(ctx context.Context, r *http.Request, scope string) (authn.Caller, error) {
	token, err := bearer(r)
	if err != nil {
		return authn.Caller{}, err
	}
	identity, err := a.Verifier.Verify(ctx, token)
	if err == nil && !identity.May(scope) {
		err = errScope(scope)
	}
	return identity.Caller, err
}

// withClient is the context of a request, whose calls say which program they are made for.
func (a *api) withClient(r *http.Request) context.Context {
	c := authn.Client{UserAgent: r.UserAgent()}
	if address := a.proxies.Of(r); address.IsValid() {
		c.Address = address.String()
	}
	return rpc.WithClient(r.Context(), c)
}

// errScope is what an API token is told that was not made for this.
func errScope(scope string) error {
	if scope == "" {
		return fault.New(fault.PermissionDenied, "API tokens may not do this: sign in")
	}
	return fault.New(fault.PermissionDenied, "this API token does not have the scope %s", scope)
}

// bearer is the token of the Authorization header (RFC 6750). A token in the URL is not looked at: URLs end up in logs.
func bearer(r *http.Request) (string, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if token = strings.TrimSpace(token); !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", fault.New(fault.Unauthenticated, "sign in first: the header Authorization: Bearer <access token> is missing")
	}
	return token, nil
}

// decode fills the request from the body or the query, and then from the path.
func (e *endpoint) decode(w http.ResponseWriter, r *http.Request, req proto.Message) error {
	var err error
	if e.route.HasBody {
		err = e.decodeBody(w, r, req)
	} else {
		err = e.decodeQuery(r, req)
	}
	if err != nil {
		return err
	}
	for _, field := range e.route.InPath {
		if err := setField(req, field, r.PathValue(field.JSONName())); err != nil {
			return err
		}
	}
	return nil
}

func (a *api) decodeBody(w http.ResponseWriter, r *http.Request, req proto.Message) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(a.Config.MaxBody)))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return statusError{http.StatusRequestEntityTooLarge, fault.Invalid("body", "the body is larger than %d bytes", a.Config.MaxBody)}
	}
	if err != nil {
		return fault.Invalid("body", "the body ended too early").WithCause("read body", err)
	}
	if len(body) == 0 {
		return nil // as good as {}: what is required is named by the service
	}
	if mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); mediaType != "application/json" {
		return statusError{http.StatusUnsupportedMediaType, fault.Invalid("body", "the Content-Type must be application/json")}
	}
	return jsonbody.Unmarshal(body, req, "body")
}

func (e *endpoint) decodeQuery(r *http.Request, req proto.Message) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return fault.Invalid("query", "the query of the URL is malformed")
	}
	for _, field := range e.route.InQuery {
		switch values := query[field.JSONName()]; len(values) {
		case 0:
		case 1:
			if err := setField(req, field, values[0]); err != nil {
				return err
			}
		default:
			return fault.Invalid(field.JSONName(), "%s is given more than once", field.JSONName())
		}
	}
	return nil
}

// setField sets a string, number or boolean (package route admits no others) from its text.
func setField(req proto.Message, field protoreflect.FieldDescriptor, text string) error {
	var value protoreflect.Value
	switch field.Kind() {
	case protoreflect.Uint32Kind:
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return fault.Invalid(field.JSONName(), "%s is not a number from 0 to 4294967295", field.JSONName())
		}
		value = protoreflect.ValueOfUint32(uint32(n))
	case protoreflect.BoolKind:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fault.Invalid(field.JSONName(), "%s is neither true nor false", field.JSONName())
		}
		value = protoreflect.ValueOfBool(b)
	default:
		if !utf8.ValidString(text) {
			return fault.Invalid(field.JSONName(), "%s is not valid UTF-8", field.JSONName())
		}
		value = protoreflect.ValueOfString(text)
	}
	req.ProtoReflect().Set(field, value)
	return nil
}
