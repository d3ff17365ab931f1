package api_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/bus"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/people"
	"github.com/natter-chat/natter/pkg/people/peopletest"
	"github.com/natter-chat/natter/pkg/role"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/pkg/testkit"
	storev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
	"github.com/natter-chat/natter/services/message-store/internal/api"
	"github.com/natter-chat/natter/services/message-store/internal/store"
	"github.com/natter-chat/natter/services/message-store/internal/store/sqlite"
	"github.com/natter-chat/natter/services/message-store/internal/store/storetest"
)

// allMembers is a pipeline in whose rooms everybody is a member: what it takes to find that out is not measured here.
type allMembers struct{ api.Pipeline }

func (allMembers) Role(context.Context, ids.Room, ids.User, uint32) (role.Role, int, error) {
	return role.Member, 1, nil
}

// A page of 50 messages on SQLite whose authors' names are known.
func BenchmarkListMessages(b *testing.B) {
	s, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "messages.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	w := storetest.NewWriter()
	content := strings.Repeat("a message of ordinary length ", 4)
	for i := range 200 {
		w.Post(i%3, fmt.Sprint(content, i))
	}
	if err := s.Append(b.Context(), []store.Batch{w.Batch()})[0]; err != nil {
		b.Fatal(err)
	}
	url, log := testkit.NATS(b), slog.New(slog.DiscardHandler)
	nc, err := bus.Connect(b.Context(), bus.Config{URL: url}, "bench", log)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(nc.Close)
	names, err := people.New(rpc.NewClient(nc), log)
	if err != nil {
		b.Fatal(err)
	}
	auth := peopletest.StartAuth(b, url)
	for i, user := range w.Users {
		auth.Add(user, fmt.Sprint("today's name ", i))
	}
	a := api.New(api.Deps{Log: s, Pipeline: allMembers{}, People: names})
	ctx := rpc.WithCaller(b.Context(), authn.Caller{User: w.Users[0]})
	req := &storev1.ListMessagesRequest{RoomId: w.Room.String(), Limit: 50}
	b.ReportAllocs()
	for b.Loop() {
		page, err := a.ListMessages(ctx, req)
		if err != nil || len(page.GetMessages()) != 50 {
			b.Fatal(len(page.GetMessages()), err)
		}
	}
}
