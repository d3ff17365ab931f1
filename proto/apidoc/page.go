package main

import (
	"bytes"
	_ "embed"
	"html/template"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	httpv1 "github.com/natter-chat/natter/proto/gen/natter/http/v1"
	"github.com/natter-chat/natter/proto/route"
)

//go:embed page.tmpl.html
var pageTemplate string

// The data of page.tmpl.html.
type (
	pageData struct {
		Routes []pageRoute
		Sides  []pageSide
		Types  []pageType
	}
	pageRoute struct {
		Method, Path, Summary, Rate, Answer string
		Status                              int
		Public, List                        bool
		Input                               []pageField
	}
	// pageSide is the frames of one direction.
	pageSide struct {
		Title  string
		Frames []pageField
	}
	pageType struct {
		Name, Comment string
		Fields        []pageField
	}
	pageField struct {
		Name, Where, Comment string
		Type                 string
		// Link is the name of the type to jump to, if it has a section.
		Link string
	}
)

// page is the whole API as one HTML page without scripts.
func page(s *source) ([]byte, error) {
	tmpl, err := template.New("page").Parse(pageTemplate)
	if err != nil {
		return nil, err
	}
	var data pageData
	types := map[protoreflect.FullName]protoreflect.MessageDescriptor{}
	for _, r := range s.routes {
		data.Routes = append(data.Routes, describeRoute(r))
		collect(types, answerMessage(r))
	}
	for _, side := range []struct{ title, frame string }{
		{"From the client", "client.v1.ClientFrame"}, {"From the server", "client.v1.ServerFrame"},
	} {
		frame, err := s.message(side.frame)
		if err != nil {
			return nil, err
		}
		kinds := frame.Oneofs().Get(0).Fields()
		described := pageSide{Title: side.title}
		for i := range kinds.Len() {
			field := describeField(kinds.Get(i))
			field.Comment = comment(kinds.Get(i).Message())
			described.Frames = append(described.Frames, field)
			collect(types, kinds.Get(i).Message())
		}
		data.Sides = append(data.Sides, described)
	}
	for _, m := range types {
		t := pageType{Name: shortName(m), Comment: comment(m)}
		for i := range m.Fields().Len() {
			t.Fields = append(t.Fields, describeField(m.Fields().Get(i)))
		}
		data.Types = append(data.Types, t)
	}
	slices.SortFunc(data.Types, func(a, b pageType) int { return strings.Compare(a.Name, b.Name) })
	var out bytes.Buffer
	err = tmpl.Execute(&out, data)
	return out.Bytes(), err
}

func describeRoute(r route.Route) pageRoute {
	described := pageRoute{
		Method: r.Method, Path: r.Path, Summary: r.Summary, Rate: rateClass(r), Status: r.Status,
		Public: r.Access == httpv1.Access_ACCESS_PUBLIC, Answer: shortName(answerMessage(r)),
		List: r.Response != nil && r.Response.IsList(),
	}
	fields := r.RPC.Input().Fields()
	for i := range fields.Len() {
		field := describeField(fields.Get(i))
		field.Where = "query"
		if slices.Contains(r.InPath, fields.Get(i)) {
			field.Where = "path"
		} else if r.HasBody {
			field.Where = "body"
		}
		described.Input = append(described.Input, field)
	}
	return described
}

func answerMessage(r route.Route) protoreflect.MessageDescriptor {
	if r.Response != nil {
		return r.Response.Message()
	}
	return r.RPC.Output()
}

// collect gathers a message and all that its fields hold, but those of google.protobuf.
func collect(types map[protoreflect.FullName]protoreflect.MessageDescriptor, m protoreflect.MessageDescriptor) {
	if types[m.FullName()] != nil || !isOurs(m) {
		return
	}
	types[m.FullName()] = m
	for i := range m.Fields().Len() {
		if inner := m.Fields().Get(i).Message(); inner != nil {
			collect(types, inner)
		}
	}
}

func isOurs(m protoreflect.MessageDescriptor) bool {
	return strings.HasPrefix(string(m.FullName()), "natter.")
}

func describeField(field protoreflect.FieldDescriptor) pageField {
	f := pageField{Name: field.JSONName(), Comment: comment(field)}
	switch m := field.Message(); {
	case m == nil && field.Kind() == protoreflect.BoolKind:
		f.Type = "boolean"
	case m == nil && field.Kind() == protoreflect.Uint32Kind:
		f.Type = "number"
	case m == nil:
		f.Type = "string"
	case isOurs(m):
		f.Type, f.Link = shortName(m), shortName(m)
	default:
		f.Type = "time (RFC 3339)"
	}
	if field.IsList() {
		f.Type += "[]"
	}
	return f
}
