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
const errorCodes = `What went wrong. 400 invalid_argument (also 413 and 415; field says what), 401 unauthenticated, 403 permission_denied, ` +
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
		paths[r.path] = append(paths[r.path], member{"get", object{
			{"operationId", r.id}, {"tags", []string{"gateway"}}, {"summary", r.summary}, {"description", r.description},
			{"security", [][]string{}},
			{"responses", object{
				{strconv.Itoa(r.status), object{{"description", r.answer}, {"content", object{{r.contentType, object{{"schema", object{{"type", r.schema}}}}}}}}},
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
			{"securitySchemes", object{{"accessToken", object{{"type", "http"}, {"scheme", "bearer"}, {"bearerFormat", "JWT"}}}}},
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
		security = []object{{{"accessToken", [0]string{}}}}
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

// handwritten are the routes of the gateway that are no rpc; all are GET and public.
var handwritten = []struct {
	path, id, summary, description, answer, contentType, schema string
	status                                                      int
}{
	{"/ws", "connect", "The WebSocket.", "Subprotocols natter.v1.json and natter.v1.proto. Its frames are described in asyncapi.yaml.",
		"Switching protocols.", "application/octet-stream", "string", 101},
	{"/.well-known/jwks.json", "getKeys", "The public keys of access tokens.", "A JWK set (RFC 7517). Keys are published before they sign.",
		"The keys.", "application/json", "object", 200},
	{"/docs", "getDocs", "This API, for people.", "", "A page.", "text/html", "string", 200},
	{"/docs/openapi.yaml", "getOpenAPI", "This document.", "", "The document.", "application/yaml", "string", 200},
	{"/docs/asyncapi.yaml", "getAsyncAPI", "The WebSocket protocol and the NATS subjects as AsyncAPI.", "", "The document.", "application/yaml", "string", 200},
}
