package rest_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/rpc"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
)

// takeCommands is the log of every room: it remembers what it was asked, and takes it.
func (f *fixture) takeCommands(m *nats.Msg) {
	var in busv1.Commands
	if err := proto.Unmarshal(m.Data, &in); err != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var out busv1.Outcomes
	for _, c := range in.GetCommands() {
		f.seen = append(f.seen, c)
		outcome := &busv1.Outcome{Result: &busv1.Outcome_Ack{Ack: &busv1.Ack{Seq: 7, CreatedAt: &timestamppb.Timestamp{Seconds: 1}}}}
		if f.fail != nil {
			outcome.Result = &busv1.Outcome_Fault{Fault: rpc.ToProto(fault.From(f.fail))}
		}
		out.Outcomes = append(out.Outcomes, outcome)
	}
	if data, err := proto.Marshal(&out); err == nil {
		_ = m.Respond(data)
	}
}

func TestSendMessage(t *testing.T) {
	t.Parallel()
	f := start(t)
	const path = "/chat/rooms/" + room + "/messages"
	w := f.do("POST", path, `{"roomId":"of the path counts","nonce":"n1","content":"hi","type":"image","fileUrl":"/f","replyTo":3,"thread":2}`)
	if want := `{"roomId":"` + room + `","nonce":"n1","seq":7,"createdAt":"1970-01-01T00:00:01Z","duplicate":false}`; w.Code != http.StatusCreated || strings.TrimSpace(w.Body.String()) != want {
		t.Errorf("%d %s, want %s", w.Code, w.Body, want)
	}
	c, _ := f.requests()[0].(*busv1.Command)
	if m := c.GetMessage(); c.GetRoomId() != room || c.GetNonce() != "n1" || m.GetContent() != "hi" || m.GetType() != "image" || m.GetFileUrl() != "/f" ||
		m.GetReplyTo() != 3 || m.GetThread() != 2 || c.GetActor().GetUserId() != f.user.String() || c.GetActor().GetUsername() != "alice" {
		t.Errorf("command %v", c)
	}

	nonces := map[string]bool{}
	for range 2 {
		var ack struct{ Nonce string }
		if err := json.Unmarshal(f.do("POST", path, `{"content":"hi"}`).Body.Bytes(), &ack); err != nil || len(ack.Nonce) != 36 || nonces[ack.Nonce] {
			t.Errorf("made the nonce %q (%v)", ack.Nonce, err)
		}
		nonces[ack.Nonce] = true
	}

	before := len(f.requests())
	for body, field := range map[string]string{
		`{"content":"hi","nonce":"` + strings.Repeat("x", 65) + `"}`: "nonce",
		`{"content":"hi","nonce":"natter:v7"}`:                       "nonce",
		`{"content":7}`:                                              "content",
	} {
		if w := f.do("POST", path, body); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), `"field":"`+field+`"`) {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
	if w := f.do("POST", "/chat/rooms/lobby/messages", `{"content":"hi"}`); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), `"field":"roomId"`) {
		t.Errorf("no id: %d %s", w.Code, w.Body)
	}
	if n := len(f.requests()) - before; n != 0 {
		t.Errorf("%d of what was refused reached the log", n)
	}

	f.failWith(fault.New(fault.PermissionDenied, "you are not a member of this room"))
	if w := f.do("POST", path, `{"content":"hi"}`); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "not a member") {
		t.Errorf("refused: %d %s", w.Code, w.Body)
	}
}
