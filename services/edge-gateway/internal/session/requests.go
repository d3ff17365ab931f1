package session

import (
	"context"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/pkg/subject"
	"github.com/natter-chat/natter/services/edge-gateway/internal/feed"

	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
	messagestorev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
)

const (
	// maxFetches bounds the history pages of one connection that are read at the same time.
	maxFetches = 8
	// typingEvery is the least time between two signals that someone still types.
	typingEvery = 2 * time.Second
)

// signalTyping passes on that the user types, or has stopped: to the room's other members, at most every two seconds.
func (s *session) signalTyping(id uint32, t *clientv1.Typing) {
	room, ok := s.roomOf(id, "typing", t.GetRoomId())
	if !ok {
		return
	}
	if s.passTyping(room, t.GetActive(), time.Now()) {
		signal := &busv1.RoomSignal{
			UserId: s.User().String(), ConnectionId: s.id, Signal: &busv1.RoomSignal_Typing{Typing: t.GetActive()},
		}
		data, err := proto.Marshal(signal)
		if err == nil {
			err = s.srv.nc.Publish(subject.RoomSignal(room), data)
		}
		if err != nil {
			s.srv.log.Debug("typing not passed on", "connection", s.id, "error", err) // it may be lost
		}
	}
	s.ok(id)
}

// passTyping throttles: the start of typing and its end pass, repetitions only now and then.
func (s *session) passTyping(room ids.Room, active bool, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, typing := s.typing[room]
	if !active {
		delete(s.typing, room)
		return typing
	}
	if typing && now.Sub(last) < typingEvery {
		return false
	}
	if s.typing == nil {
		s.typing = map[ids.Room]time.Time{}
	}
	s.typing[room] = now
	return true
}

// fetch answers with a page of history, once there is room for it: history never closes a connection. Membership is checked
// by message-store.
func (s *session) fetch(id uint32, f *clientv1.Fetch) {
	if f.BeforeSeq != nil && f.AfterSeq != nil {
		s.fail(id, fault.Invalid("fetch.afterSeq", "give beforeSeq or afterSeq, not both"))
		return
	}
	if _, err := ids.ParseRoom(f.GetRoomId()); err != nil {
		s.fail(id, fault.Invalid("fetch.roomId", "a room id is %v", err))
		return
	}
	if id == 0 { // nobody waits for the page
		return
	}
	if s.fetches.Add(1) > maxFetches {
		s.fetches.Add(-1)
		s.fail(id, fault.New(fault.ResourceExhausted, "more than %d fetches at once", maxFetches).WithRetryAfter(100*time.Millisecond))
		return
	}
	s.wg.Go(func() {
		release := sync.OnceFunc(func() { s.fetches.Add(-1) })
		defer release()
		page, err := s.page(rpc.WithCaller(s.ctx, s.caller()), f)
		if err != nil {
			s.fail(id, err)
			return
		}
		answer := feed.NewFrame(&clientv1.ServerFrame{Id: id, Frame: &clientv1.ServerFrame_Page{Page: page}})
		size := len(answer.Bytes(s.encoding))
		_ = s.queue.whenDrained(s.ctx, func() { // fails when the connection ends
			release() // before the client can have the answer and ask again
			s.queue.add(answer, size)
		})
	})
}

func (s *session) page(ctx context.Context, f *clientv1.Fetch) (*clientv1.Page, error) {
	res, err := s.srv.services.Messages(ctx, &messagestorev1.ListMessagesRequest{
		RoomId: f.GetRoomId(), Before: f.BeforeSeq, After: f.AfterSeq, Limit: f.GetLimit(), Thread: f.GetThread(),
	})
	if err != nil {
		return nil, err
	}
	return &clientv1.Page{
		RoomId: f.GetRoomId(), Messages: res.GetMessages(), AsOfSeq: res.GetAsOfSeq(), More: res.GetMore(),
		Notices: res.GetNotices(), Thread: f.GetThread(),
	}, nil
}
