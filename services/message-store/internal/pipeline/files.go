package pipeline

import (
	"context"
	"slices"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/message-store/internal/room"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// findFiles looks up the uploaded files that new commands of a batch name. Few batches have any.
func (l *lane) findFiles(ctx context.Context, with []*room.Command) error {
	if len(with) == 0 {
		return nil
	}
	list := make([]ids.File, len(with))
	for i, c := range with {
		list[i] = c.File
	}
	found, err := l.p.log.Files(ctx, list)
	for _, c := range with {
		c.Found = found[c.File]
	}
	return err
}

// claimFiles takes the files of what is about to be appended, so that nobody throws them away or sends them a second time. A
// room that lost one starts over, and finds the file as it is now. What is claimed and then not appended after all is found
// a day later: see api.ListGarbage.
func (l *lane) claimFiles(ctx context.Context, rooms []*roomBatch) {
	var claims []store.Claim
	for _, rb := range rooms {
		for _, e := range rb.state.Batch() {
			if e.File != nil && rb.broken == nil {
				claims = append(claims, store.Claim{File: e.File.ID, By: store.NonceKey{Room: e.Room, User: e.Actor.User, Nonce: e.Nonce}})
			}
		}
	}
	if len(claims) == 0 {
		return
	}
	lost, err := l.p.log.ClaimFiles(ctx, claims, l.p.cfg.Now().UnixMilli())
	for _, rb := range rooms {
		ofRoom := func(c store.Claim) bool { return c.By.Room == rb.requests[0].room }
		switch {
		case err != nil && slices.ContainsFunc(claims, ofRoom):
			rb.broken = err
		case slices.ContainsFunc(lost, ofRoom):
			rb.broken = errBehind
		}
	}
}

// MayPost is nil if a user may post in a room whose log is at least at this version; else it says why not.
func (p *Pipeline) MayPost(ctx context.Context, in ids.Room, user ids.User, version uint32) error {
	_, err := look(ctx, p, in, version, func(s *room.State) (struct{}, error) {
		if refused := s.MayPost(user, p.cfg.Now().UnixMilli()); refused != nil {
			return struct{}{}, refused
		}
		return struct{}{}, nil
	})
	return err
}
