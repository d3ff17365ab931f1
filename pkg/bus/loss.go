package bus

import (
	"errors"
	"log/slog"

	"github.com/nats-io/nats.go"
)

// OnLoss is options of Connect that call lost whenever messages may have been lost: after a reconnect, and when a
// subscription was too slow. It is for those who remember what messages told them.
func OnLoss(log *slog.Logger, lost func()) []nats.Option {
	return []nats.Option{
		nats.ReconnectHandler(func(nc *nats.Conn) {
			log.Info("reconnected to NATS", "server", nc.ConnectedUrlRedacted())
			lost()
		}),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			subj := ""
			if sub != nil {
				subj = sub.Subject
			}
			log.Warn("NATS error", "error", err, "subject", subj)
			if errors.Is(err, nats.ErrSlowConsumer) {
				lost()
			}
		}),
	}
}
