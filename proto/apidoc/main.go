// Command apidoc writes the documents of Natter's interfaces from the .proto files: openapi.yaml (HTTP), asyncapi.yaml
// (the WebSocket and NATS) and api.html (both, for people; the gateway shows it at /docs). It reads a FileDescriptorSet
// with source info from standard input, as `buf build --as-file-descriptor-set -o -` writes it; see `make proto`.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() {
	dir := flag.String("dir", ".", "directory to write to")
	flag.Parse()
	if err := run(os.Stdin, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "apidoc:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, dir string) error {
	raw, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	s, err := parseSource(raw)
	if err != nil {
		return err
	}
	for _, doc := range []struct {
		name  string
		write func(*source) ([]byte, error)
	}{{"openapi.yaml", openAPI}, {"asyncapi.yaml", asyncAPI}, {"api.html", page}} {
		text, err := doc.write(s)
		if err != nil {
			return fmt.Errorf("%s: %w", doc.name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, doc.name), text, 0o644); err != nil { //nolint:gosec // a document for everyone
			return err
		}
	}
	return nil
}
