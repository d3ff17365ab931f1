// Package route reads the HTTP routes out of the .proto files: every rpc with the option natter.http.v1.route is one. The
// gateway builds its router from them, and proto/apidoc the documents.
package route

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	edgegatewayv1 "github.com/natter-chat/natter/proto/gen/natter/edge_gateway/v1"
	httpv1 "github.com/natter-chat/natter/proto/gen/natter/http/v1"
	messagestorev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
)

// Route is one HTTP route and the rpc behind it.
type Route struct {
	// Method and Path make a pattern of net/http: "GET", "/chat/rooms/{roomId}".
	Method, Path string
	// Service is the name of the service on the bus, such as "message-store".
	Service string
	RPC     protoreflect.MethodDescriptor
	// InPath are the fields of the request that Path has placeholders for, in the order of the path: strings and numbers.
	InPath []protoreflect.FieldDescriptor
	// InQuery are the fields that query parameters fill: strings, numbers, booleans. None when the route has a body.
	InQuery []protoreflect.FieldDescriptor
	// HasBody: a JSON object fills the request; what the path says wins.
	HasBody bool
	// Response is the field of the reply that is the whole answer; nil: the reply itself is.
	Response protoreflect.FieldDescriptor
	Access   httpv1.Access
	Rate     httpv1.RateClass
	// Scope is what an API token needs here: "read", "write" or "admin"; empty: none is let in.
	Scope string
	// Status is that of success.
	Status int
	// Summary is one line for the documentation.
	Summary string
}

// Pattern is the route as net/http and people write it: "GET /chat/rooms/{roomId}".
func (r *Route) Pattern() string { return r.Method + " " + r.Path }

// All are the routes of this version of Natter. An error is a mistake in a .proto file.
func All() ([]Route, error) {
	return Of(
		edgegatewayv1.File_natter_edge_gateway_v1_messages_proto,
		authv1.File_natter_auth_v1_auth_proto,
		authv1.File_natter_auth_v1_accounts_proto,
		authv1.File_natter_auth_v1_sso_proto,
		authv1.File_natter_auth_v1_tokens_proto,
		authv1.File_natter_auth_v1_audit_proto,
		authv1.File_natter_auth_v1_names_proto,
		authv1.File_natter_auth_v1_presence_proto,
		roomsv1.File_natter_rooms_v1_rooms_proto,
		roomsv1.File_natter_rooms_v1_moderation_proto,
		roomsv1.File_natter_rooms_v1_access_proto,
		messagestorev1.File_natter_message_store_v1_search_proto,
		messagestorev1.File_natter_message_store_v1_message_store_proto,
		messagestorev1.File_natter_message_store_v1_history_proto,
		messagestorev1.File_natter_message_store_v1_read_state_proto,
		messagestorev1.File_natter_message_store_v1_threads_proto,
		messagestorev1.File_natter_message_store_v1_mentions_proto,
		messagestorev1.File_natter_message_store_v1_files_proto,
	)
}

// Of are the routes of these files, in their order. The error names every rpc whose option makes no route.
func Of(files ...protoreflect.FileDescriptor) ([]Route, error) {
	var routes []Route
	var errs []error
	seen := map[string]protoreflect.FullName{}
	for _, file := range files {
		for rpc := range methods(file) {
			options, _ := proto.GetExtension(rpc.Options(), httpv1.E_Route).(*httpv1.Route)
			if options == nil {
				continue
			}
			r, err := parse(rpc, options)
			if other, taken := seen[shape(r)]; err == nil && taken {
				err = fmt.Errorf("%s is the route of %s already", r.Pattern(), other)
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("route of %s: %w", rpc.FullName(), err))
				continue
			}
			seen[shape(r)] = rpc.FullName()
			routes = append(routes, r)
		}
	}
	return routes, errors.Join(errs...)
}

// ByRequest is the route of the rpc that takes this message; every rpc has a request of its own. An error says that there is
// none, or a mistake in the .proto file.
func ByRequest(request protoreflect.MessageDescriptor) (Route, error) {
	found, err := Route{}, fmt.Errorf("no route takes a %s", request.FullName())
	protoregistry.GlobalFiles.RangeFilesByPackage(request.ParentFile().Package(), func(file protoreflect.FileDescriptor) bool {
		for rpc := range methods(file) {
			options, _ := proto.GetExtension(rpc.Options(), httpv1.E_Route).(*httpv1.Route)
			if options != nil && rpc.Input().FullName() == request.FullName() {
				found, err = parse(rpc, options)
				return false
			}
		}
		return true
	})
	return found, err
}

func methods(file protoreflect.FileDescriptor) func(yield func(protoreflect.MethodDescriptor) bool) {
	return func(yield func(protoreflect.MethodDescriptor) bool) {
		for i := range file.Services().Len() {
			all := file.Services().Get(i).Methods()
			for j := range all.Len() {
				if !yield(all.Get(j)) {
					return
				}
			}
		}
	}
}

// shape is the pattern without the names of its placeholders: two routes of one shape would take the same requests.
func shape(r Route) string {
	parts := strings.Split(r.Pattern(), "/")
	for i, part := range parts {
		if strings.HasPrefix(part, "{") {
			parts[i] = "{}"
		}
	}
	return strings.Join(parts, "/")
}

func parse(rpc protoreflect.MethodDescriptor, o *httpv1.Route) (Route, error) {
	r := Route{
		Method: o.GetMethod(), Path: o.GetPath(), RPC: rpc, HasBody: o.GetBody(),
		Access: o.GetAccess(), Rate: o.GetRate(), Status: int(o.GetStatus()), Summary: o.GetSummary(),
	}
	if r.Status == 0 {
		r.Status = http.StatusOK
	}
	if o.GetScope() != httpv1.Scope_SCOPE_UNSPECIFIED {
		r.Scope = strings.ToLower(strings.TrimPrefix(o.GetScope().String(), "SCOPE_"))
	}
	switch {
	case rpc.IsStreamingClient() || rpc.IsStreamingServer():
		return r, errors.New("a streaming rpc cannot be a route")
	case !slices.Contains([]string{"GET", "POST", "PUT", "PATCH", "DELETE"}, r.Method):
		return r, fmt.Errorf("method %q is not GET, POST, PUT, PATCH or DELETE", r.Method)
	case r.HasBody && (r.Method == http.MethodGet || r.Method == http.MethodDelete):
		return r, fmt.Errorf("a %s request has no body", r.Method)
	case r.Access == httpv1.Access_ACCESS_UNSPECIFIED:
		return r, errors.New("access is not set")
	case r.Access == httpv1.Access_ACCESS_PUBLIC && r.Scope != "":
		return r, errors.New("what is public needs no scope")
	case r.Rate == httpv1.RateClass_RATE_CLASS_UNSPECIFIED:
		return r, errors.New("rate is not set")
	case r.Status < 200 || r.Status > 299:
		return r, fmt.Errorf("status %d does not mean success", r.Status)
	}
	err := errors.Join(r.setService(), r.setInputs(), r.setResponse(o.GetResponseField()))
	return r, err
}

// setService takes the name of the service from the package: natter.message_store.v1 → message-store.
func (r *Route) setService() error {
	parts := strings.Split(string(r.RPC.ParentFile().Package()), ".")
	if len(parts) != 3 || parts[0] != "natter" {
		return fmt.Errorf("package %q is not natter.<service>.<version>", r.RPC.ParentFile().Package())
	}
	r.Service = strings.ReplaceAll(parts[1], "_", "-")
	return nil
}

// setInputs says where each field of the request comes from.
func (r *Route) setInputs() error {
	if !strings.HasPrefix(r.Path, "/") {
		return fmt.Errorf("path %q does not begin with /", r.Path)
	}
	fields := r.RPC.Input().Fields()
	for part := range strings.SplitSeq(r.Path, "/") {
		if !strings.ContainsAny(part, "{}") {
			continue
		}
		name, opened := strings.CutPrefix(part, "{")
		name, closed := strings.CutSuffix(name, "}")
		field := fields.ByJSONName(name)
		switch {
		case !opened || !closed || field == nil:
			return fmt.Errorf("%q in the path is not a field of %s", part, r.RPC.Input().FullName())
		case field.Kind() != protoreflect.StringKind && field.Kind() != protoreflect.Uint32Kind || field.IsList():
			return fmt.Errorf("%s in the path is neither a string nor a uint32", name)
		case slices.Contains(r.InPath, field):
			return fmt.Errorf("%s is twice in the path", name)
		}
		r.InPath = append(r.InPath, field)
	}
	for i := range fields.Len() {
		field := fields.Get(i)
		if r.HasBody || slices.Contains(r.InPath, field) {
			continue
		}
		switch field.Kind() {
		case protoreflect.StringKind, protoreflect.Uint32Kind, protoreflect.BoolKind:
		default:
			return fmt.Errorf("%s cannot be a query parameter: %s", field.JSONName(), field.Kind())
		}
		if field.IsList() {
			return fmt.Errorf("%s cannot be a query parameter: it is repeated", field.JSONName())
		}
		r.InQuery = append(r.InQuery, field)
	}
	return nil
}

func (r *Route) setResponse(name string) error {
	if name == "" {
		return nil
	}
	r.Response = r.RPC.Output().Fields().ByJSONName(name)
	if r.Response == nil || r.Response.Kind() != protoreflect.MessageKind || r.Response.IsMap() {
		return fmt.Errorf("response_field %q is not a message, or a list of messages, in %s", name, r.RPC.Output().FullName())
	}
	return nil
}
