package auth_test

import (
	"reflect"
	"testing"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/testkit"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
)

// Names are found however they are spelt, each in its place; what nobody has, or can have, leaves its place empty.
func TestFindUsers(t *testing.T) {
	t.Parallel()
	ctx, natsURL := t.Context(), testkit.NATS(t)
	mustStart(t, settings(t, natsURL, nil))
	c := dial(t, natsURL)
	of := map[string]string{"": ""}
	for email, username := range map[string]string{"ann@example.org": "Ann", "zoe@example.org": "Zoë"} {
		in, err := c.register(ctx, email, username, "correct horse")
		if err != nil {
			t.Fatal(err)
		}
		of[in.GetUser().GetId()] = in.GetUser().GetUsername()
	}
	found, err := call[*authv1.FindUsersResponse](ctx, c, "FindUsers",
		&authv1.FindUsersRequest{Usernames: []string{"zoe\u0308", "nobody", "ANN", "not a name", "ａｎｎ", ""}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, u := range found.GetUsers() {
		if of[u.GetId()] != u.GetUsername() {
			t.Errorf("%v is not who has that id", u)
		}
		got = append(got, u.GetUsername())
	}
	if want := []string{"Zoë", "", "Ann", "", "Ann", ""}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	_, err = call[*authv1.FindUsersResponse](ctx, c, "FindUsers", &authv1.FindUsersRequest{Usernames: make([]string, 501)})
	if f := fault.From(err); err == nil || f.Code != fault.InvalidArgument || f.Field != "usernames" {
		t.Errorf("too many: %v", err)
	}
}
