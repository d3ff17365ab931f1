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

// The directory has whoever is active, in the order of names, in pages; however one begins to spell a name.
func TestListPeople(t *testing.T) {
	t.Parallel()
	ctx, natsURL := t.Context(), testkit.NATS(t)
	mustStart(t, settings(t, natsURL, nil))
	c := dial(t, natsURL)
	for email, username := range map[string]string{"ann@example.org": "Ann", "anna@example.org": "anna", "zoe@example.org": "Zoë"} {
		if _, err := c.register(ctx, email, username, "correct horse"); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		req  *authv1.ListPeopleRequest
		want []string
		next string
	}{
		{&authv1.ListPeopleRequest{}, []string{"Ann", "anna", "Zoë"}, ""},
		{&authv1.ListPeopleRequest{Query: "AN"}, []string{"Ann", "anna"}, ""},
		{&authv1.ListPeopleRequest{Query: "an", Limit: 1}, []string{"Ann"}, "ann"},
		{&authv1.ListPeopleRequest{Query: "an", Limit: 1, After: "ann"}, []string{"anna"}, ""},
		{&authv1.ListPeopleRequest{Query: "zoe\u0308"}, []string{"Zoë"}, ""},
		{&authv1.ListPeopleRequest{Query: "%"}, nil, ""},
	} {
		page, err := call[*authv1.ListPeopleResponse](ctx, c, "ListPeople", tc.req)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, u := range page.GetUsers() {
			got = append(got, u.GetUsername())
		}
		if !reflect.DeepEqual(got, tc.want) || page.GetNext() != tc.next {
			t.Errorf("%v: %q, next %q; want %q, %q", tc.req, got, page.GetNext(), tc.want, tc.next)
		}
	}
	for field, req := range map[string]*authv1.ListPeopleRequest{"limit": {Limit: 101}, "after": {After: "\x00"}} {
		_, err := call[*authv1.ListPeopleResponse](ctx, c, "ListPeople", req)
		if f := fault.From(err); err == nil || f.Code != fault.InvalidArgument || f.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}
