package client

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/natter-chat/natter/pkg/fault"
	httpv1 "github.com/natter-chat/natter/proto/gen/natter/http/v1"
	"github.com/natter-chat/natter/proto/route"
)

// httpCall is one HTTP request.
type httpCall struct {
	method string
	path   string // escaped
	query  url.Values
	body   []byte // JSON; nil: none
	public bool   // no token
	signIn bool   // the refresh token is to be in the answer
}

// call makes the request of an rpc, as its route in the .proto file says, and decodes the answer into res.
func call[Res proto.Message](ctx context.Context, c *Client, req proto.Message, res Res) (Res, error) {
	return sendCall(ctx, c, req, res, false)
}

func sendCall[Res proto.Message](ctx context.Context, c *Client, req proto.Message, res Res, signIn bool) (Res, error) {
	var none Res
	r, err := route.ByRequest(req.ProtoReflect().Descriptor())
	if err != nil {
		return none, err
	}
	made, err := newCall(&r, req)
	if err != nil {
		return none, err
	}
	made.signIn = signIn
	answer, err := c.do(ctx, made)
	if err != nil {
		return none, err
	}
	if r.Response != nil { // the answer is this field alone
		answer = fmt.Appendf(nil, `{%q:%s}`, r.Response.JSONName(), answer)
	}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(answer, res); err != nil {
		return none, fmt.Errorf("the server's answer cannot be read: %w", err)
	}
	return res, nil
}

// done is call for those whose answer says nothing.
func done[Res proto.Message](ctx context.Context, c *Client, req proto.Message, res Res) error {
	_, err := call(ctx, c, req, res)
	return err
}

// newCall puts the fields of a request where the route wants them.
func newCall(r *route.Route, req proto.Message) (httpCall, error) {
	made := httpCall{method: r.Method, path: r.Path, query: url.Values{}, public: r.Access == httpv1.Access_ACCESS_PUBLIC}
	rest := proto.Clone(req)
	for _, field := range r.InPath {
		element := text(req, field)
		if element == "" || element == "." || element == ".." { // would be another path
			return made, fault.Invalid(field.JSONName(), "%q is not an id", element)
		}
		made.path = strings.Replace(made.path, "{"+field.JSONName()+"}", url.PathEscape(element), 1)
		rest.ProtoReflect().Clear(field)
	}
	for _, field := range r.InQuery {
		if req.ProtoReflect().Has(field) {
			made.query.Set(field.JSONName(), text(req, field))
		}
	}
	if !r.HasBody {
		return made, nil
	}
	var err error
	if made.body, err = protojson.Marshal(rest); err != nil {
		return made, fault.Invalid("body", "this cannot be encoded; is it UTF-8?").WithCause("client.encode", err)
	}
	return made, nil
}

// text is a field as it stands in a path or a query: a string, number or boolean.
func text(m proto.Message, field protoreflect.FieldDescriptor) string {
	return m.ProtoReflect().Get(field).String()
}

// do sends a call and returns the body of the answer, with a fresh token if the one in use is refused.
func (c *Client) do(ctx context.Context, made httpCall) ([]byte, error) {
	if made.public {
		return c.roundTrip(ctx, made, "")
	}
	token, err := c.tokens.get(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := c.roundTrip(ctx, made, token)
	if fault.CodeOf(err) != fault.Unauthenticated || !c.tokens.canRefresh() {
		return answer, err
	}
	if token, err = c.tokens.refresh(ctx, token); err != nil {
		return nil, err
	}
	return c.roundTrip(ctx, made, token)
}

func (c *Client) roundTrip(ctx context.Context, made httpCall, token string) ([]byte, error) {
	var body io.Reader
	if made.body != nil {
		body = bytes.NewReader(made.body)
	}
	target := c.base.JoinPath(made.path)
	target.RawQuery = made.query.Encode()
	req, err := http.NewRequestWithContext(ctx, made.method, target.String(), body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if made.signIn {
		req.Header.Set("Natter-Refresh-Token", "body")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, answerLimit))
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", req.URL.Path, err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, readError(resp, answer)
	}
	return answer, nil
}
