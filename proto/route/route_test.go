package route_test

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	httpv1 "github.com/natter-chat/natter/proto/gen/natter/http/v1"
	"github.com/natter-chat/natter/proto/route"
)

func TestAll(t *testing.T) {
	t.Parallel()
	routes, err := route.All()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(routes, func(r route.Route) bool { return r.Pattern() == "GET /chat/rooms/{roomId}/messages" })
	if i < 0 {
		t.Fatal("the history has no route")
	}
	r := routes[i]
	if r.Service != "message-store" || r.RPC.Name() != "ListMessages" || r.Status != 200 || r.Access != httpv1.Access_ACCESS_USER {
		t.Errorf("got %+v", r)
	}
	if names(r.InPath) != "roomId" || names(r.InQuery) != "before after limit thread" || r.Response.JSONName() != "messages" {
		t.Errorf("path %s, query %s, response %s", names(r.InPath), names(r.InQuery), r.Response.JSONName())
	}
}

func TestByRequest(t *testing.T) {
	t.Parallel()
	all, err := route.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range all {
		if r, err := route.ByRequest(want.RPC.Input()); err != nil || r.Pattern() != want.Pattern() || r.RPC != want.RPC {
			t.Errorf("%s takes %s, which leads to %s (%v)", want.Pattern(), want.RPC.Input().FullName(), r.Pattern(), err)
		}
	}
	if r, err := route.ByRequest(new(httpv1.Route).ProtoReflect().Descriptor()); err == nil {
		t.Errorf("a message that is no request leads to %s", r.Pattern())
	}
}

func names(fields []protoreflect.FieldDescriptor) string {
	var all []string
	for _, f := range fields {
		all = append(all, f.JSONName())
	}
	return strings.Join(all, " ")
}

// Every mistake in an option is refused, by name.
func TestMistakes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(r *httpv1.Route)
		want   string
	}{
		"none":                     {func(*httpv1.Route) {}, ""},
		"method":                   {func(r *httpv1.Route) { r.Method = "FETCH" }, `method "FETCH"`},
		"body of a GET":            {func(r *httpv1.Route) { r.Body = true }, "has no body"},
		"access forgotten":         {func(r *httpv1.Route) { r.Access = 0 }, "access is not set"},
		"scope of the public":      {func(r *httpv1.Route) { r.Access, r.Scope = 1, 1 }, "needs no scope"},
		"rate forgotten":           {func(r *httpv1.Route) { r.Rate = 0 }, "rate is not set"},
		"status":                   {func(r *httpv1.Route) { r.Status = 404 }, "status 404"},
		"relative path":            {func(r *httpv1.Route) { r.Path = "a" }, "does not begin with /"},
		"unknown placeholder":      {func(r *httpv1.Route) { r.Path = "/a/{nobody}" }, `"{nobody}" in the path`},
		"placeholder never closed": {func(r *httpv1.Route) { r.Path = "/a/{text" }, `"{text" in the path`},
		"rest of the path":         {func(r *httpv1.Route) { r.Path = "/a/{text...}" }, `"{text...}" in the path`},
		"number in the path":       {func(r *httpv1.Route) { r.Path = "/a/{count}" }, ""},
		"message in the path":      {func(r *httpv1.Route) { r.Path = "/a/{inner}" }, "inner in the path is neither a string nor a uint32"},
		"placeholder twice":        {func(r *httpv1.Route) { r.Path = "/a/{text}/{text}" }, "twice in the path"},
		"response field":           {func(r *httpv1.Route) { r.ResponseField = "nothing" }, `response_field "nothing"`},
		"response field no object": {func(r *httpv1.Route) { r.ResponseField = "text" }, `response_field "text"`},
		"list in the query":        {func(r *httpv1.Route) { r.Summary = "list" }, "list cannot be a query parameter"},
	} {
		r := &httpv1.Route{Method: "GET", Path: "/a/{text}", Access: httpv1.Access_ACCESS_USER, Rate: httpv1.RateClass_RATE_CLASS_READ, ResponseField: "nested"}
		test.change(r)
		_, err := route.Of(file(t, r))
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
}

func TestDuplicate(t *testing.T) {
	t.Parallel()
	r := &httpv1.Route{Method: "GET", Path: "/a/{text}", Access: httpv1.Access_ACCESS_USER, Rate: httpv1.RateClass_RATE_CLASS_READ}
	other := proto.CloneOf(r)
	other.Path = "/a/{more}"
	if _, err := route.Of(file(t, r, other)); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("got %v", err)
	}
}

// file has one rpc for each route. A route with the summary "list" gets a request that has a list.
func file(t *testing.T, routes ...*httpv1.Route) protoreflect.FileDescriptor {
	t.Helper()
	field := func(name string, number int32, kind descriptorpb.FieldDescriptorProto_Type) *descriptorpb.FieldDescriptorProto {
		return &descriptorpb.FieldDescriptorProto{Name: &name, JsonName: &name, Number: &number, Type: &kind, Label: new(descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL)}
	}
	text, number, message := descriptorpb.FieldDescriptorProto_TYPE_STRING, descriptorpb.FieldDescriptorProto_TYPE_UINT32, descriptorpb.FieldDescriptorProto_TYPE_MESSAGE
	request := &descriptorpb.DescriptorProto{Name: new("Request"), Field: []*descriptorpb.FieldDescriptorProto{
		field("text", 1, text), field("more", 2, text), field("count", 3, number),
	}}
	nested := field("nested", 2, message)
	nested.TypeName = new(".natter.test.v1.Reply")
	service := &descriptorpb.ServiceDescriptorProto{Name: new("Test")}
	for i, r := range routes {
		if strings.Contains(r.GetPath(), "{inner}") {
			inner := field("inner", 5, message)
			inner.TypeName = new(".natter.test.v1.Reply")
			request.Field = append(request.Field, inner)
		}
		if r.GetSummary() == "list" {
			list := field("list", 4, text)
			list.Label = new(descriptorpb.FieldDescriptorProto_LABEL_REPEATED)
			request.Field = append(request.Field, list)
		}
		options := new(descriptorpb.MethodOptions)
		proto.SetExtension(options, httpv1.E_Route, r)
		service.Method = append(service.Method, &descriptorpb.MethodDescriptorProto{
			Name: new("Method" + string(rune('A'+i))), InputType: new(".natter.test.v1.Request"), OutputType: new(".natter.test.v1.Reply"), Options: options,
		})
	}
	fd, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: new("natter/test/v1/test.proto"), Package: new("natter.test.v1"), Syntax: new("proto3"), Service: []*descriptorpb.ServiceDescriptorProto{service},
		MessageType: []*descriptorpb.DescriptorProto{request, {Name: new("Reply"), Field: []*descriptorpb.FieldDescriptorProto{field("text", 1, text), nested}}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	return fd
}
