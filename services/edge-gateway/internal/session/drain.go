package session

import (
	"context"
	"math/rand/v2"
	"time"

	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// drain gives every connection a slot in the drain window, tells it, and closes it at its slot. Without connections it
// takes no time.
func (s *Server) drain(ctx context.Context) {
	sessions := s.all()
	rand.Shuffle(len(sessions), func(i, j int) { sessions[i], sessions[j] = sessions[j], sessions[i] })
	slot := func(i int) time.Duration { return s.cfg.DrainWindow * time.Duration(i) / time.Duration(len(sessions)) }
	for i, c := range sessions {
		c.send(&clientv1.ServerFrame{Frame: &clientv1.ServerFrame_GoAway{GoAway: &clientv1.GoAway{
			ReconnectAfterMs: uint32(slot(i).Milliseconds()),
		}}})
	}
	began := time.Now()
	for i, c := range sessions {
		if wait := slot(i) - time.Since(began); wait > 0 {
			t := time.NewTimer(wait)
			select {
			case <-t.C:
			case <-ctx.Done(): // no time left: all at once
				t.Stop()
			}
		}
		c.end(endDraining)
	}
}
