package session

import (
	"context"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/services/edge-gateway/internal/feed"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

const (
	// roomsPerWelcome keeps a welcome of a user in very many rooms from being one enormous frame.
	roomsPerWelcome = 50
	// expiryWarning is how long before its token expires a client is told.
	expiryWarning = time.Minute
)

// signIn takes the first frame, which must be hello, and reports whether the connection is open. If not, it ends.
func (s *session) signIn(f *clientv1.ClientFrame, err error) bool {
	s.mu.Lock()
	s.expiry.Stop() // it came in time
	s.mu.Unlock()
	hello := f.GetHello()
	switch {
	case err != nil:
	case hello == nil:
		err = fault.Invalid("hello", "the first frame must be hello")
	default:
		err = s.open(f.GetId(), hello)
	}
	s.srv.metrics.hellos.WithLabelValues(outcome(err)).Inc()
	if err != nil {
		s.fail(f.GetId(), err)
		s.end(endFor(fault.From(err)))
	}
	return err == nil
}

// open tells the client who it is and its rooms, and starts to deliver them.
func (s *session) open(id uint32, hello *clientv1.Hello) error {
	identity, err := s.verify(hello.GetToken())
	if err != nil {
		return err
	}
	cursors, err := parseCursors("hello.resume", hello.GetResume())
	if err != nil {
		return err
	}
	if err := s.admit(1 + len(cursors)/roomsPerToken); err != nil {
		return err
	}
	epoch, err := s.srv.epoch.get(s.ctx, s.srv.services)
	if err != nil {
		return err
	}
	s.limitBy(identity.Caller.User)
	s.mu.Lock()
	s.identity = identity
	s.mu.Unlock()
	// From here on membership changes reach this session: what is read below is brought up to date after it.
	if err := s.srv.users.add(s); err != nil {
		return err
	}
	// And so do revocations: one that came before is found here.
	if _, err := s.srv.verifier.Verify(s.ctx, hello.GetToken()); err != nil {
		return err
	}
	rooms, err := s.srv.knownRoomStates(s.ctx, identity.Caller.User)
	if err != nil {
		return err
	}
	s.mu.Lock()
	for _, r := range rooms {
		s.rooms[r.id] = membershipOf(r.state)
	}
	s.mu.Unlock()
	s.welcome(id, epoch, rooms)
	s.watchExpiry(identity.ExpiresAt)
	close(s.ready)

	for _, r := range rooms {
		if _, listed := cursors[r.id]; !listed {
			cursors[r.id] = feed.Cursor{Room: r.id, Seq: r.state.GetHeadSeq()}
		}
	}
	s.join(cursors, hello.GetEpoch() != "" && hello.GetEpoch() != epoch)
	return nil
}

func outcome(err error) string {
	if err == nil {
		return "ok"
	}
	return string(fault.CodeOf(err))
}

// welcome tells the client who it is and what rooms it has, a page at a time.
func (s *session) welcome(id uint32, epoch string, rooms []roomState) {
	s.mu.Lock()
	who := s.identity
	s.mu.Unlock()
	pages := slices.Collect(slices.Chunk(rooms, roomsPerWelcome))
	if len(pages) == 0 {
		pages = [][]roomState{nil}
	}
	for i, page := range pages {
		w := &clientv1.Welcome{
			ConnectionId: s.id, Epoch: epoch, More: i < len(pages)-1,
			User: &chatv1.User{
				Id: who.Caller.User.String(), Email: who.Caller.Email, Username: who.Caller.Username, Avatar: who.Caller.Avatar, IsBot: who.Caller.IsBot,
			},
			PingSeconds:    uint32(s.srv.cfg.PingInterval.Seconds()),
			TokenExpiresAt: timestamppb.New(who.ExpiresAt),
		}
		for _, r := range page {
			w.Rooms = append(w.Rooms, r.state)
		}
		s.send(&clientv1.ServerFrame{Id: id, Frame: &clientv1.ServerFrame_Welcome{Welcome: w}})
	}
}

// renew takes a fresh token on an open connection.
func (s *session) renew(id uint32, hello *clientv1.Hello) {
	identity, err := s.verify(hello.GetToken())
	if err != nil {
		s.fail(id, err)
		return
	}
	if identity.Caller.User != s.User() {
		s.fail(id, fault.New(fault.PermissionDenied, "a connection belongs to one user"))
		s.end(endSecondSub)
		return
	}
	epoch, err := s.srv.epoch.get(s.ctx, s.srv.services)
	if err != nil {
		s.fail(id, err)
		return
	}
	s.mu.Lock()
	s.identity = identity
	s.mu.Unlock()
	if _, err := s.srv.verifier.Verify(s.ctx, hello.GetToken()); err != nil { // revoked just now, while the session had the old one
		s.fail(id, err)
		s.end(endFor(fault.From(err)))
		return
	}
	s.watchExpiry(identity.ExpiresAt)
	s.welcome(id, epoch, nil)
	s.srv.users.refresh(identity.Caller.User, ids.Room{})
}

// Verifier checks tokens: a *revocation.List. Errors are faults.
type Verifier interface {
	Verify(ctx context.Context, token string) (authn.Identity, error)
}

// verify says whose the token of a hello is. A connection shows its user everything, so an API token must be one to read.
func (s *session) verify(token string) (authn.Identity, error) {
	identity, err := s.srv.verifier.Verify(rpc.WithClient(s.ctx, authn.Client{Address: s.address}), token)
	if err == nil && !identity.May(authn.ScopeRead) {
		err = errScope(authn.ScopeRead)
	}
	return identity, err
}

// watchExpiry warns the client a minute before its token expires, and ends the connection when it does.
func (s *session) watchExpiry(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.expiry != nil {
		s.expiry.Stop()
	}
	s.expiry = time.AfterFunc(time.Until(at)-expiryWarning, func() {
		s.send(&clientv1.ServerFrame{Frame: &clientv1.ServerFrame_TokenExpiring{
			TokenExpiring: &clientv1.TokenExpiring{ExpiresAt: timestamppb.New(at)},
		}})
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.identity.ExpiresAt.Equal(at) && s.ctx.Err() == nil {
			s.expiry = time.AfterFunc(time.Until(at), func() { s.end(endExpired) })
		}
	})
}
