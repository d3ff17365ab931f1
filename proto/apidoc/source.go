package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/natter-chat/natter/proto/route"
)

// source is the .proto files, with their comments.
type source struct {
	files  *protoregistry.Files
	routes []route.Route
	// rpcs are all of them, routes or not.
	rpcs []protoreflect.MethodDescriptor
}

func parseSource(raw []byte) (*source, error) {
	set := new(descriptorpb.FileDescriptorSet)
	if err := proto.Unmarshal(raw, set); err != nil {
		return nil, fmt.Errorf("read descriptors: %w", err)
	}
	files, err := protodesc.NewFiles(set)
	if err != nil {
		return nil, fmt.Errorf("read descriptors: %w", err)
	}
	s := &source{files: files}
	var ours []protoreflect.FileDescriptor
	files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		if strings.HasPrefix(string(file.Package()), "natter.") {
			ours = append(ours, file)
		}
		return true
	})
	slices.SortFunc(ours, func(a, b protoreflect.FileDescriptor) int { return cmp.Compare(a.Path(), b.Path()) })
	for _, file := range ours {
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for j := range methods.Len() {
				s.rpcs = append(s.rpcs, methods.Get(j))
			}
		}
	}
	s.routes, err = route.Of(ours...)
	return s, err
}

// message finds a message by its name without the common prefix: "client.v1.ClientFrame".
func (s *source) message(name string) (protoreflect.MessageDescriptor, error) {
	d, err := s.files.FindDescriptorByName(protoreflect.FullName("natter." + name))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	m, ok := d.(protoreflect.MessageDescriptor)
	if !ok {
		return nil, fmt.Errorf("%s is not a message", name)
	}
	return m, nil
}

// comment is what stands above a declaration, as one paragraph.
func comment(d protoreflect.Descriptor) string {
	text := d.ParentFile().SourceLocations().ByDescriptor(d).LeadingComments
	return strings.Join(strings.Fields(text), " ")
}

// shortName is the name of a message in the documents: client.Ack for natter.client.v1.Ack.
func shortName(m protoreflect.MessageDescriptor) string {
	parts := strings.Split(string(m.FullName()), ".")
	return parts[1] + "." + parts[len(parts)-1]
}

// lowerFirst makes createRoom of CreateRoom.
func lowerFirst(s protoreflect.Name) string { return strings.ToLower(string(s[:1])) + string(s[1:]) }
