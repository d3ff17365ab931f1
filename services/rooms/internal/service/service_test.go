package service

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
)

// maxReply is what rpc refuses to exceed.
const maxReply = 512 << 10

func TestTheLargestSnapshotFits(t *testing.T) {
	t.Parallel()
	snap := store.Snapshot{Room: room.Room{Version: 1 << 31}}
	for range maxSnapshotMembers + 1 {
		snap.Members = append(snap.Members, room.Member{User: ids.New[ids.User](), Standing: room.Standing{Role: role.ReadOnly}})
	}
	const size = 1000
	for i := range 500 {
		data, err := proto.Marshal(&busv1.Command{Nonce: strings.Repeat("x", size-3)})
		if err != nil || len(data) != size {
			t.Fatal(len(data), err)
		}
		snap.Pending = append(snap.Pending, store.Pending{Version: uint32(i), Command: data})
	}
	res, err := snapshotPage(snap)
	if err != nil {
		t.Fatal(err)
	}
	if n := proto.Size(res); n > maxReply {
		t.Errorf("%d bytes, more than %d", n, maxReply)
	}
	if len(res.GetMembers()) != maxSnapshotMembers || !res.GetMore() || len(res.GetPending()) != maxPendingBytes/size {
		t.Errorf("%d members, more %v, %d pending", len(res.GetMembers()), res.GetMore(), len(res.GetPending()))
	}
}

// However many are muted, all are on some page.
func TestASnapshotOfMutedMembersFits(t *testing.T) {
	t.Parallel()
	snap := store.Snapshot{Room: room.Room{Settings: room.Settings{Description: strings.Repeat("ü", 1000), Avatar: strings.Repeat("a", 2000)}}}
	for range maxSnapshotMembers {
		snap.Members = append(snap.Members, room.Member{
			User: ids.New[ids.User](), Standing: room.Standing{Role: role.ReadOnly, MutedUntil: time.Now().Add(time.Hour)},
		})
	}
	for len(snap.Members) > 0 {
		res, err := snapshotPage(snap)
		if err != nil {
			t.Fatal(err)
		}
		n := len(res.GetMembers())
		if size := proto.Size(res); size+maxPendingBytes > maxReply || n == 0 || res.GetMore() != (n < len(snap.Members)) {
			t.Fatalf("%d members in %d bytes, more: %t", n, size, res.GetMore())
		}
		snap.Members = snap.Members[n:]
	}
}

func TestALongListOfRoomsFits(t *testing.T) {
	t.Parallel()
	rooms := func(n, avatar int) (list []*chatv1.Room) {
		for range n {
			r := &chatv1.Room{Id: ids.New[ids.Room]().String(), Description: strings.Repeat("d", 1000)}
			for range shownMembers {
				r.Members = append(r.Members, &chatv1.UserRef{Id: ids.New[ids.User]().String(), Avatar: strings.Repeat("a", avatar)})
			}
			list = append(list, r)
		}
		return list
	}
	for _, tc := range []struct{ rooms, avatar, want int }{
		{1, 1000, 50},
		{50, 100, 50},
		{maxRoomsPage, 100, 25},
		{maxRoomsPage, 2000, 1},
	} {
		list := rooms(tc.rooms, tc.avatar)
		fit(list)
		if n := proto.Size(&roomsv1.ListRoomsResponse{Rooms: list}); n > maxReply {
			t.Errorf("%d rooms: %d bytes, more than %d", tc.rooms, n, maxReply)
		}
		if n := len(list[0].GetMembers()); n != tc.want {
			t.Errorf("%d rooms, avatars of %d bytes: %d members each, want %d", tc.rooms, tc.avatar, n, tc.want)
		}
	}
}
