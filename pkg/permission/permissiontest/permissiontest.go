// Package permissiontest runs a NATS server for tests that knows the users of the bus and lets each do what it may.
package permissiontest

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"github.com/natter-chat/natter/pkg/bus"
	"github.com/natter-chat/natter/pkg/permission"
	"github.com/natter-chat/natter/pkg/testkit"
)

// Server is a running NATS server.
type Server struct {
	URL  string
	keys map[string]string // lines of permission.WriteKeys
}

// Start starts one with new keys, until tb ends.
func Start(tb testing.TB) *Server {
	tb.Helper()
	var conf, keys bytes.Buffer
	if err := permission.WriteKeys(&keys); err != nil {
		tb.Fatal(err)
	}
	if err := permission.WriteConf(&conf); err != nil {
		tb.Fatal(err)
	}
	s := &Server{keys: map[string]string{}}
	text := conf.String()
	for line := range strings.Lines(keys.String()) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		s.keys[name] = value
		text = strings.ReplaceAll(text, "$"+name+"\n", strconv.Quote(value)+"\n")
	}
	s.URL = testkit.NATSWith(tb, text)
	return s
}

// Config is how a user of the bus reaches the server.
func (s *Server) Config(user string) bus.Config {
	return bus.Config{URL: s.URL, NKey: s.Seed(user)}
}

// Seed is the seed of a user's key.
func (s *Server) Seed(user string) string { return s.keys[permission.SeedVariable(user)] }
