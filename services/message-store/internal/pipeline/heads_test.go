package pipeline_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/subject"
	"github.com/natter-chat/natter/services/message-store/internal/pipeline"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// headLog counts the reads of heads, and can do something between a read and its use.
type headLog struct {
	pipeline.Log
	reads  atomic.Int32
	during atomic.Pointer[func()]
}

func (l *headLog) Heads(ctx context.Context, rooms []ids.Room) (map[ids.Room]store.Head, error) {
	l.reads.Add(1)
	heads, err := l.Log.Heads(ctx, rooms)
	if during := l.during.Swap(nil); during != nil {
		(*during)()
	}
	return heads, err
}

func TestHeads(t *testing.T) {
	t.Parallel()
	f, db := newFixture(), openSQLite(t, dbPath(t))
	writer := start(t, f, db, 1) // another instance
	seq := ack(t, writer, f, f.send(2, "a", "1")).GetSeq()
	log := &headLog{Log: db}
	p := start(t, f, log, 1)
	mine, others := func(int) bool { return true }, func(int) bool { return false }
	var notBefore time.Time
	rooms := []ids.Room{f.room, ids.New[ids.Room]()} // the second has no events
	want := func(what string, is func(int) bool, seq uint32, reads int32) {
		t.Helper()
		before := log.reads.Load()
		heads, err := p.Heads(t.Context(), rooms, is, notBefore)
		if n := log.reads.Load() - before; err != nil || len(heads) != 1 || heads[f.room].Seq != seq || n != reads {
			t.Errorf("%s: %v, %v after %d reads; want %d after %d", what, heads, err, n, seq, reads)
		}
	}
	want("first", others, seq, 1)
	rooms = rooms[:1]
	want("seen a moment ago", others, seq, 0)
	notBefore = time.Now()
	want("seen too long ago", others, seq, 1)
	want("the first of mine", mine, seq, 1)
	want("mine", mine, seq, 0)

	seq = ack(t, writer, f, f.send(2, "b", "2")).GetSeq() // passing the owner over
	p.Heard(f.room, seq-1)
	want("nothing new heard", mine, seq-1, 0)
	p.Heard(f.room, seq)
	want("heard that there is more", mine, seq, 1)
	want("read again", mine, seq, 0)

	p.Forget(subject.Partition(f.room))
	during := func() {
		seq = ack(t, writer, f, f.send(2, "c", "3")).GetSeq()
		p.Forget(subject.Partition(f.room))
	}
	log.during.Store(&during)
	want("lost while it was read", mine, seq, 1)
	want("not learnt", mine, seq, 1)
	want("learnt", mine, seq, 0)
}
