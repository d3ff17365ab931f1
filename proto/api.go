// Package api holds the documents that `make proto` writes from the .proto files of this module.
package api

import _ "embed"

// OpenAPI is the HTTP API as OpenAPI 3.1, in YAML.
//
//go:embed openapi.yaml
var OpenAPI []byte

// AsyncAPI is the WebSocket protocol and the NATS subjects as AsyncAPI 3, in YAML.
//
//go:embed asyncapi.yaml
var AsyncAPI []byte

// Page is both for people: one HTML page without scripts.
//
//go:embed api.html
var Page []byte
