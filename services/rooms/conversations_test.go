package rooms_test

import (
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/testkit"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
)

func (p *person) direct(other *person) (*chatv1.Room, error) {
	return call[*chatv1.Room](p, "OpenDirect", &roomsv1.OpenDirectRequest{UserId: other.id.String()})
}

func (p *person) group(name string, others ...*person) (*chatv1.Room, error) {
	req := &roomsv1.CreateGroupRequest{Name: name}
	for _, o := range others {
		req.UserIds = append(req.UserIds, o.id.String())
	}
	return call[*chatv1.Room](p, "CreateGroup", req)
}

func TestDirectConversations(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(testing.TB) string{"SQLite": func(testing.TB) string { return "" }, "PostgreSQL": testkit.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, map[string]string{"NATTER_POSTGRES_URL": url(t)})
			ada, bob, eve := w.person("ada"), w.person("bob"), w.person("eve")
			opened := make([]*chatv1.Room, 20)
			var group errgroup.Group
			for i := range opened {
				group.Go(func() (err error) {
					if i%2 == 0 {
						opened[i], err = ada.direct(bob)
					} else {
						opened[i], err = bob.direct(ada)
					}
					return err
				})
			}
			if err := group.Wait(); err != nil {
				t.Fatal(err)
			}
			first := opened[0]
			for _, r := range opened {
				if r.GetId() != first.GetId() {
					t.Fatalf("%s and %s", r.GetId(), first.GetId())
				}
			}
			if first.GetKind() != "direct" || !first.GetIsPrivate() || len(first.GetMembers()) != 2 || first.GetName() != "" {
				t.Errorf("opened %v", first)
			}
			page := must[*roomsv1.ListMembershipsResponse](t)(call[*roomsv1.ListMembershipsResponse](bob, "ListMemberships", &roomsv1.ListMembershipsRequest{UserId: bob.id.String()}))
			m := page.GetMemberships()[0]
			if who := m.GetRoom().GetMembers(); len(page.GetMemberships()) != 1 || m.GetRole() != "member" || len(who) != 2 ||
				!proto.Equal(who[0], ada.ref) && !proto.Equal(who[1], ada.ref) {
				t.Errorf("bob's memberships %v", page)
			}
			if story := w.story(first.GetId()); !strings.Contains(story, "ada joined as member") || !strings.Contains(story, "bob joined as member") || strings.Count(story, ",") != 1 {
				t.Errorf("the log says: %s", story)
			}

			// It is of these two, for good.
			_, err := ada.add(first.GetId(), eve)
			w.wantCode(err, fault.PermissionDenied)
			_, err = ada.invite(first.GetId(), eve)
			w.wantCode(err, fault.PermissionDenied)
			_, err = ada.link(first.GetId(), 0, 0)
			w.wantCode(err, fault.PermissionDenied)
			w.wantCode(bob.leave(first.GetId()), fault.PermissionDenied)
			_, err = eve.join(first.GetId())
			w.wantCode(err, fault.NotFound)

			w.auth.Close(bob.id)
			if r := must[*chatv1.Room](t)(ada.direct(bob)); r.GetId() != first.GetId() { // what was said stays
				t.Errorf("opened %v", r)
			}
			for who, p := range map[string]*person{"closed": bob, "unknown": {w: w, id: ids.New[ids.User]()}} {
				_, err = eve.direct(p)
				if f := fault.From(err); f.Code != fault.NotFound || f.Field != "userId" {
					t.Errorf("with somebody %s: %v", who, err)
				}
			}
			if notes := must[*chatv1.Room](t)(ada.direct(ada)); notes.GetMemberCount() != 1 || len(notes.GetMembers()) != 1 {
				t.Errorf("with oneself: %v", notes)
			}
		})
	}
}

func TestGroups(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	ada, bob, eve, dan := w.person("ada"), w.person("bob"), w.person("eve"), w.person("dan")
	g := must[*chatv1.Room](t)(ada.group("  ", bob, eve, bob, ada))
	if g.GetKind() != "group" || !g.GetIsPrivate() || g.GetMemberCount() != 3 || g.GetName() != "" || !proto.Equal(g.GetCreator(), ada.ref) {
		t.Errorf("made %v", g)
	}
	const story = "ada joined as owner, bob joined as member, eve joined as member"
	if got := w.story(g.GetId()); got != story {
		t.Errorf("the log says: %s\nwant: %s", got, story)
	}
	must[*chatv1.Member](t)(bob.add(g.GetId(), dan)) // they are alike
	if named := must[*chatv1.Room](t)(ada.group("trip", bob)); named.GetName() != "trip" || named.GetId() == g.GetId() {
		t.Errorf("made %v", named)
	}

	var crowd []*person
	for i := range 50 {
		crowd = append(crowd, w.person("user"+strconv.Itoa(i)))
	}
	w.auth.Close(dan.id)
	for what, try := range map[string]func() (*chatv1.Room, error){
		"too many":        func() (*chatv1.Room, error) { return ada.group("", crowd...) },
		"50, one closed":  func() (*chatv1.Room, error) { return ada.group("", append(crowd[:48:48], dan)...) },
		"alone":           func() (*chatv1.Room, error) { return ada.group("", ada) },
		"nobody":          func() (*chatv1.Room, error) { return ada.group("") },
		"closed":          func() (*chatv1.Room, error) { return ada.group("", bob, dan) },
		"not a person":    func() (*chatv1.Room, error) { return ada.group("", bob, &person{w: w}) },
		"name of joiners": func() (*chatv1.Room, error) { return ada.group("\u200b", bob) },
	} {
		_, err := try()
		want, field := fault.InvalidArgument, "userIds"
		switch what {
		case "closed", "50, one closed", "not a person":
			want = fault.NotFound
		case "name of joiners":
			field = "name"
		}
		if f := fault.From(err); f.Code != want || f.Field != field {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func (p *person) prefer(room, notifications string, favourite bool) (*clientv1.Preferences, error) {
	return call[*clientv1.Preferences](p, "SetPreferences", &roomsv1.SetPreferencesRequest{RoomId: room, IsFavourite: favourite, HiddenSeq: 7, Notifications: notifications})
}

// What a member prefers reaches their other devices, and every answer after that, from whichever instance.
func TestPreferences(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	ada, bob := w.person("ada"), w.person("bob")
	r := ada.create("lobby", false).GetId()
	remembered := func(p *person) *clientv1.Preferences {
		t.Helper()
		res := must[*roomsv1.BatchListMembershipsResponse](t)(call[*roomsv1.BatchListMembershipsResponse](p, "BatchListMemberships",
			&roomsv1.BatchListMembershipsRequest{UserIds: []string{p.id.String()}}))
		return res.GetUsers()[0].GetMemberships()[0].GetPreferences()
	}
	if got := remembered(ada); got != nil {
		t.Errorf("at first: %v", got)
	}
	heard := ada.events()
	for rev := range uint32(3) {
		got := must[*clientv1.Preferences](t)(ada.prefer(r, "mentions", rev%2 == 0))
		want := &clientv1.Preferences{IsFavourite: rev%2 == 0, HiddenSeq: 7, Notifications: "mentions", Rev: rev + 1}
		if !proto.Equal(got, want) {
			t.Errorf("set %v, want %v", got, want)
		}
		if got := heard.next().GetPreferences(); got.GetRoomId() != r || !proto.Equal(got.GetPreferences(), want) {
			t.Errorf("the other devices hear %v, want %v", got, want)
		}
		w.await(func() bool { return proto.Equal(remembered(ada), want) })
		res := must[*roomsv1.ListMembershipsResponse](t)(call[*roomsv1.ListMembershipsResponse](ada, "ListMemberships", &roomsv1.ListMembershipsRequest{UserId: ada.id.String()}))
		if got := res.GetMemberships()[0].GetPreferences(); !proto.Equal(got, want) {
			t.Errorf("read %v, want %v", got, want)
		}
	}
	_, err := ada.prefer(r, "some", false)
	if f := fault.From(err); f.Code != fault.InvalidArgument || f.Field != "notifications" {
		t.Errorf("notify of some: %v", err)
	}
	_, err = bob.prefer(r, "all", false)
	w.wantCode(err, fault.PermissionDenied)
	_, err = bob.prefer(ada.create("secret", true).GetId(), "all", false)
	w.wantCode(err, fault.NotFound)

	must[*chatv1.Room](t)(bob.join(r))
	must[*clientv1.Preferences](t)(bob.prefer(r, "none", true))
	w.wantCode(bob.leave(r), "")
	must[*chatv1.Room](t)(bob.join(r))
	w.await(func() bool { return remembered(bob) == nil })
}
