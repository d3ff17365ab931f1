package scenario

import (
	"slices"
	"testing"

	"github.com/natter-chat/natter/pkg/fault"
)

// search: what is said is found by those who are in the room, until it is edited away or deleted, or they leave.
func search(t *testing.T, s *system) {
	room, p, d := meet(t, s, "ada", "bob")
	ada, bob := p[0], p[1]
	eve := newPerson(t, s.gatewayURL(1), "eve")
	ctx := t.Context()
	finds := func(who *person, query string, want ...string) {
		t.Helper()
		eventually(t, "the search", func() error {
			page, err := who.Search(ctx, query, "", 10)
			var got []string
			for _, h := range page.GetHits() {
				got = append(got, h.GetMessage().GetContent())
			}
			if err == nil && !slices.Equal(got, want) {
				err = fault.New(fault.Internal, "%s finds %q with %s, want %q", who.name, got, query, want)
			}
			return err
		})
	}
	first := d[0].say(room, "The Eagle has landed 🦅")
	second := d[1].say(room, "an éagle?")
	finds(bob, "eag", "an éagle?", "The Eagle has landed 🦅")
	finds(bob, `"eagle has" from:`+ada.name+" in:"+room, "The Eagle has landed 🦅")
	finds(bob, "🦅", "The Eagle has landed 🦅")
	finds(eve, "eagle")
	if _, err := d[0].React(ctx, room, first.GetSeq(), "🎉", false); err != nil {
		t.Fatal(err)
	}
	finds(ada, "has:reaction eagle", "The Eagle has landed 🦅")
	if _, err := d[0].Edit(ctx, room, first.GetSeq(), "The owl has landed"); err != nil {
		t.Fatal(err)
	}
	finds(ada, "eagle", "an éagle?")
	finds(ada, "owl", "The owl has landed")
	if _, err := d[1].Delete(ctx, room, second.GetSeq()); err != nil {
		t.Fatal(err)
	}
	finds(ada, "eagle")
	if err := bob.LeaveRoom(ctx, room); err != nil {
		t.Fatal(err)
	}
	finds(bob, "owl")
	if err := ada.DeleteRoom(ctx, room); err != nil {
		t.Fatal(err)
	}
	finds(ada, "owl")
	_, err := ada.Search(ctx, `"owl`, "", 10)
	wantFault(t, "an open quote", err, fault.InvalidArgument)
}
