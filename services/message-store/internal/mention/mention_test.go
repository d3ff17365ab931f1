package mention_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/natter-chat/natter/services/message-store/internal/mention"
)

// show is each place as offset:name/name.
func show(places []mention.Place) []string {
	var all []string
	for _, p := range places {
		var names []string
		for _, r := range p.Readings {
			names = append(names, r.Name)
		}
		all = append(all, fmt.Sprint(p.Offset, ":", strings.Join(names, "/")))
	}
	return all
}

type sample struct {
	content string
	want    []string
}

var samples = map[string][]sample{
	"plain": {
		{"", nil},
		{"hello", nil},
		{"@ada", []string{"0:ada"}},
		{"hi @ada, @Bob!", []string{"3:ada", "9:Bob"}},
		{"@", nil},
		{"@ ada", nil},
		{"@a", nil}, // too short for a name
		{"@" + strings.Repeat("x", 33), nil},
		{"(@ada) \"@bob\" *@eve* <@dan>", []string{"1:ada", "8:bob", "15:eve", "22:dan"}},
		{"@ada's", []string{"0:ada"}},
		{"a\n@ada\r\n@bob", []string{"2:ada", "8:bob"}},
		{"@ada/@bob", []string{"0:ada", "5:bob"}},
		{"@room and @Here", []string{"0:room", "10:here"}},
		{"@rooms", []string{"0:rooms"}},
	},
	"punctuation": {
		{"ask @ada.", []string{"4:ada./ada"}},
		{"ask @ada...", []string{"4:ada.../ada../ada"}},
		{"@a.b-c_d", []string{"0:a.b-c_d"}},
		{"_@ada_", []string{"1:ada_/ada"}},
		{"@room.", []string{"0:room./room"}},
		{"...@ada", []string{"3:ada"}},
		{"@--", []string{"0:--"}},
	},
	"addresses": {
		{"ada@example.org", nil},
		{"a.b+c@example.org", nil},
		{"mail me: ada_@example.org, or @bob", []string{"30:bob"}},
		{"@ada@example.org", nil},
		{"mailto:@ada", nil},
	},
	"urls": {
		{"https://example.org/@ada", nil},
		{"(https://example.org/@ada) @bob", []string{"27:bob"}},
		{"https://ada:x@example.org/ @bob", []string{"27:bob"}},
		{"<https://example.org/?q=/@ada>@bob", []string{"30:bob"}},
		{"www.example.org/@ada", nil},
		{"example.org/x/@ada @bob", []string{"19:bob"}},
		{"[@ada](https://example.org/@ada)", []string{"1:ada"}},
		{"and/or/@ada", []string{"7:ada"}},
		{"://@ada", []string{"3:ada"}},
	},
	"code": {
		{"`@ada`", nil},
		{"`@ada` @bob", []string{"7:bob"}},
		{"``a ` @ada`` @bob", []string{"13:bob"}},
		{"` @ada", []string{"2:ada"}},
		{"`` @ada `", []string{"3:ada"}},
		{"`a\n@ada\nb`", nil},
		{"`a\n\n@ada\nb`", []string{"4:ada"}},
		{"```\n@ada\n```\n@bob", []string{"13:bob"}},
		{"x\n```go\n@ada", nil},
		{"~~~ a`b\n@ada\n~~~ no\n@eve\n~~~\n@bob", []string{"29:bob"}},
		{"````\n```\n@ada\n`````\n@bob", []string{"20:bob"}},
		{"```@ada``` @bob", []string{"11:bob"}},
		{"    ```\n@ada", []string{"8:ada"}},
		{"``\n@ada\n``", nil}, // a span
		{"a `\n```\n@ada\n```\n` @bob", []string{"19:bob"}},
	},
	"characters": {
		{"🙂@ada🙂", []string{"2:ada"}},
		{"👩‍👩‍👧 @ada", []string{"9:ada"}},
		{"❤️@ada❤️", []string{"2:ada"}},
		{"1️⃣@ada1️⃣", []string{"3:ada"}},
		{"é@ada", nil},
		{"🙂 @Zoe\u0308!", []string{"3:Zoe\u0308"}},
		{"@Зоя @小林、@हिन्दी", []string{"0:Зоя", "5:小林", "9:हिन्दी"}},
		{"你好@小林 你好", []string{"2:小林"}},
		{"@аda", nil}, // begins with a Cyrillic a
		{"@ada\u200b@bob", []string{"0:ada", "5:bob"}},
		{"\xff@ada\xff", []string{"1:ada"}},
	},
}

func TestFind(t *testing.T) {
	t.Parallel()
	for group, table := range samples {
		for _, s := range table {
			if got := show(mention.Find(s.content)); !slices.Equal(got, s.want) {
				t.Errorf("%s: %q: %q, want %q", group, s.content, got, s.want)
			}
		}
	}
}

func TestFindKeys(t *testing.T) {
	t.Parallel()
	places := mention.Find("@Zoe\u0308 @ROOM")
	if len(places) != 2 || places[0].Readings[0] != (mention.Reading{Name: "Zoe\u0308", Key: "zoë", Length: 5}) ||
		places[1].Readings[0] != (mention.Reading{Name: "room", Key: "room", Length: 5}) {
		t.Errorf("%+v", places)
	}
}

func TestFindFirst(t *testing.T) {
	t.Parallel()
	places := mention.Find(strings.Repeat("@ada ", mention.Max+1))
	if len(places) != mention.Max || places[mention.Max-1].Offset != 5*(mention.Max-1) {
		t.Errorf("%d places, the last %+v", len(places), places[len(places)-1])
	}
}

// What is found is in the content: there is an @ at each offset, and its names follow it.
func FuzzFind(f *testing.F) {
	for _, table := range samples {
		for _, s := range table {
			f.Add(s.content)
		}
	}
	f.Fuzz(func(t *testing.T, content string) {
		units := utf16.Encode([]rune(content))
		places := mention.Find(content)
		if len(places) > mention.Max {
			t.Fatalf("%d places", len(places))
		}
		end := uint32(0)
		for _, p := range places {
			if p.Offset < end || len(p.Readings) == 0 || len(p.Readings) > 3 {
				t.Fatalf("%q: %+v after %d", content, p, end)
			}
			for i, r := range p.Readings {
				if p.Offset+r.Length > uint32(len(units)) || i > 0 && r.Length >= p.Readings[i-1].Length {
					t.Fatalf("%q: %+v", content, p)
				}
				text := string(utf16.Decode(units[p.Offset : p.Offset+r.Length]))
				if text != "@"+r.Name && strings.ToLower(text) != "@"+r.Name {
					t.Errorf("%q: %+v is %q", content, p, text)
				}
			}
			end = p.Offset + p.Readings[0].Length
		}
	})
}

func BenchmarkFind(b *testing.B) {
	for name, content := range map[string]string{
		"no at":   strings.Repeat("a message of ordinary length ", 4),
		"one":     strings.Repeat("a message of ordinary length ", 4) + "@ada",
		"only at": strings.Repeat("(@ab", 2000),
		"ticks":   strings.Repeat("` `` ``` @a ", 700),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				mention.Find(content)
			}
		})
	}
}
