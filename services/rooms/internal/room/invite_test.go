package room

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
)

var invited = ids.New[ids.RoomInvitation]()

func TestWhoInvites(t *testing.T) {
	t.Parallel()
	var (
		public   = Room{Kind: role.Room, MemberCount: 3}
		private  = Room{Kind: role.Room, MemberCount: 3, Settings: Settings{IsPrivate: true}}
		archived = Room{Kind: role.Room, MemberCount: 3, Settings: Settings{IsArchived: true}}
		group    = Room{Kind: role.Group, MemberCount: 3, Settings: Settings{IsPrivate: true}}
		direct   = Room{Kind: role.Direct, MemberCount: 2, Settings: Settings{IsPrivate: true}}
	)
	const denied = fault.PermissionDenied
	for name, tc := range map[string]struct {
		view         View
		there        int
		invite, link fault.Code
	}{
		"owner":                 {view: View{Room: private, Actor: role.Owner}},
		"admin":                 {view: View{Room: public, Actor: role.Admin}},
		"moderator":             {view: View{Room: private, Actor: role.Moderator}, invite: denied, link: denied},
		"stranger":              {view: View{Room: public}, invite: denied, link: denied},
		"stranger, private":     {view: View{Room: private}, invite: fault.NotFound, link: fault.NotFound},
		"member of a group":     {view: View{Room: group, Actor: role.Member}},
		"read-only of a group":  {view: View{Room: group, Actor: role.ReadOnly}, invite: denied, link: denied},
		"one of two":            {view: View{Room: direct, Actor: role.Member}, invite: denied, link: denied},
		"archived":              {view: View{Room: archived, Actor: role.Owner}, invite: denied, link: denied},
		"who is a member":       {view: View{Room: private, Actor: role.Owner, Target: role.Member}, invite: fault.AlreadyExists},
		"who is banned":         {view: View{Room: private, Actor: role.Owner, TargetBanned: true}, invite: denied},
		"below the limits":      {view: View{Room: private, Actor: role.Owner}, there: 1},
		"at the limits":         {view: View{Room: private, Actor: role.Owner}, there: 2, invite: fault.ResourceExhausted, link: fault.ResourceExhausted},
		"again, at the limit":   {view: View{Room: private, Actor: role.Owner, Invited: invited}, there: 2, link: fault.ResourceExhausted},
		"stranger at the limit": {view: View{Room: private}, there: 2, invite: fault.NotFound, link: fault.NotFound},
	} {
		if err := testLimits.Invite(tc.view, tc.there); fault.CodeOf(err) != tc.invite {
			t.Errorf("%s invites: %v, want %q", name, err, tc.invite)
		}
		if err := testLimits.MakeLink(tc.view, tc.there); fault.CodeOf(err) != tc.link {
			t.Errorf("%s makes a link: %v, want %q", name, err, tc.link)
		}
	}
	// What was handed out before the room was archived can be taken back.
	if err := (View{Room: archived, Actor: role.Owner}).Invites(); err != nil {
		t.Error(err)
	}
}

func TestWhoGetsIn(t *testing.T) {
	t.Parallel()
	var (
		at       = time.Unix(1e9, 0)
		good     = &Link{ExpiresAt: at.Add(1), MaxUses: 2, Uses: 1}
		endless  = &Link{ExpiresAt: at.Add(1), Uses: 1 << 30}
		used     = &Link{ExpiresAt: at.Add(1), MaxUses: 2, Uses: 2}
		expired  = &Link{ExpiresAt: at}
		private  = Room{MemberCount: 3, Settings: Settings{IsPrivate: true}}
		empty    = Room{Settings: Settings{IsPrivate: true}}
		full     = Room{MemberCount: 5, Settings: Settings{IsPrivate: true}}
		archived = Room{MemberCount: 3, Settings: Settings{IsPrivate: true, IsArchived: true}}
	)
	link, join := testLimits.JoinByLink(ada), testLimits.Join(ada)
	const denied = fault.PermissionDenied
	for name, tc := range map[string]struct {
		decide Decide
		view   View
		want   fault.Code
		role   role.Role
	}{
		"link":                         {decide: link, view: View{Room: private, Link: good}, role: role.Member},
		"link: endless":                {decide: link, view: View{Room: private, Link: endless}, role: role.Member},
		"link: to an empty room":       {decide: link, view: View{Room: empty, Link: good}, role: role.Owner},
		"link: used up":                {decide: link, view: View{Room: private, Link: used}, want: fault.NotFound},
		"link: expired":                {decide: link, view: View{Room: private, Link: expired}, want: fault.NotFound},
		"link: revoked":                {decide: link, view: View{Room: private}, want: fault.NotFound},
		"link: again, used up":         {decide: link, view: View{Room: private, Link: used, Actor: role.Member, Target: role.Member}, want: nothing},
		"link: banned":                 {decide: link, view: View{Room: private, Link: good, TargetBanned: true}, want: denied},
		"link: banned, though invited": {decide: link, view: View{Room: private, Link: good, TargetBanned: true, Invited: invited}, want: denied},
		"link: archived":               {decide: link, view: View{Room: archived, Link: good}, want: denied},
		"link: full":                   {decide: link, view: View{Room: full, Link: good}, want: fault.ResourceExhausted},
		"link: in too many rooms":      {decide: link, view: View{Room: private, Link: good, TargetRooms: 3}, want: fault.ResourceExhausted},
		"invited":                      {decide: join, view: View{Room: private, Invited: invited}, role: role.Member},
		"invited: banned":              {decide: join, view: View{Room: private, Invited: invited, TargetBanned: true}, want: denied},
		"invited: archived":            {decide: join, view: View{Room: archived, Invited: invited}, want: denied},
		"invited: full":                {decide: join, view: View{Room: full, Invited: invited}, want: fault.ResourceExhausted},
		"a link does not help to join": {decide: join, view: View{Room: private, Link: good}, want: fault.NotFound},
		"one of two":                   {decide: Converse(ada, ada), view: View{Room: empty, TargetRooms: 99}, role: role.Member},
		"one of two, again":            {decide: Converse(ada, ada), view: View{Room: empty, Target: role.Member}, want: nothing},
		"first of a group":             {decide: testLimits.Gather(ada, ada), view: View{Room: empty}, role: role.Owner},
		"second of a group":            {decide: testLimits.Gather(ada, bob), view: View{Room: private}, role: role.Member},
		"gathered in too many rooms":   {decide: testLimits.Gather(ada, bob), view: View{Room: private, TargetRooms: 3}, want: fault.ResourceExhausted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.view.At = at
			c, err := tc.decide(tc.view)
			switch {
			case tc.want == nothing:
				if c != nil || err != nil {
					t.Errorf("decided %+v, %v; want nothing", c, err)
				}
			case tc.want != "":
				if fault.CodeOf(err) != tc.want {
					t.Errorf("decided %+v, %v; want %s", c, err, tc.want)
				}
			case err != nil || c.Standing.Role != tc.role || c.UsesLink != (tc.view.Link != nil):
				t.Errorf("decided %+v, %v; want role %q", c, err, tc.role)
			}
		})
	}
}

func TestLinkTokens(t *testing.T) {
	t.Parallel()
	token, hash := NewLinkToken()
	other, _ := NewLinkToken()
	if sum := sha256.Sum256([]byte(token)); token == other || len(token) != 43 || !slices.Equal(hash, sum[:]) {
		t.Errorf("token %s, hash %x", token, hash)
	}
	if got, err := ParseLinkToken(token); err != nil || !slices.Equal(got, hash) {
		t.Errorf("parsed %x, %v", got, err)
	}
	for _, bad := range []string{
		"", "x", token[1:], token + "A", token + "=", "\n" + token, token[:42] + "!", base64.StdEncoding.EncodeToString(make([]byte, 32)),
		token[:42] + "B", // the last character has two bits to spare: they are 0
	} {
		if hash, err := ParseLinkToken(bad); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("%q was parsed as %x, %v", bad, hash, err)
		}
	}
}

func TestLinkLife(t *testing.T) {
	t.Parallel()
	for seconds, want := range map[uint32]time.Duration{
		0: 7 * 24 * time.Hour, 60: time.Minute, 30 * 86400: 30 * 24 * time.Hour, 59: 0, 30*86400 + 1: 0, 1<<32 - 1: 0,
	} {
		got, err := testLimits.LinkLife(seconds)
		if f := fault.From(err); got != want || want == 0 && (f.Code != fault.InvalidArgument || f.Field != "expiresInSeconds") {
			t.Errorf("%d seconds: %v, %v; want %v", seconds, got, err, want)
		}
	}
	short := testLimits
	short.LinkLifeMax = time.Hour
	if got, err := short.LinkLife(0); err != nil || got != time.Hour {
		t.Errorf("the standard life, longer than the longest: %v, %v", got, err)
	}
}

func TestPair(t *testing.T) {
	t.Parallel()
	a, b := ids.New[ids.User](), ids.New[ids.User]()
	p := PairOf(b, a)
	if p != PairOf(a, b) || !slices.Equal(p.People(), []ids.User{a, b}) || !slices.Equal(PairOf(a, a).People(), []ids.User{a}) || (Pair{}).People() != nil {
		t.Errorf("%v of %v", p.People(), p)
	}
	for _, want := range []Pair{p, PairOf(a, a), {}} {
		got := p
		value, err := want.Value()
		if err != nil {
			t.Fatal(err)
		}
		if err := got.Scan(value); err != nil || got != want {
			t.Errorf("%v was stored as %v and read as %v, %v", want, value, got, err)
		}
	}
	for _, bad := range []any{"", "a b", a.String(), a.String() + " ", 7} {
		if err := p.Scan(bad); err == nil {
			t.Errorf("%v was read as %v", bad, p)
		}
	}
}

func TestListing(t *testing.T) {
	t.Parallel()
	long := ""
	for range 300 {
		long += "ü"
	}
	for _, tc := range []struct{ name, topic, sort, search string }{
		{"Lobby", "", "lobby", "lobby\n"},
		{"ＦＵＬＬ", "Straße", "full", "full\nstrasse"},
		{long, "x", long[:sortBytes], long + "\nx"},
		{"a" + long, "", ("a" + long)[:sortBytes-1], "a" + long + "\n"}, // not in the middle of a character
	} {
		if got := (Settings{Name: tc.name, Topic: tc.topic}).Listing(); got.SortName != tc.sort || got.Search != tc.search {
			t.Errorf("%q, %q: %+v", tc.name, tc.topic, got)
		}
	}
	if got, err := Query("  STRAẞE "); err != nil || got != "strasse" {
		t.Errorf("query %q, %v", got, err)
	}
	for _, bad := range []string{"a\nb", "\xff", long} {
		if _, err := Query(bad); fault.From(err).Field != "query" {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestNotifications(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"", "all", "mentions", "none"} {
		if n, err := ParseNotifications(good); err != nil || string(n) != good {
			t.Errorf("%q: %q, %v", good, n, err)
		}
	}
	if _, err := ParseNotifications("ALL"); fault.From(err).Field != "notifications" {
		t.Error(err)
	}
}
