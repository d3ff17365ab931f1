// Package standalone is Natter in one process: the four services, NATS and SQLite, and nothing else to install. It is the
// same code as the services alone, as an ordered list.
package standalone

import (
	"context"
	"fmt"
	"io"
	"net"

	"github.com/natter-chat/natter/pkg/app"
	"github.com/natter-chat/natter/services/auth"
	edgegateway "github.com/natter-chat/natter/services/edge-gateway"
	messagestore "github.com/natter-chat/natter/services/message-store"
	"github.com/natter-chat/natter/services/rooms"
	"github.com/natter-chat/natter/services/standalone/internal/embedded"
)

// Components is the one process: each may use those before it. program is how it was called, for the greeting on stdout.
func Components(program string, stdout io.Writer) []app.Component {
	return []app.Component{
		embedded.Secret, embedded.NATS,
		auth.Component, rooms.Component, messagestore.Component, edgegateway.Component,
		greeting(program, stdout),
	}
}

// greeting says where to go, once everything is up.
func greeting(program string, stdout io.Writer) app.Component {
	return app.Component{Name: "greeting", New: func(_ context.Context, d *app.Deps) (app.Runner, error) {
		var cfg edgegateway.Config
		if err := d.Config.Load(&cfg); err != nil {
			return nil, err
		}
		_, err := fmt.Fprintf(stdout, "\n  Natter is ready on %s\n\n"+
			"  try it   %s demo\n  chat     %s chat --room lobby\n  API      %s/docs\n\n",
			url(cfg.HTTPAddr), program, program, url(cfg.HTTPAddr))
		return app.RunnerFunc(func(ctx context.Context) error { <-ctx.Done(); return nil }), err
	}}
}

// url is how a person on this machine reaches a listener.
func url(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || host == "" || net.ParseIP(host).IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}
