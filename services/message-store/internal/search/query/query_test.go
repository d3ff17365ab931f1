package query_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/natter-chat/natter/services/message-store/internal/search/query"
)

func TestWords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Hello, WORLD!":          "hello|world",
		"don't":                  "don|t",
		"Crème BRÛLÉE":           "creme|brulee",
		"Cre\u0300me":            "creme",
		"Straße STRASSE":         "strasse|strasse",
		"Ｆｕｌｌ１２":                 "full12",
		"Ελλάδα ΕΛΛΑΔΑ ς":        "ελλαδα|ελλαδα|σ",
		"東京タワー":                  "東|京|タ|ワ|ー",
		"がか":                     "か\u3099|か",
		"한국어":                    "한국어", // taken apart, see below
		"👍🏽 ok 👍":                "👍|ok|👍",
		"👩\u200d🔬❤\ufe0f":        "👩|🔬|❤",
		"שָׁלוֹם":                "שלום",
		"हिन्दी":                 "हिन्दी",
		"https://a.example/x_y?": "https|a|example|x|y",
		"!!! …":                  "",
		"½":                      "12",
		strings.Repeat("é", 100): strings.Repeat("e", 64),
		"a\xffb":                 "a|b",
	} {
		var got []string
		for _, w := range query.Words(text) {
			got = append(got, w.Text)
			if w.Start >= w.End || w.End > len(text) {
				t.Errorf("%q: %+v", text, w)
			}
		}
		if text == "한국어" {
			if len(got) != 1 || !strings.HasPrefix(got[0], query.Words("하")[0].Text) {
				t.Errorf("%q: %q", text, got)
			}
			continue
		}
		if joined := strings.Join(got, "|"); joined != want {
			t.Errorf("%q: %q, want %q", text, joined, want)
		}
	}
}

func day(d int) time.Time { return time.Date(2026, 1, d, 0, 0, 0, 0, time.UTC) }

func TestParse(t *testing.T) {
	t.Parallel()
	word := func(words ...string) query.Term { return query.Term{Words: words} }
	for text, want := range map[string]query.Query{
		"hello wor":                      {Terms: []query.Term{word("hello"), {Words: []string{"wor"}, Prefix: true}}},
		`"Hello  wor"`:                   {Terms: []query.Term{word("hello", "wor")}},
		"ab":                             {Terms: []query.Term{word("ab")}},
		"a":                              {Terms: []query.Term{word("a")}},
		"東":                              {Terms: []query.Term{word("東")}},
		"🎉":                              {Terms: []query.Term{word("🎉")}},
		"-wor":                           {Terms: []query.Term{{Words: []string{"wor"}, Not: true}}},
		`-"a b" c`:                       {Terms: []query.Term{{Words: []string{"a", "b"}, Not: true}, word("c")}},
		"--help":                         {Terms: []query.Term{{Words: []string{"help"}, Prefix: true}}},
		"e-mail":                         {Terms: []query.Term{{Words: []string{"e", "mail"}, Prefix: true}}},
		"10:30 x":                        {Terms: []query.Term{word("10", "30"), word("x")}},
		`"from:x"`:                       {Terms: []query.Term{word("from", "x")}},
		`From:ada from:"B C" in:lobby`:   {From: []query.Name{{"ada", 1}, {"B C", 10}}, In: []query.Name{{"lobby", 21}}},
		"has:link HAS:Pin has:link":      {Has: []query.Has{query.HasLink, query.HasPin}},
		"before:2026-01-31":              {Before: day(31)},
		"after:2026-01-30":               {After: day(31)},
		"after:2026-01-30T23:59:59.999Z": {After: day(31)},
		"before:2026-01-31T01:00:00+01:00 before:2026-02-01": {Before: day(31)},
		"hello wor in:x": {Terms: []query.Term{word("hello"), {Words: []string{"wor"}, Prefix: true}}, In: []query.Name{{"x", 11}}},
		"ab in:x":        {Terms: []query.Term{word("ab")}, In: []query.Name{{"x", 4}}},
	} {
		got, err := query.Parse(text)
		if err != nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("%q: %+v, %v, want %+v", text, got, err, want)
		}
	}
}

func TestParseNamesThePlace(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                            "at character 1: there is nothing to look for",
		"  ":                          "at character 1: there is nothing to look for",
		`é "open`:                     `at character 3: the quote " is not closed`,
		"a from:":                     "at character 3: from: needs a value right after the colon",
		`in:""`:                       "at character 1: in: needs a value right after the colon",
		"has:cheese":                  `at character 1: has: is followed by link, file, image, reaction or pin, not "cheese"`,
		"x before:soon":               `at character 3: "soon" is neither a day, as in 2026-01-31, nor a time, as in 2026-01-31T15:04:05Z`,
		"x -in:y":                     "at character 3: only words and phrases can be left out with -, not in:",
		"a !! b":                      `at character 3: "!!" has no letter, digit or symbol to look for`,
		"-":                           `at character 1: "-" has no letter, digit or symbol to look for`,
		"\xff":                        "at character 1: the query is not UTF-8",
		strings.Repeat("ab ", 33):     "at character 1: the query has more than 32 words",
		strings.Repeat("a", 1001):     "at character 1: the query is longer than 1000 bytes",
		strings.Repeat("in:x ", 20+1): "at character 101: there are more than 20 of in:",
	} {
		_, err := query.Parse(text)
		if e, ok := errors.AsType[*query.Error](err); !ok || e.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ query, text, want string }{
		{"hello", "Hello, hello!", "Hello|hello"},
		{"hel", "say Hello", "Hello"},
		{`"hel"`, "say Hello", "-"},
		{"hel world", "hello world", "-"}, // only the last word may go on
		{`"blue green"`, "blue, Green and blue", "blue, Green"},
		{`"blue green"`, "green blue", "-"},
		{"a b", "b a", "b|a"},
		{"a missing", "a b", "-"},
		{"-staging deploy", "deploy it", "deploy"},
		{"-staging deploy", "deploy to Staging", "-"},
		{"-staging", "deploy", ""},
		{"in:x", "anything", ""},
		{"creme", "😀 Crème!", "Crème"},
		{"京", "東京", "京"},
		{"東京", "東京タワー", "東京"},
		{"京東", "東京", "-"},
		{"👍", "nice 👍🏽", "👍"},
		{`"a b" "b c"`, "a b c", "a b c"}, // overlapping
		{"x", "", "-"},
	} {
		q, err := query.Parse(tt.query)
		if err != nil {
			t.Fatal(err)
		}
		places, ok := query.Match(q.Terms, tt.text)
		got := "-"
		if ok {
			got = strings.Join(shown(tt.text, places), "|")
		}
		if got != tt.want {
			t.Errorf("%q in %q: %q, want %q", tt.query, tt.text, got, tt.want)
		}
	}
	if places, ok := query.Match([]query.Term{{Words: []string{"a"}}}, strings.Repeat("a ", 1000)); !ok || len(places) != 100 {
		t.Errorf("%d highlights", len(places))
	}
}

// shown cuts a text as a client does, by UTF-16.
func shown(text string, places []query.Highlight) (parts []string) {
	units := utf16.Encode([]rune(text))
	for _, p := range places {
		parts = append(parts, string(utf16.Decode(units[p.Offset:p.Offset+p.Length])))
	}
	return parts
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"hello wor", `-"a b" from:ada in:"x y"`, "has:link before:2026-01-31", "東京 👍🏽 é", `"open`, "\xff", "a\u0300 ß ½ ﷺ"} {
		f.Add(seed, "Hello 東京 👍🏽 Straße ﷺ a b")
	}
	f.Fuzz(func(t *testing.T, text, content string) {
		for _, w := range query.Words(content) {
			if w.Text == "" || w.Start >= w.End || !utf8.ValidString(w.Text) || strings.ContainsAny(w.Text, " \"*:-.,\x00") {
				t.Fatalf("word %+v", w)
			}
		}
		q, err := query.Parse(text)
		if err != nil {
			if e, ok := errors.AsType[*query.Error](err); !ok || e.At < 1 || e.At > utf8.RuneCountInString(text)+1 {
				t.Fatalf("error %#v", err)
			}
			return
		}
		for _, term := range q.Terms {
			if len(term.Words) == 0 {
				t.Fatalf("an empty term in %+v", q)
			}
		}
		places, _ := query.Match(q.Terms, content)
		end := uint32(0)
		for _, p := range places {
			if p.Offset < end || p.Length == 0 {
				t.Fatalf("highlights %v", places)
			}
			end = p.Offset + p.Length
		}
		if int(end) > len(utf16.Encode([]rune(content))) {
			t.Fatalf("highlights %v are beyond the text", places)
		}
	})
}
