// Package mention finds the places of a content that name somebody: @ada, @room, @here. It only reads text: who a name
// belongs to, and whether the writer may call them, is for others to say (packages usernames and room).
//
// What is code is not a mention (spans and fenced blocks as in Markdown; what is indented is not taken for code), and
// neither is what is part of an e-mail address or a URL.
package mention

import (
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/natter-chat/natter/pkg/username"
)

// Max is how many places of one content count, the first ones.
const Max = 50

const (
	// maxTried bounds the work that a content of nothing but @ makes.
	maxTried = 4 * Max
	// maxName is more bytes than a username has, however its characters are composed.
	maxName = 512
)

// The names that call many; nobody has one of them as a username.
const (
	Room = username.Room
	Here = username.Here
)

// Place is an @ and what it names. Offsets and lengths are in UTF-16 code units.
type Place struct {
	Offset uint32
	// Readings are the names that can be meant, the longest first; never empty. Where a sentence ends with a name, its full
	// stop may be part of the name, or not.
	Readings []Reading
}

// Reading is one way to read a place.
type Reading struct {
	// Name is what follows the @: Room, Here, or what can be a username.
	Name string
	// Key is the same for every spelling of the name.
	Key string
	// Length is that of the name and the @.
	Length uint32
}

// Find returns the places of a content, in order. Most contents have no @, and cost nothing.
func Find(content string) []Place {
	if strings.IndexByte(content, '@') < 0 {
		return nil
	}
	f := finder{content: content}
	f.blocks()
	return f.places
}

// finder goes through a content once. Positions are in bytes.
type finder struct {
	content string
	places  []Place
	tried   int // places that names were read at
	// counted is a position, and units how many UTF-16 code units are before it.
	counted int
	units   uint32
}

// prose looks for names in a part of the content that is not code.
func (f *finder) prose(from, to int) {
	text := f.content[:to]
	linkEnd := from // of the last URL
	for at := from; len(f.places) < Max && f.tried < maxTried; at++ {
		next := strings.IndexByte(text[at:], '@')
		if next < 0 {
			return
		}
		if at += next; at < linkEnd || inAddress(text[from:at]) {
			continue
		}
		f.tried++
		found := readings(text[at+1:])
		if len(found) == 0 {
			continue
		}
		if linkEnd = linkAround(text, from, at); at >= linkEnd {
			f.places = append(f.places, Place{Offset: f.offset(at), Readings: found})
		}
	}
}

// offset is a position in UTF-16 code units. Positions are asked for in order.
func (f *finder) offset(at int) uint32 {
	f.units += utf16Len(f.content[f.counted:at])
	f.counted = at
	return f.units
}

func utf16Len(s string) (n uint32) {
	for _, r := range s {
		n += uint32(utf16.RuneLen(r))
	}
	return n
}

// readings are the names that a text begins with.
func readings(text string) (all []Reading) {
	end := 0
	for end < len(text) {
		r, size := utf8.DecodeRuneInString(text[end:])
		if !username.Allowed(r) || isEmojiSign(r) {
			break
		}
		end += size
	}
	rest := text[end:]
	if strings.HasPrefix(rest, "@") {
		return nil // the first half of a name at another server
	}
	if r, _ := utf8.DecodeRuneInString(rest); isEmojiSign(r) && end > 0 && '0' <= text[end-1] && text[end-1] <= '9' {
		end-- // a digit on a keycap is an emoji
	}
	run := text[:end]
	bare := strings.TrimRightFunc(run, username.IsPunctuation)
	_, last := utf8.DecodeLastRuneInString(run)
	tried := -1
	for _, name := range []string{run, run[:len(run)-last], bare} {
		if len(name) < len(bare) || len(name) > maxName || len(name) == tried {
			continue
		}
		tried = len(name)
		var key string
		if lower := strings.ToLower(name); lower == Room || lower == Here {
			name, key = lower, lower
		} else if _, k, err := username.Parse(name); err == nil {
			key = k
		} else {
			continue
		}
		all = append(all, Reading{Name: name, Key: key, Length: 1 + utf16Len(name)})
	}
	return all
}

// isEmojiSign reports whether r makes an emoji of the character before it: the variation selector, and the keycap. Both
// are marks, and no name holds them.
func isEmojiSign(r rune) bool { return r == '\ufe0f' || r == '\u20e3' }

// inAddress reports whether what is directly before an @ makes it part of an e-mail address, or of a name at another
// server: there is a letter or a digit before it, with nothing but signs of addresses between.
func inAddress(before string) bool {
	for len(before) > 0 {
		r, size := utf8.DecodeLastRuneInString(before)
		switch {
		case isEmojiSign(r), unicode.In(r, unspaced()...):
			return false
		case unicode.In(r, unicode.Letter, unicode.Nd), r == '@':
			return true
		case !unicode.Is(unicode.Mark, r) && !strings.ContainsRune("_.-+%", r):
			return false
		}
		before = before[:len(before)-size]
	}
	return false
}

// unspaced are scripts that put no space between words. Nobody has an address in them without a space before it.
func unspaced() []*unicode.RangeTable {
	return []*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar}
}

// linkAround returns where the URL ends that begins at from or later, and before at, and holds at; if there is none, it
// returns at.
func linkAround(text string, from, at int) int {
	const ends = " \t\r\n\"<>"
	word := from + strings.LastIndexAny(text[from:at], ends) + 1
	before := text[word:at]
	scheme := strings.LastIndex(before, "://")
	switch {
	case scheme > 0 && isLetter(before[scheme-1]):
	case strings.Contains(before, "www."), strings.Contains(before, "mailto:"):
	default: // example.org/@ada
		host, _, isPath := strings.Cut(before, "/")
		if !isPath || strings.Contains(host, "@") || !strings.Contains(strings.Trim(host, "."), ".") {
			return at
		}
	}
	if end := strings.IndexAny(text[at:], ends); end >= 0 {
		return at + end
	}
	return len(text)
}

func isLetter(b byte) bool { return 'a' <= b|0x20 && b|0x20 <= 'z' }
