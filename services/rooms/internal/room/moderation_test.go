package room

import (
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/role"
)

func TestModeration(t *testing.T) {
	t.Parallel()
	var (
		public  = Room{MemberCount: 3}
		private = Room{MemberCount: 3, Settings: Settings{IsPrivate: true}}
		direct  = Room{MemberCount: 2, Kind: role.Direct, Settings: Settings{IsPrivate: true}}
		group   = Room{MemberCount: 3, Kind: role.Group, Settings: Settings{IsPrivate: true}}
		later   = at.Add(time.Hour)
		earlier = at.Add(-time.Hour)
		minute  = new(time.Minute)
	)
	ban, forAnHour := PutBan(ada, bob, "spam", 0), PutBan(ada, bob, "spam", time.Hour)
	appoint := func(to role.Role) Decide { return SetMember(ada, bob, MemberUpdate{Role: &to}) }
	lower := func(to role.Role) Decide { return SetMember(ada, ada, MemberUpdate{Role: &to}) }
	mute, unmute := SetMember(ada, bob, MemberUpdate{Mute: minute}), SetMember(ada, bob, MemberUpdate{Mute: new(time.Duration(0))})
	crown, abdicate := Crown(ada, bob), Abdicate(ada)
	checkRules(t, map[string]ruleCase{
		"kick: with a reason":               {Kick(ada, bob, "spam"), View{Room: public, Actor: role.Admin, Target: role.Member}, "out; ada: kicked bob because spam"},
		"kick: a muted one stays muted":     {Kick(ada, bob, ""), View{Room: public, Actor: role.Admin, Target: role.Member, TargetMuted: later}, "out muted for 1h0m0s; ada: kicked bob"},
		"kick: a mute that has ended":       {Kick(ada, bob, ""), View{Room: public, Actor: role.Admin, Target: role.Member, TargetMuted: earlier}, "out; ada: kicked bob"},
		"kick: owner of a group":            {Kick(ada, bob, ""), View{Room: group, Actor: role.Owner, Target: role.Member}, "out; ada: kicked bob"},
		"kick: member of a group":           {Kick(ada, bob, ""), View{Room: group, Actor: role.Member, Target: role.ReadOnly}, denied},
		"kick: from a direct conversation":  {Kick(ada, bob, ""), View{Room: direct, Actor: role.Member, Target: role.Member}, denied},
		"leave: a muted one stays muted":    {Leave(ada), View{Room: public, Actor: role.Member, Target: role.Member, TargetMuted: later}, "out muted for 1h0m0s; ada: left ada"},
		"leave: a direct conversation":      {Leave(ada), View{Room: direct, Actor: role.Member, Target: role.Member}, denied},
		"leave: owner of a group":           {Leave(ada), View{Room: group, Actor: role.Owner, Target: role.Owner}, denied},
		"join: still muted":                 {testLimits.Join(ada), View{Room: public, TargetMuted: later}, "member muted for 1h0m0s; ada: joined ada as member muted for 1h0m0s"},
		"add: still muted":                  {testLimits.Add(ada, bob), View{Room: public, Actor: role.Admin, TargetMuted: later}, "member muted for 1h0m0s; ada: joined bob as member muted for 1h0m0s"},
		"add: member of a group":            {testLimits.Add(ada, bob), View{Room: group, Actor: role.Member}, "member; ada: joined bob as member"},
		"add: to a direct conversation":     {testLimits.Add(ada, bob), View{Room: direct, Actor: role.Member}, denied},
		"ban: with a reason":                {ban, View{Room: public, Actor: role.Moderator, Target: role.Member}, "out, ban because spam; ada: banned bob because spam"},
		"ban: for a while":                  {forAnHour, View{Room: public, Actor: role.Moderator}, "out, ban for 1h0m0s because spam; ada: banned bob because spam"},
		"ban: other terms":                  {forAnHour, View{Room: public, Actor: role.Moderator, TargetBanned: true}, "ban for 1h0m0s because spam; silent"},
		"ban: other terms, log behind":      {ban, View{Room: public, Actor: role.Moderator, TargetBanned: true, Pending: MaxPending}, "ban because spam; silent"},
		"ban: the log is behind":            {ban, View{Room: public, Actor: role.Moderator, Pending: MaxPending}, behind},
		"ban: oneself":                      {PutBan(ada, ada, "", 0), View{Room: public, Actor: role.Owner, Target: role.Owner}, denied},
		"ban: the other of a direct":        {ban, View{Room: direct, Actor: role.Member, Target: role.Member}, denied},
		"lift":                              {LiftBan, View{Room: public, Actor: role.Moderator, TargetBanned: true}, "lift; silent"},
		"lift: not banned":                  {LiftBan, View{Room: public, Actor: role.Moderator}, nothing},
		"lift: member":                      {LiftBan, View{Room: public, Actor: role.Member, TargetBanned: true}, denied},
		"lift: stranger, private":           {LiftBan, View{Room: private, TargetBanned: true}, unknown},
		"role: owner makes an admin":        {appoint(role.Admin), View{Room: public, Actor: role.Owner, Target: role.Member}, "admin; ada: changed bob to admin"},
		"role: admin makes a moderator":     {appoint(role.Moderator), View{Room: private, Actor: role.Admin, Target: role.ReadOnly}, "moderator; ada: changed bob to moderator"},
		"role: admin lowers a moderator":    {appoint(role.ReadOnly), View{Room: public, Actor: role.Admin, Target: role.Moderator}, "read_only; ada: changed bob to read_only"},
		"role: a mute goes on":              {appoint(role.Moderator), View{Room: public, Actor: role.Owner, Target: role.Member, TargetMuted: later}, "moderator muted for 1h0m0s; ada: changed bob to moderator muted for 1h0m0s"},
		"role: as it is":                    {appoint(role.Member), View{Room: public, Actor: role.Member, Target: role.Member}, nothing},
		"role: admin makes an admin":        {appoint(role.Admin), View{Room: public, Actor: role.Admin, Target: role.Member}, denied},
		"role: admin lowers an admin":       {appoint(role.Member), View{Room: public, Actor: role.Admin, Target: role.Admin}, denied},
		"role: moderator":                   {appoint(role.ReadOnly), View{Room: public, Actor: role.Moderator, Target: role.Member}, denied},
		"role: of the owner":                {appoint(role.Member), View{Room: public, Actor: role.Admin, Target: role.Owner}, denied},
		"role: a second owner":              {appoint(role.Owner), View{Room: public, Actor: role.Owner, Target: role.Admin}, "invalid_argument role"},
		"role: of nobody":                   {appoint(role.Admin), View{Room: public, Actor: role.Owner}, unknown},
		"role: stranger, private":           {appoint(role.Admin), View{Room: private, Target: role.Member}, unknown},
		"role: in a group":                  {appoint(role.ReadOnly), View{Room: group, Actor: role.Owner, Target: role.Member}, "read_only; ada: changed bob to read_only"},
		"role: in a group, member":          {appoint(role.ReadOnly), View{Room: group, Actor: role.Admin, Target: role.Member}, denied},
		"role: in a direct conversation":    {appoint(role.ReadOnly), View{Room: direct, Actor: role.Member, Target: role.Member}, denied},
		"role: one's own in a direct":       {lower(role.ReadOnly), View{Room: direct, Actor: role.Member, Target: role.Member}, denied},
		"role: the log is behind":           {appoint(role.Admin), View{Room: public, Actor: role.Owner, Target: role.Member, Pending: MaxPending}, behind},
		"role: lowering oneself":            {lower(role.Member), View{Room: public, Actor: role.Moderator, Target: role.Moderator}, "member; ada: changed ada to member"},
		"role: raising oneself":             {lower(role.Admin), View{Room: public, Actor: role.Moderator, Target: role.Moderator}, denied},
		"role: the owner lowers themselves": {lower(role.Admin), View{Room: public, Actor: role.Owner, Target: role.Owner}, denied},
		"mute":                              {mute, View{Room: public, Actor: role.Moderator, Target: role.Member}, "member muted for 1m0s; ada: changed bob to member muted for 1m0s"},
		"mute: longer":                      {mute, View{Room: public, Actor: role.Moderator, Target: role.Member, TargetMuted: at.Add(time.Second)}, "member muted for 1m0s; ada: changed bob to member muted for 1m0s"},
		"mute: one's equal":                 {mute, View{Room: public, Actor: role.Moderator, Target: role.Moderator}, denied},
		"mute: member":                      {mute, View{Room: public, Actor: role.Member, Target: role.ReadOnly}, denied},
		"mute: nobody":                      {mute, View{Room: public, Actor: role.Owner, TargetMuted: later}, unknown},
		"mute: oneself":                     {SetMember(ada, ada, MemberUpdate{Mute: minute}), View{Room: public, Actor: role.Owner, Target: role.Owner}, denied},
		"unmute":                            {unmute, View{Room: public, Actor: role.Moderator, Target: role.Member, TargetMuted: later}, "member; ada: changed bob to member"},
		"unmute: not muted any more":        {unmute, View{Room: public, Actor: role.Moderator, Target: role.Member, TargetMuted: earlier}, nothing},
		"unmute: oneself": {SetMember(ada, ada, MemberUpdate{Mute: new(time.Duration(0))}),
			View{Room: public, Actor: role.Moderator, Target: role.Moderator, TargetMuted: later}, denied},
		"mute and role": {SetMember(ada, bob, MemberUpdate{Role: new(role.ReadOnly), Mute: minute}),
			View{Room: public, Actor: role.Admin, Target: role.Member}, "read_only muted for 1m0s; ada: changed bob to read_only muted for 1m0s"},
		"mute and role: one is denied": {SetMember(ada, bob, MemberUpdate{Role: new(role.ReadOnly), Mute: minute}),
			View{Room: public, Actor: role.Moderator, Target: role.Member}, denied},
		"member: nothing is asked":           {SetMember(ada, bob, MemberUpdate{}), View{Room: public, Actor: role.Member, Target: role.Member}, nothing},
		"transfer":                           {crown, View{Room: public, Actor: role.Owner, Target: role.ReadOnly, TargetMuted: later}, "owner; ada: changed bob to owner"},
		"transfer: by an admin":              {crown, View{Room: public, Actor: role.Admin, Target: role.Member}, denied},
		"transfer: to nobody":                {crown, View{Room: public, Actor: role.Owner}, unknown},
		"transfer: done before":              {crown, View{Room: public, Actor: role.Admin, Target: role.Owner}, nothing},
		"transfer: done before, by nobody":   {crown, View{Room: public, Target: role.Owner}, denied},
		"transfer: to oneself":               {Crown(ada, ada), View{Room: public, Actor: role.Owner, Target: role.Owner}, "invalid_argument userId"},
		"transfer: of a direct conversation": {crown, View{Room: direct, Actor: role.Member, Target: role.Member}, denied},
		"transfer: stranger, private":        {crown, View{Room: private, Target: role.Member}, unknown},
		"transfer: the log is behind":        {crown, View{Room: public, Actor: role.Owner, Target: role.Member, Pending: MaxPending}, behind},
		"abdicate":                           {abdicate, View{Room: public, Actor: role.Owner, Target: role.Owner}, "admin; ada: changed ada to admin"},
		"abdicate: done before":              {abdicate, View{Room: public, Actor: role.Admin, Target: role.Admin}, nothing},
	})
}

func TestSettings(t *testing.T) {
	t.Parallel()
	is := Settings{Name: "old", Topic: "t", SlowMode: 5}
	archived, archivedPrivate := is, is
	archived.IsArchived = true
	archivedPrivate.IsArchived, archivedPrivate.IsPrivate = true, true
	var (
		public  = Room{MemberCount: 3, Settings: is}
		old     = Room{MemberCount: 3, Settings: archived}
		private = Room{MemberCount: 3, Settings: archivedPrivate}
		group   = Room{MemberCount: 3, Kind: role.Group, Settings: Settings{IsPrivate: true}}
		direct  = Room{MemberCount: 2, Kind: role.Direct, Settings: Settings{IsPrivate: true}}
	)
	rename := Configure(ada, Update{Name: new("new")})
	publish := Configure(ada, Update{IsPrivate: new(false)})
	archive, restore := Configure(ada, Update{IsArchived: new(true)}), Configure(ada, Update{IsArchived: new(false)})
	remove := Delete(ada)
	const gone = "{Name: Description: Topic: Avatar: IsPrivate:false IsArchived:false IsAnnouncement:false SlowMode:0}"
	const renamed = "{Name:new Description: Topic:t Avatar: IsPrivate:false IsArchived:false IsAnnouncement:false SlowMode:5}"
	const away = "{Name:old Description: Topic:t Avatar: IsPrivate:false IsArchived:true IsAnnouncement:false SlowMode:5}"
	const back = "{Name:old Description: Topic:t Avatar: IsPrivate:false IsArchived:false IsAnnouncement:false SlowMode:5}"
	const all = "{Name:n Description:d Topic:t Avatar:/a IsPrivate:true IsArchived:true IsAnnouncement:true SlowMode:9}"
	everything := Configure(ada, Update{
		Name: new("n"), Description: new("d"), Topic: new("t"), Avatar: new("/a"),
		IsPrivate: new(true), IsArchived: new(true), IsAnnouncement: new(true), SlowMode: new(uint32(9)),
	})
	checkRules(t, map[string]ruleCase{
		"rename":                         {rename, View{Room: public, Actor: role.Admin}, renamed + "; ada: " + renamed},
		"rename: moderator":              {rename, View{Room: public, Actor: role.Moderator}, denied},
		"rename: stranger":               {rename, View{Room: public}, denied},
		"rename: stranger, private":      {rename, View{Room: private}, unknown},
		"rename: the same":               {Configure(ada, Update{Name: new("old")}), View{Room: public, Actor: role.Admin}, nothing},
		"rename: the same, moderator":    {Configure(ada, Update{Name: new("old")}), View{Room: public, Actor: role.Moderator}, denied},
		"rename: the log is behind":      {rename, View{Room: public, Actor: role.Admin, Pending: MaxPending}, behind},
		"rename: archived":               {rename, View{Room: old, Actor: role.Owner}, denied},
		"rename: member of a group":      {Configure(ada, Update{Name: new("")}), View{Room: group, Actor: role.Member}, nothing},
		"rename: a direct conversation":  {rename, View{Room: direct, Actor: role.Member}, denied},
		"everything":                     {everything, View{Room: public, Actor: role.Admin}, all + "; ada: " + all},
		"everything: member of a group":  {everything, View{Room: group, Actor: role.Member}, denied},
		"archive":                        {archive, View{Room: public, Actor: role.Admin}, away + "; ada: " + away},
		"archive: again":                 {archive, View{Room: old, Actor: role.Admin}, nothing},
		"archive: moderator":             {archive, View{Room: public, Actor: role.Moderator}, denied},
		"restore":                        {restore, View{Room: old, Actor: role.Owner}, back + "; ada: " + back},
		"publish a group":                {publish, View{Room: group, Actor: role.Owner}, "invalid_argument isPrivate"},
		"nothing is asked":               {Configure(ada, Update{}), View{Room: public, Actor: role.Member}, nothing},
		"delete":                         {remove, View{Room: public, Actor: role.Owner}, "delete, " + gone + "; ada: deleted " + gone},
		"delete: archived":               {remove, View{Room: old, Actor: role.Owner}, "delete, " + gone + "; ada: deleted " + gone},
		"delete: admin":                  {remove, View{Room: public, Actor: role.Admin}, denied},
		"delete: stranger, private":      {remove, View{Room: private}, unknown},
		"delete: a direct conversation":  {remove, View{Room: direct, Actor: role.Member}, denied},
		"delete: the log is behind":      {remove, View{Room: public, Actor: role.Owner, Pending: MaxPending}, behind},
		"join: archived, one still may":  {testLimits.Join(ada), View{Room: old}, "member; ada: joined ada as member"},
		"leave: archived, one still may": {Leave(ada), View{Room: old, Actor: role.Member, Target: role.Member}, "out; ada: left ada"},
	})
}

// What a change leaves of a room.
func TestAfter(t *testing.T) {
	t.Parallel()
	room := Room{Kind: role.Room, Settings: Settings{Name: "n"}, Version: 7, MemberCount: 2, UpdatedAt: at.Add(-time.Hour)}
	for name, tc := range map[string]struct {
		decide Decide
		target role.Role
		change func(*Room)
	}{
		"a join":        {testLimits.Add(ada, bob), role.None, func(r *Room) { r.MemberCount = 3 }},
		"a leave":       {Kick(ada, bob, ""), role.Member, func(r *Room) { r.MemberCount = 1 }},
		"a role":        {SetMember(ada, bob, MemberUpdate{Role: new(role.Admin)}), role.Member, func(*Room) {}},
		"a ban outside": {PutBan(ada, bob, "", 0), role.None, func(*Room) {}},
		"a name":        {Configure(ada, Update{Name: new("new")}), role.Owner, func(r *Room) { r.Name = "new" }},
		"a deletion":    {Delete(ada), role.Owner, func(r *Room) { r.Settings, r.MemberCount, r.DeletedAt = Settings{}, 0, at }},
	} {
		v := View{Room: room, At: at, Actor: role.Owner, Target: tc.target}
		c, err := tc.decide(v)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := room
		want.Version, want.UpdatedAt = 8, at
		tc.change(&want)
		if got := v.After(c); got != want {
			t.Errorf("after %s: %+v\nwant %+v", name, got, want)
		}
	}
	v := View{Room: room, At: at, TargetBanned: true}
	if got := v.After(&Change{LiftBan: true}); got != room {
		t.Errorf("after what is silent: %+v", got)
	}
}
