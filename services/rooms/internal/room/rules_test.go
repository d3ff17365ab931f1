package room

import (
	"strings"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/role"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
)

var (
	testLimits = Limits{
		InvitationsPerDay: 2, InvitationLife: time.Hour, LinksPerRoom: 2, LinkLifeMax: 30 * 24 * time.Hour, ConversationsPerDay: 2,
		RoomsPerUser: 3, MembersPerRoom: 5, NameChars: 10, DescriptionChars: 20, TopicChars: 10,
	}
	ada = &chatv1.UserRef{Id: "ada"}
	bob = &chatv1.UserRef{Id: "bob"}
)

func TestRules(t *testing.T) {
	t.Parallel()
	var (
		public  = Room{MemberCount: 3}
		private = Room{MemberCount: 3, Settings: Settings{IsPrivate: true}}
		empty   = Room{}
		alone   = Room{MemberCount: 1}
		crowded = Room{MemberCount: 5}
	)
	join, leave := testLimits.Join(ada), Leave(ada)
	add := testLimits.Add(ada, bob)
	kick, ban := Kick(ada, bob, ""), PutBan(ada, bob, "", 0)
	checkRules(t, map[string]ruleCase{
		"create":                      {decide: testLimits.Create(ada), view: View{Room: empty}, want: "owner; ada: joined ada as owner"},
		"create: in too many rooms":   {decide: testLimits.Create(ada), view: View{Room: empty, TargetRooms: 3}, want: full},
		"join":                        {decide: join, view: View{Room: public}, want: "member; ada: joined ada as member"},
		"join: an empty room":         {decide: join, view: View{Room: empty}, want: "owner; ada: joined ada as owner"},
		"join: again":                 {decide: join, view: View{Room: public, Actor: role.Owner, Target: role.Owner}, want: nothing},
		"join: again, private":        {decide: join, view: View{Room: private, Actor: role.Member, Target: role.Member}, want: nothing},
		"join: again, full":           {decide: join, view: View{Room: crowded, Actor: role.Member, Target: role.Member}, want: nothing},
		"join: private":               {decide: join, view: View{Room: private}, want: unknown},
		"join: private and banned":    {decide: join, view: View{Room: private, TargetBanned: true}, want: unknown},
		"join: banned":                {decide: join, view: View{Room: public, TargetBanned: true}, want: denied},
		"join: banned, empty":         {decide: join, view: View{Room: empty, TargetBanned: true}, want: denied},
		"join: full":                  {decide: join, view: View{Room: crowded}, want: full},
		"join: in too many rooms":     {decide: join, view: View{Room: public, TargetRooms: 3}, want: full},
		"join: the log is behind":     {decide: join, view: View{Room: public, Pending: MaxPending}, want: behind},
		"leave":                       {decide: leave, view: View{Room: public, Actor: role.Member, Target: role.Member}, want: "out; ada: left ada"},
		"leave: private":              {decide: leave, view: View{Room: private, Actor: role.Member, Target: role.Member}, want: "out; ada: left ada"},
		"leave: owner of others":      {decide: leave, view: View{Room: public, Actor: role.Owner, Target: role.Owner}, want: denied},
		"leave: the last":             {decide: leave, view: View{Room: alone, Actor: role.Owner, Target: role.Owner}, want: "out; ada: left ada"},
		"leave: again":                {decide: leave, view: View{Room: public}, want: nothing},
		"leave: a private room":       {decide: leave, view: View{Room: private}, want: unknown},
		"leave: the log is behind":    {decide: leave, view: View{Room: public, Actor: role.Member, Target: role.Member, Pending: MaxPending}, want: behind},
		"add: owner":                  {decide: add, view: View{Room: private, Actor: role.Owner}, want: "member; ada: joined bob as member"},
		"add: admin":                  {decide: add, view: View{Room: public, Actor: role.Admin}, want: "member; ada: joined bob as member"},
		"add: moderator":              {decide: add, view: View{Room: public, Actor: role.Moderator}, want: denied},
		"add: member":                 {decide: add, view: View{Room: private, Actor: role.Member}, want: denied},
		"add: member, already in":     {decide: add, view: View{Room: private, Actor: role.Member, Target: role.Member}, want: denied},
		"add: stranger":               {decide: add, view: View{Room: public}, want: denied},
		"add: stranger, private":      {decide: add, view: View{Room: private}, want: unknown},
		"add: already in":             {decide: add, view: View{Room: crowded, Actor: role.Owner, Target: role.Moderator}, want: nothing},
		"add: banned":                 {decide: add, view: View{Room: public, Actor: role.Owner, TargetBanned: true}, want: denied},
		"add: full":                   {decide: add, view: View{Room: crowded, Actor: role.Owner}, want: full},
		"add: in too many rooms":      {decide: add, view: View{Room: public, Actor: role.Owner, TargetRooms: 3}, want: full},
		"kick: owner, admin":          {decide: kick, view: View{Room: public, Actor: role.Owner, Target: role.Admin}, want: "out; ada: kicked bob"},
		"kick: admin, moderator":      {decide: kick, view: View{Room: private, Actor: role.Admin, Target: role.Moderator}, want: "out; ada: kicked bob"},
		"kick: moderator, member":     {decide: kick, view: View{Room: public, Actor: role.Moderator, Target: role.Member}, want: "out; ada: kicked bob"},
		"kick: moderator, read-only":  {decide: kick, view: View{Room: public, Actor: role.Moderator, Target: role.ReadOnly}, want: "out; ada: kicked bob"},
		"kick: moderator, moderator":  {decide: kick, view: View{Room: public, Actor: role.Moderator, Target: role.Moderator}, want: denied},
		"kick: admin, owner":          {decide: kick, view: View{Room: public, Actor: role.Admin, Target: role.Owner}, want: denied},
		"kick: member, read-only":     {decide: kick, view: View{Room: public, Actor: role.Member, Target: role.ReadOnly}, want: denied},
		"kick: member, nobody":        {decide: kick, view: View{Room: public, Actor: role.Member}, want: denied},
		"kick: stranger":              {decide: kick, view: View{Room: public, Target: role.Member}, want: denied},
		"kick: stranger, private":     {decide: kick, view: View{Room: private, Target: role.Member}, want: unknown},
		"kick: gone already":          {decide: kick, view: View{Room: public, Actor: role.Moderator}, want: nothing},
		"kick: oneself":               {decide: Kick(ada, ada, ""), view: View{Room: public, Actor: role.Owner, Target: role.Owner}, want: denied},
		"ban: a member":               {decide: ban, view: View{Room: public, Actor: role.Moderator, Target: role.Member}, want: "out, ban; ada: banned bob"},
		"ban: not a member":           {decide: ban, view: View{Room: public, Actor: role.Moderator}, want: "out, ban; ada: banned bob"},
		"ban: banned already":         {decide: ban, view: View{Room: public, Actor: role.Moderator, TargetBanned: true}, want: "ban; silent"},
		"ban: moderator, admin":       {decide: ban, view: View{Room: public, Actor: role.Moderator, Target: role.Admin}, want: denied},
		"ban: stranger, private room": {decide: ban, view: View{Room: private}, want: unknown},
	})
}

func TestTexts(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"lobby": "lobby", "  lobby\n": "lobby", "Über 👩‍👩‍👧": "Über 👩‍👩‍👧", "1234567890": "1234567890", "#": "#",
		"": "", "   ": "", "12345678901": "", "a\nb": "", "a\x00b": "", "a\x7fb": "", "\u200b\u200d": "", "\u0301": "", "a\xff": "",
	} {
		got, err := testLimits.Name(in)
		if f := fault.From(err); got != want || want == "" && (f.Code != fault.InvalidArgument || f.Field != "name") {
			t.Errorf("Name(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for in, ok := range map[string]bool{
		"": true, "two\nlines\tand": true, strings.Repeat("ü", 20): true,
		strings.Repeat("ü", 21): false, "a\x1bb": false, "\xff": false,
	} {
		if _, err := testLimits.Description(in); (err == nil) != ok || !ok && fault.From(err).Field != "description" {
			t.Errorf("Description(%q): %v", in, err)
		}
	}
}

func TestLimitsCheck(t *testing.T) {
	t.Parallel()
	if err := testLimits.Check(); err != nil {
		t.Error(err)
	}
	bad := testLimits
	bad.MembersPerRoom = 0
	if bad.Check() == nil {
		t.Error("a limit of 0 passes")
	}
}
