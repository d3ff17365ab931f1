package user_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/natter-chat/natter/pkg/fault"
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
	{strings.Repeat("ß", 32), strings.Repeat("ß", 32), strings.Repeat("ß", 32)},
	{strings.Repeat("x", 33), "", ""},
	{"a", "", ""},
	{"", "", ""},
	{"ann b", "", ""},
	{"ann@example.org", "", ""},
	{"<b>", "", ""},
	{"ann\u200b", "", ""}, // invisible
	{"ann\u202e", "", ""}, // turns the direction of what follows
	{"ann\n", "ann", "ann"},
	{"an\nn", "", ""},
	{"a🙂", "", ""},
	{"ⅳ4", "", ""},
}

func TestParseUsername(t *testing.T) {
	t.Parallel()
	check(t, "username", user.ParseUsername, usernames)
}

func TestCheckPassword(t *testing.T) {
	t.Parallel()
	for n, ok := range map[int]bool{0: false, 7: false, 8: true, 128: true, 129: false} {
		err := user.CheckPassword(strings.Repeat("x", n))
		if (err == nil) != ok {
			t.Errorf("%d bytes: %v", n, err)
		}
		if f, is := errors.AsType[*fault.Fault](err); err != nil && (!is || f.Field != "password") {
			t.Errorf("%d bytes: %v, want the field", n, err)
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
		if again, err := parse(got.Key); err != nil || again.Key != got.Key {
			t.Errorf("%q has key %q, and that has %q, %v", in, got.Key, again.Key, err)
		}
		if strings.ContainsAny(got.Text, "\x00\r\n") {
			t.Errorf("%q passed", got.Text)
		}
	})
}

func FuzzParseEmail(f *testing.F)    { fuzzParse(f, user.ParseEmail, emails) }
func FuzzParseUsername(f *testing.F) { fuzzParse(f, user.ParseUsername, usernames) }
