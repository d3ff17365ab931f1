package rooms_test

import (
	"fmt"
	"testing"

	"github.com/natter-chat/natter/pkg/testkit"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	"github.com/natter-chat/natter/services/rooms"
)

// TestProvision: what is written beside a running rooms is as good as what it made itself, and gets into the logs.
func TestProvision(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(testing.TB) string{"SQLite": func(testing.TB) string { return "" }, "PostgreSQL": testkit.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, map[string]string{"NATTER_POSTGRES_URL": url(t)})
			var people []*person
			large := rooms.NewRoom{Name: "large"}
			for i := range 120 { // more than travel together
				p := w.person(fmt.Sprint("p", i))
				people = append(people, p)
				large.Members = append(large.Members, p.ref)
			}
			small := rooms.NewRoom{Name: "small", Members: []*chatv1.UserRef{people[1].ref, people[0].ref}}
			written := 0
			made, err := rooms.Provision(t.Context(), w.config, []rooms.NewRoom{large, small}, func(n int) { written += n })
			if err != nil || len(made) != 2 || written != len(people)+2 {
				t.Fatalf("%v, %d members, %v", made, written, err)
			}
			if n := len(w.log.Events(made[0])); n != len(people) {
				t.Errorf("%d events in the log of %d members", n, len(people))
			}
			if got := w.story(made[1]); got != "p1 joined as owner, p0 joined as member" {
				t.Errorf("the log says: %s", got)
			}
			if r := must[*chatv1.Room](t)(people[7].get(made[0])); r.GetName() != "large" || int(r.GetMemberCount()) != len(people) || r.GetIsPrivate() {
				t.Errorf("provisioned %v", r)
			}
			w.wantCode(people[7].leave(made[0]), "") // changes go on from there
		})
	}
	var nobody rooms.NewRoom
	cfg := rooms.Config{DataDir: t.TempDir()}
	if _, err := rooms.Provision(t.Context(), cfg, []rooms.NewRoom{nobody}, nil); err == nil {
		t.Error("a room without members was made")
	}
}
