package main

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	httpv1 "github.com/natter-chat/natter/proto/gen/natter/http/v1"
	"github.com/natter-chat/natter/proto/route"
)

const httpDescription = `Requests and answers are JSON. Errors have one shape, with a code to compare and a message to show. ` +
	`Unknown fields are ignored, in both directions: an API grows without breaking its clients. ` +
	`Sign in with /auth/login and send the access token in the Authorization header.`

// errorCodes are those of package fault, with their statuses.
const errorCodes = `What went wrong. 400 invalid_argument (also 413 and 415; field says what), 401 unauthenticated or second_factor_required, 403 permission_denied or email_not_verified, ` +
	`404 not_found, 409 already_exists, conflict or aborted, 429 resource_exhausted, 500 internal, 501 unimplemented (405 for a wrong method), ` +
	`503 unavailable, 504 deadline_exceeded.`

// openAPI is the HTTP API as OpenAPI 3.1.
func openAPI(s *source) ([]byte, error) {
	all := newSchemas()
	paths := map[string]object{}
	for _, r := range s.routes {
		paths[r.Path] = append(paths[r.Path], member{strings.ToLower(r.Method), operation(r, all)})
	}
	for _, r := range handwritten {
		operation, err := handwrittenOperation(r, s, all)
		if err != nil {
			return nil, err
		}
		paths[r.path] = append(paths[r.path], member{cmp.Or(r.method, "get"), operation})
	}
	for _, r := range handwrittenCalls {
		request, err := s.message(r.request)
		if err != nil {
			return nil, err
		}
		reply, err := s.message(r.reply)
		if err != nil {
			return nil, err
		}
		paths[r.path] = append(paths[r.path], member{"post", object{
			{"operationId", r.id}, {"tags", []string{"gateway"}}, {"summary", r.summary}, {"description", r.description},
			{"security", [][]string{}},
			{"requestBody", object{{"required", false}, {"content", jsonContent(all.of(request, false))}}},
			{"responses", object{
				{"200", object{{"description", "Done."}, {"content", jsonContent(all.of(reply, true))}}},
				{"default", ref("responses", "Error")},
			}},
		}})
	}
	var sorted object
	for path, operations := range paths {
		sorted = append(sorted, member{path, operations})
	}
	slices.SortFunc(sorted, func(a, b member) int { return cmp.Compare(a.key, b.key) })

	return writeYAML(object{
		{"openapi", "3.1.0"},
		{"info", object{{"title", "Natter"}, {"version", "1"}, {"description", httpDescription}}},
		{"paths", sorted},
		{"components", object{
			{"securitySchemes", object{
				{"accessToken", object{{"type", "http"}, {"scheme", "bearer"}, {"bearerFormat", "JWT"}}},
				{"apiToken", object{
					{"type", "http"}, {"scheme", "bearer"}, {"bearerFormat", "natter_…"},
					{"description", "A token of POST /auth/tokens, with the scope named. Routes that do not name this scheme let none in."},
				}},
			}},
			{"responses", object{{"Error", object{
				{"description", errorCodes},
				{"headers", object{{"Retry-After", object{
					{"description", "Seconds to wait before trying again, if that helps."}, {"schema", object{{"type", "integer"}}},
				}}}},
				{"content", jsonContent(ref("schemas", "Error"))},
			}}}},
			{"schemas", append(all.list(), member{"Error", errorSchema()})},
		}},
	})
}

func errorSchema() object {
	text := object{{"type", "string"}}
	return object{{"type", "object"}, {"required", []string{"error"}}, {"properties", object{{"error", object{
		{"type", "object"}, {"required", []string{"code", "message"}}, {"properties", object{
			{"code", text}, {"message", text}, {"field", append(text, member{"description", "JSON name of the offending field."})},
		}},
	}}}}}
}

func operation(r route.Route, all *schemas) object {
	var parameters []object
	for _, field := range r.InPath {
		parameters = append(parameters, parameter(field, "path", all))
	}
	for _, field := range r.InQuery {
		parameters = append(parameters, parameter(field, "query", all))
	}
	var body object
	if r.HasBody {
		body = object{{"required", true}, {"content", jsonContent(all.of(r.RPC.Input(), false))}}
	}
	var security any = [][]string{}
	if r.Access == httpv1.Access_ACCESS_USER {
		ways := []object{{{"accessToken", [0]string{}}}}
		if r.Scope != "" {
			ways = append(ways, object{{"apiToken", []string{r.Scope}}})
		}
		security = ways
	}
	return object{
		{"operationId", lowerFirst(r.RPC.Name())},
		{"tags", []string{r.Service}},
		{"summary", r.Summary},
		{"description", comment(r.RPC)},
		{"security", security},
		{"x-rate-class", rateClass(r)},
		{"parameters", parameters},
		{"requestBody", body},
		{"responses", object{
			{strconv.Itoa(r.Status), object{{"description", "Done."}, {"content", jsonContent(answerSchema(r, all))}}},
			{"default", ref("responses", "Error")},
		}},
	}
}

func handwrittenOperation(r handwrittenRoute, s *source, all *schemas) (object, error) {
	var parameters []object
	for part := range strings.SplitSeq(r.path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			parameters = append(parameters, textParameter(strings.TrimSuffix(name, "}"), "path", "", true))
		}
	}
	for _, q := range r.query {
		parameters = append(parameters, textParameter(q.name, "query", q.description, nil))
	}
	var security any = [][]string{}
	if r.signedIn {
		ways := []object{{{"accessToken", [0]string{}}}}
		if r.scope != "" {
			ways = append(ways, object{{"apiToken", []string{r.scope}}})
		}
		if r.isPublic {
			ways = append(ways, object{})
		}
		security = ways
	}
	var body object
	if r.file != "" {
		body = object{{"required", true}, {"description", r.file}, {"content", binary()}}
	}
	answer := object{{"description", r.answer}}
	switch {
	case r.reply != "":
		reply, err := s.message(r.reply)
		if err != nil {
			return nil, err
		}
		answer = append(answer, member{"content", jsonContent(all.of(reply, true))})
	case r.schema == "binary":
		answer = append(answer, member{"content", binary()})
	case r.contentType != "":
		answer = append(answer, member{"content", object{{r.contentType, object{{"schema", object{{"type", r.schema}}}}}}})
	}
	return object{
		{"operationId", r.id}, {"tags", []string{"gateway"}}, {"summary", r.summary}, {"description", r.description},
		{"security", security}, {"parameters", parameters}, {"requestBody", body},
		{"responses", object{{strconv.Itoa(r.status), answer}, {"default", ref("responses", "Error")}}},
	}, nil
}

func textParameter(name, in, description string, required any) object {
	return object{{"name", name}, {"in", in}, {"required", required}, {"description", description}, {"schema", object{{"type", "string"}}}}
}

func rateClass(r route.Route) string {
	return strings.ToLower(strings.TrimPrefix(r.Rate.String(), "RATE_CLASS_"))
}

func parameter(field protoreflect.FieldDescriptor, in string, all *schemas) object {
	schema := slices.DeleteFunc(all.field(field, false), func(m member) bool { return m.key == "description" })
	var required any
	if in == "path" {
		required = true
	}
	return object{{"name", field.JSONName()}, {"in", in}, {"required", required}, {"description", comment(field)}, {"schema", schema}}
}

func answerSchema(r route.Route, all *schemas) object {
	switch {
	case r.Response == nil:
		return all.of(r.RPC.Output(), true)
	case r.Response.IsList():
		return object{{"type", "array"}, {"items", all.of(r.Response.Message(), true)}}
	}
	return all.of(r.Response.Message(), true)
}

func jsonContent(schema object) object {
	return object{{"application/json", object{{"schema", schema}}}}
}

// handwrittenRoute is a route of the gateway that is no rpc. Unset, its method is get, and it is public.
type handwrittenRoute struct {
	path, id, summary, description, answer, contentType, schema string
	status                                                      int
	method                                                      string
	query                                                       []queryParameter
	signedIn                                                    bool
	// scope is what an API token needs; isPublic: it may be called without signing in, too.
	scope    string
	isPublic bool
	// file describes a body that is a file, reply is the message of the answer.
	file, reply string
}

// binary is any bytes.
func binary() object {
	return object{{"*/*", object{{"schema", object{{"type", "string"}, {"format", "binary"}}}}}}
}

type queryParameter struct{ name, description string }

var handwritten = []handwrittenRoute{
	{path: "/ws", id: "connect", summary: "The WebSocket.", description: "Subprotocols natter.v1.json and natter.v1.proto. Its frames are described in asyncapi.yaml.", answer: "Switching protocols.", contentType: "application/octet-stream", schema: "string", status: 101},
	{path: "/.well-known/jwks.json", id: "getKeys", summary: "The public keys of access tokens.", description: "A JWK set (RFC 7517). Keys are published before they sign.", answer: "The keys.", contentType: "application/json", schema: "object", status: 200},
	{path: "/docs", id: "getDocs", summary: "This API, for people.", answer: "A page.", contentType: "text/html", schema: "string", status: 200},
	{path: "/docs/openapi.yaml", id: "getOpenAPI", summary: "This document.", answer: "The document.", contentType: "application/yaml", schema: "string", status: 200},
	{path: "/docs/asyncapi.yaml", id: "getAsyncAPI", summary: "The WebSocket protocol and the NATS subjects as AsyncAPI.", answer: "The document.", contentType: "application/yaml", schema: "string", status: 200},
	{
		path: "/auth/sso/{provider}", id: "beginSignOn", summary: "Send a browser to an OpenID provider to sign in.",
		description: "For a link, not for fetch: it sets a cookie and redirects. The browser comes back signed in, with the cookie of " +
			"POST /auth/refresh. Who is new gets an account. An account with the same e-mail address is linked if the address is verified on " +
			"both sides; an account that never verified it loses its password, its sessions and every other way in, because somebody else may " +
			"have registered the address before.",
		query: []queryParameter{
			{"returnTo", "Path of this server to come back to, or the listener of a native client, http://127.0.0.1:<port>/…; see /auth/sso/exchange."},
			{"codeChallenge", "PKCE of a native client (RFC 7636, S256)."},
			{"invitation", "The code of an invitation, on a server that takes new users by invitation only."},
		},
		answer: "To the provider.", status: 302,
	},
	{
		path: "/auth/sso/{provider}/callback", id: "finishSignOn", summary: "Where a provider sends the browser back to.",
		description: "The redirect URI to register at the provider. It works once, in the browser that began, within 10 minutes.",
		query:       []queryParameter{{"code", ""}, {"state", ""}, {"iss", ""}, {"error", ""}},
		answer:      "To returnTo; a native client's gets ?code=.", status: 303,
	},
	{
		path: "/auth/sso/{provider}/link", method: "post", id: "linkIdentity", signedIn: true,
		summary:     "Begin to link an account at an OpenID provider to the caller's.",
		description: "Sets a cookie; the page then sends the browser to the url of the answer, and gets it back at returnTo.",
		query:       []queryParameter{{"returnTo", "Path of this server to come back to."}},
		answer:      "{url}", contentType: "application/json", schema: "object", status: 200,
	},
	{
		path: "/chat/rooms/{roomId}/files", method: "post", id: "uploadFile", signedIn: true, scope: "write",
		summary: "Upload a file to a room, to send it in a message then.",
		description: "Its type is found out by the server; images of a kind that it can read get a size and, if they are large, a thumbnail. Send it with the type image or " +
			"file and fileUrl /files/<id>, within a day, in one message. An upload that is cut off leaves nothing. Besides the errors that all routes have: 413 when the file " +
			"is too large, 429 with the field body when it is more than the quota of the user, 408 when the upload stood still.",
		query: []queryParameter{{"name", "What the file is called; up to 255 bytes are kept."}},
		file:  "The bytes of the file, with any Content-Type.", answer: "The file.", reply: "chat.v1.File", status: 201,
	},
	{
		path: "/files/avatars", method: "post", id: "uploadAvatar", signedIn: true, scope: "write",
		summary:     "Upload a picture of a user or a room.",
		description: "The middle of it is kept as a square of 256×256 pixels, for anybody who has its path /files/<id>: that is what to set as an avatar.",
		file:        "A PNG, JPEG, GIF or WebP of up to 2 MiB.", answer: "The file.", reply: "chat.v1.File", status: 201,
	},
	{
		path: "/files/{fileId}", id: "getFile", signedIn: true, scope: "read", isPublic: true,
		summary: "The bytes of a file, or of a part of it (Range).",
		description: "For members of the room that it was sent in; for who has a link of POST /files/links, as long as it is good; for anybody, of avatars. What may hold a script " +
			"comes as an attachment.",
		query: linkParameters, answer: "The bytes.", schema: "binary", status: 200,
	},
	{
		path: "/files/{fileId}/thumbnail", id: "getThumbnail", signedIn: true, scope: "read", isPublic: true,
		summary: "A smaller picture of an image that hasThumbnail, within 480×480 pixels: PNG or JPEG.", query: linkParameters, answer: "The bytes.", schema: "binary", status: 200,
	},
}

// linkParameters are those of a link to a file.
var linkParameters = []queryParameter{{"expires", "Of a link."}, {"signature", "Of a link."}}

// handwrittenCalls are the routes of the gateway that forward JSON to auth, but also read or write the refresh token's cookie.
var handwrittenCalls = []struct{ path, id, summary, description, request, reply string }{
	{
		"/auth/refresh", "refresh", "A fresh access token.",
		"Exchanges the refresh token, which is good once: the next one comes where this one came from, the cookie natter_refresh or the body. " +
			"To have it in the body, sign in with the header Natter-Refresh-Token: body. A token that is sent again within 30 seconds returns the " +
			"same successor; later that ends the session, because one of two owners is a thief.",
		"auth.v1.RefreshRequest", "auth.v1.SignedIn",
	},
	{
		"/auth/logout", "logout", "End the session, or with everywhere all of the user's.",
		"The session is that of the refresh token, in the cookie or in the body, or else of the access token. Its connections are closed with " +
			"4103 and its access tokens refused within a second. That it has ended already is no error.",
		"auth.v1.LogoutRequest", "auth.v1.LogoutResponse",
	},
}
