package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/natter-chat/natter/pkg/client"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// patience is how long the demo waits for what may get lost.
const patience = 2 * time.Second

// demo is one performance.
type demo struct {
	server string
	cast   []*actor
	room   string
}

func (d *demo) close() {
	for _, a := range d.cast {
		a.close()
	}
}

// step is one line of the script. Its ack, if it has one, is for the number of a later step.
type step func(ctx context.Context) (*clientv1.Ack, error)

// perform does steps in order until one fails.
func perform(ctx context.Context, steps ...step) (last *clientv1.Ack, err error) {
	for _, s := range steps {
		ack, err := s(ctx)
		if err != nil {
			return nil, err
		}
		if ack != nil {
			last = ack
		}
	}
	return last, nil
}

// play plays the conversation. Whatever happens, the cast has noted what it saw until then.
func (d *demo) play(ctx context.Context) error {
	if err := d.gather(ctx); err != nil {
		return err
	}
	ana, ben, cleo := d.cast[0], d.cast[1], d.cast[2]
	say := func(a *actor, text string, opts ...client.SendOption) step {
		return func(ctx context.Context) (*clientv1.Ack, error) { return a.conn.Send(ctx, d.room, text, opts...) }
	}
	// Everyone has seen everything so far: the next line is spoken to a listening room.
	listen := func(seq uint32, listeners ...*actor) error {
		for _, a := range listeners {
			if err := a.awaitSeq(ctx, seq); err != nil {
				return err
			}
		}
		return nil
	}

	// They talk.
	hello, err := perform(ctx, say(ana, "Hi you two."))
	if err != nil {
		return err
	}
	if err := listen(hello.GetSeq(), d.cast...); err != nil {
		return err
	}
	ben.conn.Typing(d.room, true)
	glance, cancel := context.WithTimeout(ctx, patience)
	_ = ana.awaitText(glance, typingSight) // typing may get lost: nothing depends on it
	cancel()
	question, err := perform(ctx, say(ben, "Lunch at twelfe?"))
	if err != nil {
		return err
	}
	at := question.GetSeq()
	last, err := perform(ctx,
		func(ctx context.Context) (*clientv1.Ack, error) {
			return ben.conn.Edit(ctx, d.room, at, "Lunch at twelve?")
		},
		say(ana, "Yes!", client.ReplyTo(at)),
		func(ctx context.Context) (*clientv1.Ack, error) {
			return cleo.conn.React(ctx, d.room, at, "👍", false)
		})
	if err != nil {
		return err
	}
	if err := listen(last.GetSeq(), d.cast...); err != nil {
		return err
	}

	// Cleo's cable is cut. The others go on; she does not notice and goes on, too.
	cleo.cable.cut()
	if err := cleo.awaitText(ctx, offlineSight); err != nil {
		return err
	}
	hers, err := cleo.conn.SendAsync(d.room, "I bring cake.")
	if err != nil {
		return err
	}
	slip, err := perform(ctx, say(ana, "Pasta or pizza?"), say(ben, "pzza"))
	if err != nil {
		return err
	}
	last, err = perform(ctx,
		func(ctx context.Context) (*clientv1.Ack, error) { return ben.conn.Delete(ctx, d.room, slip.GetSeq()) },
		say(ben, "Pizza."))
	if err != nil {
		return err
	}
	if err := listen(last.GetSeq(), ana, ben); err != nil {
		return err
	}

	// She is back: what she missed arrives, and what she sent.
	cleo.cable.mend()
	if _, err := hers.Wait(ctx); err != nil {
		return fmt.Errorf("cleo's message of the time without a connection: %w", err)
	}
	if last, err = perform(ctx, say(ana, "Cake it is.")); err != nil {
		return err
	}
	return listen(last.GetSeq(), d.cast...)
}

// gather registers the three, makes the room, and returns when each is online in it. They use both encodings.
func (d *demo) gather(ctx context.Context) error {
	suffix := "-" + uuid.NewString()[:8]
	for _, name := range []string{"ana", "ben", "cleo"} {
		a, err := newActor(ctx, d.server, name, suffix)
		if err != nil {
			return err
		}
		d.cast = append(d.cast, a)
	}
	room, err := d.cast[0].api.CreateRoom(ctx, "demo"+suffix, "a conversation of three", false)
	if err != nil {
		return fmt.Errorf("create the room: %w", err)
	}
	d.room = room.GetId()
	for i, a := range d.cast {
		if i > 0 {
			if _, err := a.api.JoinRoom(ctx, d.room); err != nil {
				return fmt.Errorf("%s joins: %w", a.name, err)
			}
		}
	}
	for i, a := range d.cast {
		if err := a.connect(ctx, d.room, []client.Encoding{client.Protobuf, client.JSON}[i%2]); err != nil {
			return err
		}
	}
	return nil
}
