package session

import (
	"bytes"
	"context"
	"sync"
	"time"
)

const (
	// restFactor is how much longer a flusher rests than the turn before took, and maxRest the longest rest: less than
	// anybody notices. On an idle gateway a turn is short, and so is the rest; on a busy one frames gather meanwhile.
	restFactor = 2
	maxRest    = 10 * time.Millisecond
	// messagesPerTurn bounds what one connection writes before the next one's turn: one that catches up has much.
	messagesPerTurn = 8
)

// flusher writes to its connections in turn, without waiting for any of them. What is queued for a connection while it
// writes to the others, or rests, goes out in that one's next message: the busier the gateway, the more frames share a
// write, which is what costs. Its methods may be called concurrently.
type flusher struct {
	mu   sync.Mutex
	due  []*session
	wake chan struct{}
}

func newFlusher() *flusher { return &flusher{wake: make(chan struct{}, 1)} }

// add puts a connection at the end of the line.
func (f *flusher) add(c *session) {
	f.mu.Lock()
	f.due = append(f.due, c)
	isFirst := len(f.due) == 1
	f.mu.Unlock()
	if isFirst {
		select {
		case f.wake <- struct{}{}:
		default: // it wakes already
		}
	}
}

// run writes until stop is closed.
func (f *flusher) run(stop <-chan struct{}) {
	w := newTryWriter()
	space := make([]byte, maxHeader+maxMessage)
	var turn []*session
	rest := time.NewTimer(0)
	<-rest.C
	for {
		select {
		case <-stop:
			return
		case <-f.wake:
		}
		f.mu.Lock()
		turn, f.due = f.due, turn
		f.mu.Unlock()
		began := time.Now()
		for _, c := range turn {
			c.takeTurn(w, space)
		}
		clear(turn)
		turn = turn[:0]
		rest.Reset(min(restFactor*time.Since(began), maxRest))
		<-rest.C
	}
}

// takeTurn writes what is queued, as far as the socket takes it, up to messagesPerTurn; then it gets in line again. When
// nothing is queued, it is done, and the queue starts anew. Space is room for a frame.
func (s *session) takeTurn(w *tryWriter, space []byte) {
	for range messagesPerTurn {
		message, first := s.queue.take(space[maxHeader:maxHeader], maxMessage)
		if first == nil {
			s.wg.Done()
			return
		}
		s.srv.metrics.written(first, s.since)
		if s.isCompressed {
			own := bytes.Clone(message)
			go s.wait(func() error { return s.ws.Write(context.Background(), messageType(s.encoding), own) })
			return
		}
		isOut, err := s.out.try(w, framed(messageType(s.encoding), space, message))
		switch {
		case err != nil:
			s.fell()
			return
		case !isOut:
			go s.wait(s.out.drain)
			return
		}
	}
	s.flusher.add(s)
}

// wait finishes what the socket did not take at once, and gets in line again. A peer that takes nothing for too long is cut
// off.
func (s *session) wait(write func() error) {
	stalled := time.AfterFunc(s.srv.cfg.WriteTimeout, func() {
		s.end(endSlow)
		_ = s.conn.Close()
	})
	err := write()
	stalled.Stop()
	if err != nil {
		s.fell()
		return
	}
	s.flusher.add(s)
}

// fell is the end of a connection that cannot be written to.
func (s *session) fell() {
	s.queue.close()
	s.end(endGone)
	s.wg.Done()
}
