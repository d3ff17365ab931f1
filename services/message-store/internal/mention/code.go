package mention

import "strings"

// blocks hands the paragraphs of the content on, without its fenced blocks of code.
func (f *finder) blocks() {
	var fence string // that has to be matched; empty: not in code
	paragraph := 0   // where it began
	for from := 0; from < len(f.content); {
		to := len(f.content)
		if end := strings.IndexByte(f.content[from:], '\n'); end >= 0 {
			to = from + end + 1
		}
		line := f.content[from:to]
		mark, info := fenceOf(line)
		switch {
		case fence == "" && mark != "" && (mark[0] == '~' || !strings.Contains(info, "`")):
			f.spans(paragraph, from)
			fence = mark
		case fence != "" && mark != "" && mark[0] == fence[0] && len(mark) >= len(fence) && info == "":
			fence, paragraph = "", to
		case fence == "" && strings.TrimSpace(line) == "":
			f.spans(paragraph, from)
			paragraph = to
		}
		from = to
	}
	if fence == "" {
		f.spans(paragraph, len(f.content))
	}
}

// fenceOf returns the three or more ` or ~ that a line begins with, and what follows them.
func fenceOf(line string) (mark, info string) {
	const indent, least = 3, 3
	text := strings.TrimLeft(line, " ")
	if len(line)-len(text) > indent || text == "" || text[0] != '`' && text[0] != '~' {
		return "", ""
	}
	rest := strings.TrimLeft(text, text[:1])
	if mark = text[:len(text)-len(rest)]; len(mark) < least {
		return "", ""
	}
	return mark, strings.TrimSpace(rest)
}

// spans hands a paragraph on, without its spans of code: what is between as many ` as there are before it. Those that
// nothing closes are text.
func (f *finder) spans(from, to int) {
	text := f.content[:to]
	prose := from
	for at := from; at < to; {
		tick := strings.IndexByte(text[at:], '`')
		if tick < 0 {
			break
		}
		open := at + tick
		at = afterTicks(text, open)
		if end := closing(text, at, at-open); end > 0 {
			f.prose(prose, open)
			prose, at = end, end
		}
	}
	f.prose(prose, to)
}

// closing returns where the next run of exactly n ` ends; 0: there is none.
func closing(text string, at, n int) int {
	for {
		tick := strings.IndexByte(text[at:], '`')
		if tick < 0 {
			return 0
		}
		begin := at + tick
		if at = afterTicks(text, begin); at-begin == n {
			return at
		}
	}
}

func afterTicks(text string, at int) int {
	for at < len(text) && text[at] == '`' {
		at++
	}
	return at
}
