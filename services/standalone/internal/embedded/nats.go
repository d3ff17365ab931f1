// Package embedded is what the one process has inside instead of servers beside it: NATS, and a secret key of its own.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/natter-chat/natter/pkg/app"
)

// readyTimeout is generous: the server listens nowhere, so it is up at once.
const readyTimeout = 10 * time.Second

// NATS is a NATS server without a socket: the components after it connect in memory.
var NATS = app.Component{Name: "nats", New: func(_ context.Context, d *app.Deps) (app.Runner, error) {
	srv, err := server.NewServer(&server.Options{
		ServerName: "natter", DontListen: true, NoSigs: true, MaxPayload: 1 << 20, MaxPending: 64 << 20,
	})
	if err != nil {
		return nil, fmt.Errorf("embedded NATS: %w", err)
	}
	srv.SetLoggerV2(logger{d.Log}, false, false, false)
	srv.Start()
	if !srv.ReadyForConnections(readyTimeout) {
		srv.Shutdown()
		return nil, errors.New("embedded NATS did not start")
	}
	d.NATS = append(d.NATS, nats.InProcessServer(srv))
	return app.RunnerFunc(func(ctx context.Context) error {
		<-ctx.Done()
		srv.Shutdown()
		srv.WaitForShutdown()
		return nil
	}), nil
}}

// logger passes what the NATS server says to slog. Its notices are of no interest to who runs one process.
type logger struct{ log *slog.Logger }

func (l logger) Noticef(format string, v ...any) {
	l.log.Debug("NATS server", "says", fmt.Sprintf(format, v...))
}
func (l logger) Warnf(format string, v ...any) {
	l.log.Warn("NATS server", "says", fmt.Sprintf(format, v...))
}
func (l logger) Errorf(format string, v ...any) {
	l.log.Error("NATS server", "says", fmt.Sprintf(format, v...))
}
func (l logger) Fatalf(format string, v ...any) {
	l.log.Error("NATS server", "says", fmt.Sprintf(format, v...))
}
func (l logger) Debugf(string, ...any) {}
func (l logger) Tracef(string, ...any) {}
