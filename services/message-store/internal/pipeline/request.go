package pipeline

import (
	"errors"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	"github.com/natter-chat/natter/services/message-store/internal/room"
	"github.com/natter-chat/natter/services/message-store/internal/store"
	"github.com/natter-chat/natter/services/message-store/internal/wire"
)

// request is commands of one room that are answered together, or a look at the room's state.
type request struct {
	room     ids.Room
	commands []*room.Command // nil where the parser refused
	results  []result
	reply    func([]*busv1.Outcome) // nil for changes that came with a snapshot: nobody waits
	arrived  time.Time
	bytes    int64
	attempts int

	// look is called with the state once its log is at version; with an error when the room cannot be loaded.
	look    func(*room.State, error)
	version uint32
}

// result is what became of a command, as far as it is known.
type result struct {
	made      room.Made
	duplicate bool
	refused   *fault.Fault
}

// awaited reports whether anybody waits for the answer.
func (r *request) awaited() bool { return r.reply != nil || r.look != nil }

// restart forgets what an attempt that was not stored made of the commands. A lost race is soon won; a store that fails
// is not tried as often.
func (r *request) restart(cause error) {
	r.attempts++
	if !errors.Is(cause, store.ErrConflict) && !errors.Is(cause, errBehind) {
		r.attempts += maxAttempts / 4
	}
	for i, c := range r.commands {
		if c != nil {
			r.results[i] = result{}
		}
	}
}

// fail answers every command with a fault.
func (r *request) fail(p *Pipeline, f *fault.Fault) {
	if r.look != nil {
		r.look(nil, f)
		return
	}
	for i := range r.results {
		if r.results[i].refused == nil {
			r.results[i] = result{refused: f}
		}
	}
	r.answer(p)
}

// answer tells the sender what became of the commands.
func (r *request) answer(p *Pipeline) {
	outcomes := make([]*busv1.Outcome, len(r.results))
	for i, res := range r.results {
		if res.refused != nil {
			p.metrics.refused(res.refused.Code)
			outcomes[i] = &busv1.Outcome{Result: &busv1.Outcome_Fault{Fault: rpc.ToProto(res.refused)}}
			continue
		}
		outcomes[i] = &busv1.Outcome{Result: &busv1.Outcome_Ack{Ack: &busv1.Ack{
			Seq: res.made.Seq, CreatedAt: wire.Time(res.made.CreatedAt), Duplicate: res.duplicate,
		}}}
	}
	p.metrics.acked(r, p.cfg.Now())
	p.queued.Add(-r.bytes)
	if r.reply != nil {
		r.reply(outcomes)
	}
}

// unavailable is what those get whose commands could not be stored right now.
func unavailable(op string, err error) *fault.Fault {
	return fault.New(fault.Unavailable, "the room's log is not available right now; try again").WithRetryAfter(RetryAfter).WithCause(op, err)
}

// ref names the message that a command folds into.
func ref(c *room.Command) store.Ref { return store.Ref{Room: c.Event.Room, Seq: c.Event.FoldsInto()} }
