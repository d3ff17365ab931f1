package query

import (
	"slices"
	"strings"
	"unicode/utf16"
)

// maxHighlights is how many places of one text are shown.
const maxHighlights = 100

// Highlight is a part of a text that was looked for, in UTF-16 code units.
type Highlight struct{ Offset, Length uint32 }

// Match reports whether the terms fit a text, and where: in order, not overlapping, the first ones.
func Match(terms []Term, text string) (places []Highlight, ok bool) {
	words := Words(text)
	var hits []Word // only their places count
	for _, t := range terms {
		found := false
		for i := 0; i+len(t.Words) <= len(words); i++ {
			if t.at(words[i:]) {
				found = true
				hits = append(hits, Word{Start: words[i].Start, End: words[i+len(t.Words)-1].End})
			}
		}
		if found == t.Not {
			return nil, false
		}
	}
	return highlights(text, hits), true
}

// at reports whether these words begin with the term.
func (t Term) at(words []Word) bool {
	last := len(t.Words) - 1
	for i, w := range t.Words {
		if words[i].Text != w && (i < last || !t.Prefix || !strings.HasPrefix(words[i].Text, w)) {
			return false
		}
	}
	return true
}

// highlights joins places that overlap, and counts their offsets.
func highlights(text string, hits []Word) (places []Highlight) {
	slices.SortFunc(hits, func(a, b Word) int { return a.Start - b.Start })
	var units uint32 // before pos
	pos := 0
	advance := func(to int) uint32 {
		for _, r := range text[pos:to] {
			units += uint32(max(utf16.RuneLen(r), 1))
		}
		pos = to
		return units
	}
	for i := 0; i < len(hits) && len(places) < maxHighlights; {
		start, end := hits[i].Start, hits[i].End
		for i++; i < len(hits) && hits[i].Start < end; i++ {
			end = max(end, hits[i].End)
		}
		from := advance(start)
		places = append(places, Highlight{Offset: from, Length: advance(end) - from})
	}
	return places
}
