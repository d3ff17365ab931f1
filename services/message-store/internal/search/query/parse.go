package query

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Parse reads a query. An error is an *Error.
func Parse(text string) (*Query, error) {
	if len(text) > MaxLength {
		return nil, errorAt(1, "the query is longer than %d bytes", MaxLength)
	}
	if !utf8.ValidString(text) {
		return nil, errorAt(1, "the query is not UTF-8")
	}
	p := parser{text: text}
	for p.space(); p.rest() != ""; p.space() {
		if err := p.part(); err != nil {
			return nil, err
		}
	}
	q := &p.query
	if n := len(q.Terms); p.isPlain && !q.Terms[n-1].Not {
		q.Terms[n-1].Prefix = canGoOn(q.Terms[n-1])
	}
	words := 0
	for _, t := range q.Terms {
		words += len(t.Words)
	}
	switch {
	case words > MaxWords:
		return nil, errorAt(1, "the query has more than %d words", MaxWords)
	case len(q.Terms)+len(q.From)+len(q.In)+len(q.Has) == 0 && q.After.IsZero() && q.Before.IsZero():
		return nil, errorAt(1, "there is nothing to look for")
	}
	return q, nil
}

// canGoOn reports whether longer words than the last of a term should match: not when it is a symbol or a character that is
// a word by itself, nor when it is short.
func canGoOn(t Term) bool {
	last := t.Words[len(t.Words)-1]
	if r, _ := utf8.DecodeRuneInString(last); class(r) != inWord {
		return false
	}
	return utf8.RuneCountInString(last) >= MinPrefix && len(last) < maxWord
}

type parser struct {
	text  string
	pos   int // in bytes
	query Query
	// isPlain: the last term is without quotes.
	isPlain bool
}

func (p *parser) rest() string { return p.text[p.pos:] }

// place is the number of the character at a byte of the text, from 1.
func (p *parser) place(pos int) int { return utf8.RuneCountInString(p.text[:pos]) + 1 }

func (p *parser) space() {
	p.pos = len(p.text) - len(strings.TrimLeftFunc(p.rest(), unicode.IsSpace))
}

// part reads a word, a phrase or a filter.
func (p *parser) part() error {
	start := p.pos
	not := len(p.rest()) > 1 && p.rest()[0] == '-' && p.rest()[1] != '-'
	if not {
		p.pos++
	}
	if key, filter := p.filter(); filter != nil {
		if not {
			return errorAt(p.place(start), "only words and phrases can be left out with -, not %s:", key)
		}
		at := p.place(p.pos)
		p.pos += len(key) + 1
		value, _, err := p.value()
		if err == nil && strings.TrimSpace(value) == "" {
			err = errorAt(at, "%s: needs a value right after the colon", key)
		}
		if err != nil {
			return err
		}
		return filter(&p.query, Name{value, at})
	}
	value, quoted, err := p.value()
	if err != nil {
		return err
	}
	term := Term{Not: not}
	for _, w := range Words(value) {
		term.Words = append(term.Words, w.Text)
	}
	if len(term.Words) == 0 {
		return errorAt(p.place(start), "%q has no letter, digit or symbol to look for", p.text[start:p.pos])
	}
	p.query.Terms, p.isPlain = append(p.query.Terms, term), !quoted
	return nil
}

// value reads what is between quotes, or up to the next space.
func (p *parser) value() (value string, quoted bool, err error) {
	if strings.HasPrefix(p.rest(), `"`) {
		value, _, closed := strings.Cut(p.rest()[1:], `"`)
		if !closed {
			return "", true, errorAt(p.place(p.pos), `the quote " is not closed`)
		}
		p.pos += len(value) + len(`""`)
		return value, true, nil
	}
	n := strings.IndexFunc(p.rest(), unicode.IsSpace)
	if n < 0 {
		n = len(p.rest())
	}
	value = p.rest()[:n]
	p.pos += n
	return value, false, nil
}

// filter is the filter that begins here, if one does. The case of its key does not matter; every other word with a colon
// is a word.
func (p *parser) filter() (key string, apply func(*Query, Name) error) {
	key, _, found := strings.Cut(p.rest(), ":")
	if !found {
		return "", nil
	}
	switch strings.ToLower(key) {
	case "from":
		return key, func(q *Query, n Name) error { return addName(&q.From, n, "from") }
	case "in":
		return key, func(q *Query, n Name) error { return addName(&q.In, n, "in") }
	case "has":
		return key, addHas
	case "before":
		return key, func(q *Query, n Name) error {
			from, _, err := span(n)
			if q.Before.IsZero() || from.Before(q.Before) {
				q.Before = from
			}
			return err
		}
	case "after":
		return key, func(q *Query, n Name) error {
			_, to, err := span(n)
			if to.After(q.After) {
				q.After = to
			}
			return err
		}
	}
	return "", nil
}

func addName(names *[]Name, n Name, key string) error {
	if len(*names) == MaxFilters {
		return errorAt(n.At, "there are more than %d of %s:", MaxFilters, key)
	}
	n.Text = strings.TrimSpace(n.Text)
	*names = append(*names, n)
	return nil
}

func addHas(q *Query, n Name) error {
	has := Has(strings.ToLower(n.Text))
	if !slices.Contains([]Has{HasLink, HasFile, HasImage, HasReaction, HasPin}, has) {
		return errorAt(n.At, "has: is followed by link, file, image, reaction or pin, not %q", n.Text)
	}
	if !slices.Contains(q.Has, has) {
		q.Has = append(q.Has, has)
	}
	return nil
}

// span is from when to when a time lasts: a day is one of UTC, a moment lasts a millisecond.
func span(n Name) (from, to time.Time, err error) {
	if from, err = time.Parse(time.DateOnly, n.Text); err == nil {
		return from, from.AddDate(0, 0, 1), nil
	}
	if from, err = time.Parse(time.RFC3339, strings.ToUpper(n.Text)); err == nil {
		from = from.Truncate(time.Millisecond).UTC()
		return from, from.Add(time.Millisecond), nil
	}
	return from, to, errorAt(n.At, "%q is neither a day, as in 2026-01-31, nor a time, as in 2026-01-31T15:04:05Z", n.Text)
}
