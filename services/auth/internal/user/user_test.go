package user_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/username"
	"github.com/natter-chat/natter/services/auth/internal/user"
)

// name is what a parser is to make of in; no text: it is refused.
type name struct{ in, text, key string }

func check(t *testing.T, field string, parse func(string) (user.Name, error), table []name) {
	t.Helper()
	for _, tc := range table {
		got, err := parse(tc.in)
		if tc.text == "" {
			if f := fault.From(err); err == nil || f.Code != fault.InvalidArgument || f.Field != field {
				t.Errorf("%.50q: %+v, %v; want it refused by the field", tc.in, got, err)
			}
			continue
		}
		if err != nil || got != (user.Name{Text: tc.text, Key: tc.key}) {
			t.Errorf("%q: %+v, %v; want %q, %q", tc.in, got, err, tc.text, tc.key)
		}
	}
}

var emails = []name{
	{"ann@example.org", "ann@example.org", "ann@example.org"},
	{" Ann@Example.ORG ", "Ann@Example.ORG", "ann@example.org"},
	{"ann+natter@localhost", "ann+natter@localhost", "ann+natter@localhost"},
	{"zoe\u0308@example.org", "zoë@example.org", "zoë@example.org"},
	{strings.Repeat("a", 242) + "@example.org", strings.Repeat("a", 242) + "@example.org", strings.Repeat("a", 242) + "@example.org"},
	{strings.Repeat("a", 243) + "@example.org", "", ""},
	{"", "", ""},
	{"ann", "", ""},
	{"ann@", "", ""},
	{"@example.org", "", ""},
	{"Ann <ann@example.org>", "", ""},
	{"<ann@example.org>", "", ""},
	{"ann@example.org, bob@example.org", "", ""},
	{"ann@example.org\r\nBcc: bob@example.org", "", ""},
	{"ann\x00@example.org", "", ""},
	{"ann@exam ple.org", "", ""},
}

func TestParseEmail(t *testing.T) {
	t.Parallel()
	check(t, "email", user.ParseEmail, emails)
}

var usernames = []name{
	{"ann", "ann", "ann"},
	{" Ann_B.C-7 ", "Ann_B.C-7", "ann_b.c-7"},
	{"Zoe\u0308", "Zoë", "zoë"},
	{"ＡＮＮ", "ANN", "ann"}, // full width
	{"Łukasz", "Łukasz", "łukasz"},
	{"小林", "小林", "小林"},
	{"हिन्दी", "हिन्दी", "हिन्दी"},
	{strings.Repeat("é", 32), strings.Repeat("é", 32), strings.Repeat("é", 32)},
	{"Straße", "Straße", "strasse"},
	{"ΟΔΥΣΣΕΥΣ", "ΟΔΥΣΣΕΥΣ", "οδυσσευσ"},
	{"Οδυσσεύς", "Οδυσσεύς", "οδυσσεύσ"},
	{"аnn", "", ""},  // begins with a Cyrillic a
	{"annα", "", ""}, // ends with a Greek one
	{"анна", "анна", "анна"},
	{"小林ken", "小林ken", "小林ken"},
	{strings.Repeat("x", 33), "", ""},
	{"a", "", ""},
	{"", "", ""},
	{"ann b", "", ""},
	{"ann@example.org", "", ""},
	{"<b>", "", ""},
	{"ann\u200b", "", ""}, // invisible
	{"ann\u202e", "", ""}, // turns the direction of what follows
	{"ann\u00a0b", "", ""},
	{"ann\u034fb", "", ""}, // a mark that is not seen
	{"ann\ufe0f", "", ""},
	{"ann\n", "ann", "ann"},
	{"an\nn", "", ""},
	{"a🙂", "", ""},
	{"ⅳ4", "", ""},
	{"room", "", ""}, // these are mentions of many, however they are written
	{" Room ", "", ""},
	{"HERE", "", ""},
	{"Ｈｅｒｅ", "", ""},
	{"rooms", "rooms", "rooms"},
	{"here.", "here.", "here."},
}

func TestParseUsername(t *testing.T) {
	t.Parallel()
	check(t, "username", user.ParseUsername, usernames)
	if _, err := user.ParseUsername("Room"); fault.From(err).Message != username.ErrReserved.Error() {
		t.Errorf("a reserved name: %v", err)
	}
}

func TestCheckPassword(t *testing.T) {
	t.Parallel()
	email, username := user.Name{Key: "ann.lee@example.org"}, user.Name{Key: "annabella"}
	for password, ok := range map[string]bool{
		"": false, "1234567": false, "x7#kQ2p": false, "x7#kQ2pL": true,
		strings.Repeat("xy ", 42) + "xy": true, strings.Repeat("xy ", 43): false,
		"пароль на": true, strings.Repeat("語と", 64): true, strings.Repeat("語と", 65): false,
		"password": false, "PassWord1": false, "password2026!": false, "monkey99": false, "qwertyuiop": false,
		"12345678": false, "87654321": false, "xxxxxxxxxxxx": false, "abcdefghij": false, "abcdefghik": true,
		"ａｂｃｄｅｆｇｈ":      false, // full width
		"correct horse": true, "cats\ndogs\n": true, "\xff\xff\xff\xff\xff\xff\xff\xff": false,
		"Ann.Lee@example.org": false, "Annabella": false, "annabella123": false, "ann.lee1986": false, "annabella's cat": true,
	} {
		err := user.CheckPassword("newPassword", password, email, username)
		if (err == nil) != ok {
			t.Errorf("%.40q: %v, want it accepted: %v", password, err, ok)
		}
		if f, is := errors.AsType[*fault.Fault](err); err != nil && (!is || f.Code != fault.InvalidArgument || f.Field != "newPassword") {
			t.Errorf("%.40q: %v, want the field", password, err)
		}
	}
}

func TestErased(t *testing.T) {
	t.Parallel()
	u := user.User{
		ID: ids.New[ids.User](), Email: user.Name{Text: "ann@example.org", Key: "ann@example.org"}, EmailVerified: true,
		Username: user.Name{Text: "Ann", Key: "ann"}, Avatar: "/a.png", PasswordHash: "$", Role: user.Admin, CreatedAt: time.Now(),
	}
	was := u
	u = u.Erased()
	gone := user.Name{Key: "deleted:" + was.ID.String()}
	want := user.User{
		ID: was.ID, Email: gone, Username: user.Name{Text: "deleted user", Key: gone.Key}, State: user.Deleted, CreatedAt: was.CreatedAt,
	}
	if u != want {
		t.Errorf("%+v, want %+v", u, want)
	}
	for _, parse := range []func(string) (user.Name, error){user.ParseEmail, user.ParseUsername} {
		if name, err := parse(gone.Key); err == nil {
			t.Errorf("somebody may be called %q: %+v", gone.Key, name)
		}
	}
}

// What was accepted once is accepted again, as itself and by its key: both are stored, and compared with each other.
func fuzzParse(f *testing.F, parse func(string) (user.Name, error), seeds []name) {
	f.Helper()
	for _, tc := range seeds {
		f.Add(tc.in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got, err := parse(in)
		if err != nil {
			return
		}
		if again, err := parse(got.Text); err != nil || again != got {
			t.Errorf("%q is %q, and then %q, %v", in, got, again, err)
		}
		if again, err := parse(got.Key); err == nil && again.Key != got.Key { // it may be too long
			t.Errorf("%q has key %q, and that has %q, %v", in, got.Key, again.Key, err)
		}
		if strings.ContainsAny(got.Text, "\x00\r\n") {
			t.Errorf("%q passed", got.Text)
		}
	})
}

func FuzzParseEmail(f *testing.F)    { fuzzParse(f, user.ParseEmail, emails) }
func FuzzParseUsername(f *testing.F) { fuzzParse(f, user.ParseUsername, usernames) }
