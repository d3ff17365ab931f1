package main

import (
	"bytes"

	"go.yaml.in/yaml/v3"
)

// object is a mapping that keeps its order. A member whose value is empty (nil, "", an empty object or list) is left out.
type object []member

type member struct {
	key   string
	value any
}

// MarshalYAML makes the node of the mapping.
func (o object) MarshalYAML() (any, error) {
	node := &yaml.Node{Kind: yaml.MappingNode}
	for _, m := range o {
		if isEmpty(m.value) {
			continue
		}
		key, value := new(yaml.Node), new(yaml.Node)
		if err := key.Encode(m.key); err != nil {
			return nil, err
		}
		if err := value.Encode(m.value); err != nil {
			return nil, err
		}
		node.Content = append(node.Content, key, value)
	}
	return node, nil
}

func isEmpty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case object:
		return len(v) == 0
	case []object:
		return len(v) == 0
	case []string:
		return len(v) == 0
	}
	return false
}

// ref points to a component of the same document.
func ref(kind, name string) object { return object{{"$ref", "#/components/" + kind + "/" + name}} }

func writeYAML(doc object) ([]byte, error) {
	var out bytes.Buffer
	out.WriteString("# Generated from the .proto files by `make proto`. Do not edit.\n")
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	err := enc.Encode(doc)
	return out.Bytes(), err
}
