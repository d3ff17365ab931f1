package messagestore_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/people/peopletest"
	"github.com/natter-chat/natter/pkg/rpc"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	storev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
)

// as is a context in which a member calls.
func (w *world) as(ctx context.Context, user int) context.Context {
	return rpc.WithCaller(ctx, authn.Caller{User: w.members[user]})
}

// refused is the code and the field of the fault that a call must get.
func refused[Res proto.Message](t *testing.T, ctx context.Context, w *world, method string, req proto.Message, code fault.Code, field string) {
	t.Helper()
	_, err := rpc.Call[Res](ctx, w.rpc, "message-store", method, req)
	if f := fault.From(err); err == nil || f.Code != code || f.Field != field {
		t.Errorf("%s %v: %v, want %s of %q", method, req, err, code, field)
	}
}

// do sends a command that must be acknowledged.
func (w *world) do(tb testing.TB, c *busv1.Command) uint32 {
	tb.Helper()
	room, err := ids.ParseRoom(c.GetRoomId())
	if err != nil {
		tb.Fatal(err)
	}
	outcomes, err := w.sender.Send(tb.Context(), room, []*busv1.Command{c})
	if err != nil || outcomes[0].GetAck() == nil {
		tb.Fatalf("send %v: %v %v", c, outcomes, err)
	}
	return outcomes[0].GetAck().GetSeq()
}

func (w *world) edit(room ids.Room, user int, nonce string, seq uint32, content string) *busv1.Command {
	c := w.message(room, user, nonce, "")
	c.Body = &busv1.Command_Edited{Edited: &chatv1.MessageEdited{Seq: seq, Content: content}}
	return c
}

func (w *world) delete(room ids.Room, user int, nonce string, seq uint32) *busv1.Command {
	c := w.message(room, user, nonce, "")
	c.Body = &busv1.Command_Deleted{Deleted: &chatv1.MessageDeleted{Seq: seq}}
	return c
}

func (w *world) reply(room ids.Room, user int, nonce, content string, to uint32) *busv1.Command {
	c := w.message(room, user, nonce, content)
	c.GetMessage().ReplyTo = to
	return c
}

// History has the names that people have today; those who were known when it happened when auth cannot say.
func TestNamesOfToday(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.start(t, map[string]string{"NATTER_DATA_DIR": t.TempDir()})
	room := ids.New[ids.Room]()
	first := w.send(t, room, 0, "a", "hi").GetSeq()
	w.do(t, w.reply(room, 1, "b", "hello", first))
	page := func() []*chatv1.Message {
		t.Helper()
		m := call[*storev1.ListMessagesResponse](t, w.as(t.Context(), 0), w, "ListMessages", &storev1.ListMessagesRequest{RoomId: room.String()}).GetMessages()
		if len(m) != 2 {
			t.Fatalf("page %v", m)
		}
		return m
	}
	if m := page(); m[1].GetUsername() != "somebody" || m[0].GetQuote().GetUsername() != "somebody" {
		t.Errorf("without auth: %v", m)
	}
	auth := peopletest.StartAuth(t, w.url)
	auth.Add(w.members[0], "Ada")
	until(t, func() bool { return page()[1].GetUsername() == "Ada" }) // auth is left alone for a second after it failed
	if m := page(); m[1].GetAvatar() != "https://example.org/Ada.png" || m[0].GetQuote().GetUsername() != "Ada" || m[0].GetUsername() != "somebody" {
		t.Errorf("with auth: %v", m)
	}
	auth.Rename(t, w.members[0], "deleted user")
	until(t, func() bool { return page()[1].GetUsername() == "deleted user" })
	auth.Down.Store(true)
	if m := page(); m[1].GetUsername() != "deleted user" || m[0].GetUsername() != "somebody" {
		t.Errorf("with auth away again: %v", m)
	}
	one := call[*chatv1.Message](t, w.as(t.Context(), 0), w, "GetMessage", &storev1.GetMessageRequest{RoomId: room.String(), Seq: first})
	if one.GetUsername() != "deleted user" || one.GetContent() != "hi" {
		t.Errorf("one message: %v", one)
	}
}

// until polls until it is so.
func until(t *testing.T, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !so(); {
		if time.Now().After(deadline) {
			t.Fatal("it does not become so")
		}
	}
}

// A reply shows what it answers as that is now: edited, shortened, deleted.
func TestQuotes(t *testing.T) {
	t.Parallel()
	for name, settings := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 2)
			w.start(t, settings(t))
			room := ids.New[ids.Room]()
			asked := w.send(t, room, 0, "a", "question").GetSeq()
			for i := range 3 {
				w.send(t, room, 0, fmt.Sprint("between ", i), "x")
			}
			answer := w.do(t, w.reply(room, 1, "b", "answer", asked))
			join := w.do(t, w.reply(room, 1, "c", "to the last", answer))
			// quotes are those of the newest two messages: the first of them is not on the page that it quotes from.
			quotes := func() (toLast, toAsked *chatv1.Quote) {
				t.Helper()
				req := &storev1.ListMessagesRequest{RoomId: room.String(), Limit: 2}
				m := call[*storev1.ListMessagesResponse](t, w.as(t.Context(), 0), w, "ListMessages", req).GetMessages()
				one := call[*chatv1.Message](t, w.as(t.Context(), 0), w, "GetMessage", &storev1.GetMessageRequest{RoomId: room.String(), Seq: answer})
				if len(m) != 2 || m[0].GetSeq() != join || !proto.Equal(m[1].GetQuote(), one.GetQuote()) {
					t.Fatalf("page %v, message %v", m, one)
				}
				return m[0].GetQuote(), m[1].GetQuote()
			}
			toLast, toAsked := quotes()
			want := &chatv1.Quote{Seq: asked, UserId: w.members[0].String(), Username: "somebody", Content: "question", Type: "text"}
			if toLast.GetContent() != "answer" || !proto.Equal(toAsked, want) {
				t.Errorf("quotes %v, %v", toLast, toAsked)
			}
			w.do(t, w.edit(room, 0, "d", asked, strings.Repeat("é", 301)))
			if _, toAsked := quotes(); toAsked.GetContent() != strings.Repeat("é", 300) {
				t.Errorf("after an edit: %v", toAsked)
			}
			w.do(t, w.delete(room, 0, "e", asked))
			if _, toAsked := quotes(); !toAsked.GetIsDeleted() || toAsked.GetContent() != "" {
				t.Errorf("after the deletion: %v", toAsked)
			}
		})
	}
}

// Every content of a message can be looked up, until it is deleted.
func TestEdits(t *testing.T) {
	t.Parallel()
	for name, settings := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 2)
			w.start(t, settings(t))
			room := ids.New[ids.Room]()
			first := w.send(t, room, 0, "a", "v0")
			seqs := []uint32{first.GetSeq()}
			for i := 1; i <= 4; i++ {
				seqs = append(seqs, w.do(t, w.edit(room, 0, fmt.Sprint(i), first.GetSeq(), fmt.Sprint("v", i))))
				w.send(t, room, 1, fmt.Sprint(i), "x")
			}
			edits := func(after, limit uint32) *storev1.ListEditsResponse {
				t.Helper()
				return call[*storev1.ListEditsResponse](t, w.as(t.Context(), 1), w, "ListEdits", &storev1.ListEditsRequest{RoomId: room.String(), Seq: seqs[0], After: after, Limit: limit})
			}
			for _, tt := range []struct {
				after, limit uint32
				from, to     int
			}{{0, 0, 0, 5}, {0, 3, 0, 3}, {seqs[2], 3, 3, 5}, {seqs[2] + 1, 1, 3, 4}, {seqs[4], 3, 5, 5}} {
				got := edits(tt.after, tt.limit)
				if len(got.GetEdits()) != tt.to-tt.from || got.GetMore() != (tt.to < 5) {
					t.Fatalf("%+v: %v", tt, got)
				}
				for i, e := range got.GetEdits() {
					if e.GetSeq() != seqs[tt.from+i] || e.GetContent() != fmt.Sprint("v", tt.from+i) || !e.GetCreatedAt().IsValid() {
						t.Errorf("%+v: edit %d: %v", tt, i, e)
					}
				}
			}
			if at := edits(0, 1).GetEdits()[0].GetCreatedAt(); !proto.Equal(at, first.GetCreatedAt()) {
				t.Errorf("the first content is of %v, sent at %v", at, first.GetCreatedAt())
			}
			w.do(t, w.delete(room, 0, "gone", seqs[0]))
			if got := edits(0, 0); len(got.GetEdits()) != 0 || got.GetMore() {
				t.Errorf("after the deletion: %v", got)
			}
			if m := call[*chatv1.Message](t, w.as(t.Context(), 1), w, "GetMessage", &storev1.GetMessageRequest{RoomId: room.String(), Seq: seqs[0]}); !m.GetIsDeleted() || m.GetContent() != "" {
				t.Errorf("the message after its deletion: %v", m)
			}
		})
	}
}

func TestRefusedLookups(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.start(t, map[string]string{"NATTER_DATA_DIR": t.TempDir()})
	room := ids.New[ids.Room]()
	m := w.send(t, room, 0, "a", "hi").GetSeq()
	edit := w.do(t, w.edit(room, 0, "b", m, "ho"))
	member, stranger := w.as(t.Context(), 0), rpc.WithCaller(t.Context(), authn.Caller{User: ids.New[ids.User]()})
	for _, tt := range []struct {
		ctx   context.Context //nolint:containedctx // the caller is in it
		room  string
		seq   uint32
		code  fault.Code
		field string
	}{
		{t.Context(), room.String(), m, fault.Unauthenticated, ""},
		{stranger, room.String(), m, fault.PermissionDenied, ""},
		{member, "*", m, fault.InvalidArgument, "roomId"},
		{member, room.String(), 0, fault.NotFound, "seq"},
		{member, room.String(), 99, fault.NotFound, "seq"},
		{member, room.String(), edit, fault.NotFound, "seq"}, // no message
	} {
		refused[*chatv1.Message](t, tt.ctx, w, "GetMessage", &storev1.GetMessageRequest{RoomId: tt.room, Seq: tt.seq}, tt.code, tt.field)
		refused[*storev1.ListEditsResponse](t, tt.ctx, w, "ListEdits", &storev1.ListEditsRequest{RoomId: tt.room, Seq: tt.seq}, tt.code, tt.field)
	}
	refused[*storev1.ListEditsResponse](t, member, w, "ListEdits", &storev1.ListEditsRequest{RoomId: room.String(), Seq: m, Limit: 101}, fault.InvalidArgument, "limit")
}

// Pages of lists stay below what the bus takes, too; the rest comes with the next page.
func TestLargeLists(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.start(t, map[string]string{"NATTER_DATA_DIR": t.TempDir()})
	room := ids.New[ids.Room]()
	w.do(t, w.joined(room, 0, 1, "owner", true))
	large := strings.Repeat("x", 8<<10-8)
	first := w.send(t, room, 0, "edited", large).GetSeq()
	const each = 70
	for i := range each {
		w.do(t, w.edit(room, 0, fmt.Sprint("edit ", i), first, fmt.Sprint(large, i)))
		seq := w.send(t, room, 0, fmt.Sprint(i), large).GetSeq()
		w.do(t, w.pin(room, 0, fmt.Sprint("pin ", i), seq, false))
		call[*storev1.SaveMessageResponse](t, w.as(t.Context(), 0), w, "SaveMessage", &storev1.SaveMessageRequest{RoomId: room.String(), Seq: seq})
	}
	edits, after := 0, uint32(0)
	pins, before := 0, uint32(0)
	saved, beforeID := 0, ""
	for page := range 2 {
		e := call[*storev1.ListEditsResponse](t, w.as(t.Context(), 0), w, "ListEdits", &storev1.ListEditsRequest{RoomId: room.String(), Seq: first, After: after, Limit: 100})
		p := call[*storev1.ListPinsResponse](t, w.as(t.Context(), 0), w, "ListPins", &storev1.ListPinsRequest{RoomId: room.String(), Before: before, Limit: 100})
		s := call[*storev1.ListSavedResponse](t, w.as(t.Context(), 0), w, "ListSaved", &storev1.ListSavedRequest{Before: beforeID, Limit: 100})
		edits, pins, saved = edits+len(e.GetEdits()), pins+len(p.GetPins()), saved+len(s.GetSaved())
		for name, list := range map[string]struct {
			proto.Message
			more bool
		}{"edits": {e, e.GetMore()}, "pins": {p, p.GetMore()}, "saved": {s, s.GetMore()}} {
			if size := proto.Size(list.Message); size > 512<<10 || list.more != (page == 0) {
				t.Errorf("page %d of %s: %d bytes, more=%t", page, name, size, list.more)
			}
		}
		after, before, beforeID = e.GetEdits()[len(e.GetEdits())-1].GetSeq(), p.GetPins()[len(p.GetPins())-1].GetSeq(), s.GetSaved()[len(s.GetSaved())-1].GetId()
	}
	if edits != each+1 || pins != each || saved != each {
		t.Errorf("two pages have %d edits, %d pins, %d saved messages", edits, pins, saved)
	}
}
