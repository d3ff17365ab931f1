package pipeline

import (
	"context"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/message-store/internal/room"
)

const (
	// recallChunk is how many events one read of a room's tail returns, recallEvents where it stops: what is further back
	// is held against nobody.
	recallChunk, recallEvents = 500, 5000
	// recallBytes does not bound a chunk: events are small.
	recallBytes = 1 << 30
)

// recall reads of the log what a state needs to know and its head does not say: who posted within the last slow-mode
// seconds, and whether a room without members was deleted.
func (p *Pipeline) recall(ctx context.Context, id ids.Room, s *room.State) error {
	head := s.Head().Seq
	switch {
	case head == 0:
		return nil
	case s.Members() == 0:
		log, err := p.log.Events(ctx, id, head-1, 1, recallBytes)
		for _, e := range log.Events {
			s.Recall(e)
		}
		return err
	case s.SlowMode() == 0:
		return nil
	}
	since := p.cfg.Now().Add(-s.SlowMode()).UnixMilli()
	for read := uint32(0); read < recallEvents && read < head; read += recallChunk {
		to := head - read
		from := to - min(to, recallChunk)
		log, err := p.log.Events(ctx, id, from, int(to-from), recallBytes)
		if err != nil {
			return err
		}
		for _, e := range log.Events {
			s.Recall(e)
		}
		if len(log.Events) == 0 || log.Events[0].CreatedAt < since {
			return nil
		}
	}
	return nil
}
