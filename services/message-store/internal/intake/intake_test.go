package intake_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/subject"
	"github.com/natter-chat/natter/pkg/testkit"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	"github.com/natter-chat/natter/services/message-store/internal/intake"
)

// echo acknowledges every command with seq 1.
type echo struct{}

func (echo) Submit(_ ids.Room, commands []*busv1.Command, reply func([]*busv1.Outcome)) {
	outcomes := make([]*busv1.Outcome, len(commands))
	for i := range outcomes {
		outcomes[i] = &busv1.Outcome{Result: &busv1.Outcome_Ack{Ack: &busv1.Ack{Seq: 1}}}
	}
	reply(outcomes)
}

func open(t *testing.T) (*intake.Intake, *nats.Conn) {
	t.Helper()
	url := testkit.NATS(t)
	connect := func() *nats.Conn {
		nc, err := nats.Connect(url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		return nc
	}
	in, err := intake.Open(connect(), echo{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return in, connect()
}

// everything is all partitions.
func everything() (all []int) {
	for p := range subject.Partitions {
		all = append(all, p)
	}
	return all
}

func TestMalformedCommandsAreAnswered(t *testing.T) {
	t.Parallel()
	in, nc := open(t)
	if err := in.Own(everything(), nil); err != nil {
		t.Fatal(err)
	}
	room := ids.New[ids.Room]()
	good, err := proto.Marshal(&busv1.Commands{Commands: make([]*busv1.Command, 2)})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		to    string
		data  []byte
		field string
	}{
		"owner":       {subject.In(room), good, ""},
		"any":         {subject.InAny(room), good, ""},
		"not a room":  {"natter.in.any.nonsense", good, "roomId"},
		"not a proto": {subject.In(room), []byte("nonsense"), "commands"},
		"nothing":     {subject.In(room), nil, "commands"},
		"not UTF-8":   {subject.In(room), []byte("\x0a\x04\x0a\x02\xff\xfe"), "commands"},
	} {
		m, err := nc.Request(tt.to, tt.data, 5*time.Second)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var o busv1.Outcomes
		if err := proto.Unmarshal(m.Data, &o); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		switch {
		case tt.field == "" && (len(o.GetOutcomes()) != 2 || o.GetOutcomes()[1].GetAck().GetSeq() != 1):
			t.Errorf("%s: %v", name, &o)
		case tt.field != "" && (len(o.GetOutcomes()) != 1 || o.GetOutcomes()[0].GetFault().GetField() != tt.field):
			t.Errorf("%s: %v, want a fault of %s", name, &o, tt.field)
		}
	}
}

// A partition that is lost is nobody's here; one that is gained is; after Close nothing is.
func TestOwnedPartitions(t *testing.T) {
	t.Parallel()
	in, nc := open(t)
	room := ids.New[ids.Room]()
	p := subject.Partition(room)
	data, err := proto.Marshal(&busv1.Commands{Commands: make([]*busv1.Command, 1)})
	if err != nil {
		t.Fatal(err)
	}
	answered := func(to string) bool {
		_, err := nc.Request(to, data, 5*time.Second)
		if err != nil && !strings.Contains(err.Error(), nats.ErrNoResponders.Error()) {
			t.Errorf("%s: %v", to, err)
		}
		return err == nil
	}
	if answered(subject.In(room)) || !answered(subject.InAny(room)) {
		t.Error("before a partition is owned, only `any` is answered")
	}
	for range 2 { // a change that failed half way is asked for again
		if err := in.Own([]int{p}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if !answered(subject.In(room)) {
		t.Error("a gained partition is not answered")
	}
	for range 2 {
		if err := in.Own(nil, []int{p}); err != nil {
			t.Fatal(err)
		}
	}
	if answered(subject.In(room)) {
		t.Error("a lost partition is answered")
	}
	if err := in.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if answered(subject.InAny(room)) {
		t.Error("`any` is answered after Close")
	}
}
