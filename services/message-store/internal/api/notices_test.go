package api_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	storev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
	"github.com/natter-chat/natter/services/message-store/internal/api"
	"github.com/natter-chat/natter/services/message-store/internal/store"
	"github.com/natter-chat/natter/services/message-store/internal/store/sqlite"
	"github.com/natter-chat/natter/services/message-store/internal/store/storetest"
)

// A page with its notices fits the bus (512 KiB), however large both are: the messages come first, then the newest notices.
func TestNoticesFitAReply(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		messages, notices int // of 8 KiB, and of 4 KiB
	}{"large messages": {100, 500}, "small messages": {1, 500}, "few of both": {2, 2}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "messages.db"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			w := storetest.NewWriter()
			for range tt.messages {
				w.Post(0, strings.Repeat("x", 8<<10))
			}
			w.Store(t, s)
			for i := range tt.notices {
				if w.Event(store.KindMemberLeft, i%3, func(e *store.Event) {
					e.Member = &store.Member{User: w.Users[i%3], Avatar: strings.Repeat("a", 4<<10), Reason: []string{"left", "kicked"}[i%2]}
				}); i%200 == 199 {
					w.Store(t, s)
				}
			}
			w.Store(t, s)
			a := api.New(api.Deps{Log: s, Pipeline: allMembers{}, People: nobody{}})
			ctx := rpc.WithCaller(t.Context(), authn.Caller{User: w.Users[0]})
			page, err := a.ListMessages(ctx, &storev1.ListMessagesRequest{RoomId: w.Room.String(), Limit: 100})
			if err != nil {
				t.Fatal(err)
			}
			if size := proto.Size(page); size > 512<<10 {
				t.Errorf("%d bytes", size)
			}
			n := page.GetNotices()
			if len(n) == 0 || n[0].GetSeq() != uint32(tt.messages+tt.notices) || tt.notices < 10 && len(n) != tt.notices {
				t.Errorf("%d notices", len(n))
			}
		})
	}
}

// nobody is known.
type nobody struct{ api.People }

func (nobody) Names(context.Context, []ids.User) map[ids.User]*chatv1.UserRef { return nil }
