package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/proto"

	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
	"github.com/natter-chat/natter/proto/route"
)

// These tests read the committed documents; `make proto-check` shows that they are what the .proto files say.

// A program that knows OpenAPI and nothing of us finds every route.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	document, err := openapi3.NewLoader().LoadFromFile("../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := document.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	routes, err := route.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range routes {
		item := document.Paths.Find(r.Path)
		if item == nil || item.GetOperation(r.Method) == nil {
			t.Errorf("%s is not there", r.Pattern())
			continue
		}
		op := item.GetOperation(r.Method)
		if op.Responses.Status(r.Status) == nil || op.Responses.Default() == nil {
			t.Errorf("%s: answers are missing", r.Pattern())
		}
		if len(op.Parameters) != len(r.InPath)+len(r.InQuery) || (op.RequestBody != nil) != r.HasBody {
			t.Errorf("%s: %d parameters, body %v", r.Pattern(), len(op.Parameters), op.RequestBody != nil)
		}
	}
	message := document.Components.Schemas["chat.Message"].Value
	for _, name := range []string{"_id", "isEdited", "reactions"} {
		if message.Properties[name] == nil || !slices.Contains(message.Required, name) {
			t.Errorf("a message has no %s", name)
		}
	}
}

// Every reference leads somewhere, and every frame is there.
func TestAsyncAPI(t *testing.T) {
	t.Parallel()
	var doc map[string]any
	if err := yaml.Unmarshal(read(t, "asyncapi.yaml"), &doc); err != nil {
		t.Fatal(err)
	}
	walk(doc, func(pointer string) {
		at := any(doc)
		for part := range strings.SplitSeq(strings.TrimPrefix(pointer, "#/"), "/") {
			m, _ := at.(map[string]any)
			at = m[part]
		}
		if at == nil {
			t.Errorf("%s leads nowhere", pointer)
		}
	})
	channels, _ := doc["channels"].(map[string]any)
	ws := fmt.Sprint(channels["ws"])
	for _, kind := range append(kinds(&clientv1.ClientFrame{}), kinds(&clientv1.ServerFrame{})...) {
		if !strings.Contains(ws, "name:"+kind+" ") {
			t.Errorf("no message for the frame %s", kind)
		}
	}
}

func kinds(frame proto.Message) (names []string) {
	fields := frame.ProtoReflect().Descriptor().Oneofs().Get(0).Fields()
	for i := range fields.Len() {
		names = append(names, fields.Get(i).JSONName())
	}
	return names
}

func walk(node any, found func(pointer string)) {
	switch node := node.(type) {
	case map[string]any:
		if pointer, ok := node["$ref"].(string); ok {
			found(pointer)
		}
		for _, child := range node {
			walk(child, found)
		}
	case []any:
		for _, child := range node {
			walk(child, found)
		}
	}
}

var link = regexp.MustCompile(`href="#([^"]*)"`)

// Every link of the page leads somewhere, and it needs nothing from elsewhere.
func TestPage(t *testing.T) {
	t.Parallel()
	text := string(read(t, "api.html"))
	for _, match := range link.FindAllStringSubmatch(text, -1) {
		if !strings.Contains(text, `id="`+match[1]+`"`) {
			t.Errorf("#%s leads nowhere", match[1])
		}
	}
	for _, foreign := range []string{"<script", "http://", "https://"} {
		if strings.Contains(text, foreign) {
			t.Errorf("the page has %s", foreign)
		}
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("../" + name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
