package query

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// maxWord is how many bytes of a word count: nobody looks for the rest of a key or a data URL.
const maxWord = 64

// Word is a word of a text.
type Word struct {
	// Text is the same for every spelling that differs in case, accents or width. It is made of letters, digits and marks of
	// any script, or is one symbol; never of ASCII punctuation or spaces.
	Text string
	// Start and End are the bytes of the text that it stands in.
	Start, End int
}

// Words are what a text is found by, in order: runs of letters and digits. Scripts that put no space between words (Chinese,
// Japanese, Thai, …) count character by character, and so do symbols such as emoji; what only changes how an emoji looks
// (skin tone, variation) does not count.
func Words(text string) (words []Word) {
	start := -1 // of the run that is being read
	end := func(at int) {
		if start >= 0 {
			words = add(words, text, start, at)
			start = -1
		}
	}
	for at, r := range text {
		switch class(r) {
		case inWord:
			if start < 0 {
				start = at
			}
		case alone:
			end(at)
			words = add(words, text, at, at+utf8.RuneLen(r))
		case mark:
			if start < 0 && len(words) > 0 && words[len(words)-1].End == at { // of a character that stands alone
				words[len(words)-1].End += utf8.RuneLen(r)
			}
		case ignored:
		default:
			end(at)
		}
	}
	end(len(text))
	return words
}

type runeClass uint8

const (
	between runeClass = iota // between words
	inWord
	alone   // a word by itself
	mark    // belongs to the character before it
	ignored // as if it were not there
)

func class(r rune) runeClass {
	const (
		zeroWidthJoiner               = '\u200d'
		firstSkinTone, lastSkinTone   = '\U0001f3fb', '\U0001f3ff'
		firstVariation, lastVariation = '\ufe00', '\ufe0f'
	)
	switch {
	case r < utf8.RuneSelf:
		if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' {
			return inWord
		}
		return between
	case r == utf8.RuneError: // 3 bytes wide when it is in the text, 1 when the text is not UTF-8
		return between
	case r == zeroWidthJoiner, firstSkinTone <= r && r <= lastSkinTone, firstVariation <= r && r <= lastVariation:
		return ignored
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar):
		if unicode.IsMark(r) {
			return mark
		}
		return alone
	case unicode.In(r, unicode.Letter, unicode.Number):
		return inWord
	case unicode.IsMark(r):
		return mark
	case unicode.Is(unicode.So, r):
		return alone
	}
	return between
}

func add(words []Word, text string, start, end int) []Word {
	if folded := fold(text[start:end]); folded != "" {
		words = append(words, Word{folded, start, end})
	}
	return words
}

// fold makes all spellings of a word one.
func fold(word string) string {
	if lower, ok := foldASCII(word); ok {
		return cut(lower)
	}
	// Folding is more than lower case (ß and SS are one), and may compose what was taken apart.
	word = norm.NFKD.String(cases.Fold().String(norm.NFKD.String(word)))
	return cut(strings.Map(func(r rune) rune {
		switch class(r) {
		case inWord, alone:
			return r
		case mark:
			// Accents, the vowel points of Hebrew and Arabic. Marks of other scripts are letters in all but name.
			if unicode.Is(unicode.Mn, r) && unicode.In(r, unicode.Inherited, unicode.Hebrew, unicode.Arabic) && !isVoicing(r) {
				return -1
			}
			return r
		}
		return -1
	}, word))
}

// isVoicing reports whether r makes another kana of the one before it: か and が are no more the same than k and g.
func isVoicing(r rune) bool { return r == '\u3099' || r == '\u309a' }

func foldASCII(word string) (lower string, ok bool) {
	for i := range len(word) {
		if word[i] >= utf8.RuneSelf {
			return "", false
		}
	}
	return strings.ToLower(word), true
}

// cut is the part of a word that counts.
func cut(word string) string {
	if len(word) <= maxWord {
		return word
	}
	n := maxWord
	for !utf8.RuneStart(word[n]) {
		n--
	}
	return word[:n]
}
