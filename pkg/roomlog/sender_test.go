package roomlog_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/bus"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/roomlog"
	"github.com/natter-chat/natter/pkg/subject"
	"github.com/natter-chat/natter/pkg/testkit"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
)

// silence and budget are the times of the protocol, a tenth of them.
const (
	silence = 100 * time.Millisecond
	budget  = 500 * time.Millisecond
)

func connect(t *testing.T, url string) *nats.Conn {
	t.Helper()
	nc, err := bus.Connect(t.Context(), bus.Config{URL: url}, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// listen answers requests on a subject with the outcomes that answer returns, or with silence for nil.
func listen(t *testing.T, nc *nats.Conn, subj string, answer func([]*busv1.Command) []*busv1.Outcome) {
	t.Helper()
	_, err := nc.QueueSubscribe(subj, subject.OwnerQueue, func(m *nats.Msg) {
		var commands busv1.Commands
		if err := proto.Unmarshal(m.Data, &commands); err != nil {
			t.Errorf("unmarshal commands: %v", err)
			return
		}
		outcomes := answer(commands.GetCommands())
		if outcomes == nil {
			return
		}
		data, err := proto.Marshal(&busv1.Outcomes{Outcomes: outcomes})
		if err != nil {
			t.Errorf("marshal outcomes: %v", err)
		}
		if err := m.Respond(data); err != nil {
			t.Errorf("respond: %v", err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
}

// acks acknowledges every command with its place plus base.
func acks(base uint32) func([]*busv1.Command) []*busv1.Outcome {
	return func(commands []*busv1.Command) (out []*busv1.Outcome) {
		for i := range commands {
			out = append(out, &busv1.Outcome{Result: &busv1.Outcome_Ack{Ack: &busv1.Ack{Seq: base + uint32(i)}}})
		}
		return out
	}
}

func silent([]*busv1.Command) []*busv1.Outcome { return nil }

func TestSend(t *testing.T) {
	t.Parallel()
	url := testkit.NATS(t)
	const fromOwner, fromAny = 1, 101
	type responder = func([]*busv1.Command) []*busv1.Outcome
	for name, tc := range map[string]struct {
		owner, any responder
		want       uint32 // seq of the first ack; 0: no answer
		wantCode   fault.Code
		wantTook   time.Duration // at least
	}{
		"the owner answers":                 {owner: acks(fromOwner), any: acks(fromAny), want: fromOwner},
		"no owner: any answers at once":     {any: acks(fromAny), want: fromAny},
		"silent owner: any after silence":   {owner: silent, any: acks(fromAny), want: fromAny, wantTook: silence},
		"nobody listens: the budget is out": {wantCode: fault.Unavailable, wantTook: budget},
		"all silent: the budget is out":     {owner: silent, any: silent, wantCode: fault.Unavailable, wantTook: budget},
		"too few outcomes": {
			owner:    func(c []*busv1.Command) []*busv1.Outcome { return acks(fromOwner)(c[1:]) },
			wantCode: fault.Internal,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			room := ids.New[ids.Room]()
			nc := connect(t, url)
			if tc.owner != nil {
				listen(t, nc, subject.In(room), tc.owner)
			}
			if tc.any != nil {
				listen(t, nc, subject.InAny(room), tc.any)
			}
			sender := roomlog.NewSender(nc)
			sender.Silence, sender.Budget = silence, budget

			began := time.Now()
			outcomes, err := sender.Send(t.Context(), room, []*busv1.Command{{Nonce: "a"}, {Nonce: "b"}})
			took := time.Since(began)

			if code := fault.CodeOf(err); code != tc.wantCode {
				t.Fatalf("Send: %v, want code %q", err, tc.wantCode)
			}
			if tc.wantCode == fault.Unavailable && fault.From(err).RetryAfter <= 0 {
				t.Error("unavailable, but not for how long")
			}
			if took < tc.wantTook {
				t.Errorf("took %s, want at least %s", took, tc.wantTook)
			}
			if tc.want != 0 && (len(outcomes) != 2 || outcomes[0].GetAck().GetSeq() != tc.want || outcomes[1].GetAck().GetSeq() != tc.want+1) {
				t.Errorf("outcomes %v, want acks from %d on", outcomes, tc.want)
			}
		})
	}
}

// Every attempt must carry the same commands in the same order, or a retry would be another message.
func TestSendRepeatsTheSameCommands(t *testing.T) {
	t.Parallel()
	room, nc := ids.New[ids.Room](), connect(t, testkit.NATS(t))
	var attempts []string // written by one subscription, then read after its answer
	listen(t, nc, subject.InAny(room), func(commands []*busv1.Command) []*busv1.Outcome {
		var nonces []string
		for _, c := range commands {
			nonces = append(nonces, c.GetNonce())
		}
		attempts = append(attempts, strings.Join(nonces, " "))
		if len(attempts) < 3 {
			return nil
		}
		return acks(1)(commands)
	})
	sender := roomlog.NewSender(nc)
	sender.Silence = silence
	if _, err := sender.Send(t.Context(), room, []*busv1.Command{{Nonce: "a"}, {Nonce: "b"}}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"a b", "a b", "a b"}; !slices.Equal(attempts, want) {
		t.Errorf("attempts %q, want %q", attempts, want)
	}
}

func TestSendEndsWithItsContext(t *testing.T) {
	t.Parallel()
	room, nc := ids.New[ids.Room](), connect(t, testkit.NATS(t))
	ctx, cancel := context.WithCancel(t.Context())
	listen(t, nc, subject.In(room), func([]*busv1.Command) []*busv1.Outcome {
		cancel()
		return nil
	})
	sender := roomlog.NewSender(nc)
	sender.Silence, sender.Budget = time.Hour, time.Hour // only the context can end it
	_, err := sender.Send(ctx, room, []*busv1.Command{{Nonce: "a"}})
	if fault.CodeOf(err) != fault.Unavailable || !errors.Is(err, context.Canceled) {
		t.Errorf("Send: %v, want unavailable because the context ended", err)
	}
}

// An instance that appears while Send tries is found.
func TestSendFindsALateInstance(t *testing.T) {
	t.Parallel()
	room, nc := ids.New[ids.Room](), connect(t, testkit.NATS(t))
	tried := make(chan struct{}, 1)
	listen(t, nc, subject.In(room), func([]*busv1.Command) []*busv1.Outcome {
		tried <- struct{}{}
		return nil
	})
	sender := roomlog.NewSender(nc)
	sender.Silence = silence
	var sending sync.WaitGroup
	sending.Go(func() {
		outcomes, err := sender.Send(t.Context(), room, []*busv1.Command{{Nonce: "a"}})
		if err != nil || outcomes[0].GetAck().GetSeq() != 7 {
			t.Errorf("Send: %v %v, want the late instance's ack", outcomes, err)
		}
	})
	<-tried
	listen(t, nc, subject.InAny(room), acks(7))
	sending.Wait()
}
