package text

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Parts returns where the names of a caption lie that is a list by its separators, as
// "person. traffic light. dog", "cat|dog|bird", "person.car.dog" and a name on each line are;
// nil for a sentence. Separators are, one within another, the bars | and •, line ends and
// tabs, semicolons, full stops, slashes and commas, and those of Chinese and Japanese.
//
// But for bars, the parts must look like names: of a few words, without pronouns and auxiliary
// verbs, no verb behind a noun; between commas and slashes, without prepositions. Otherwise it is a
// sentence, or several. Stops of abbreviations, numbers and initials part nothing ("st.
// bernard", "2.5 litre bottle", "e.g."), nor does anything in parentheses. Bullets, numbers
// of lines, quotation marks, "and" before the last name, and separators at the end are not part of a name. One name
// alone is a list where a bar, or a stop behind a space as in GLIP's demo, follows it.
func Parts(caption string) []Span {
	if len(caption) > MaxCaption {
		return nil
	}
	l := lister{runes: []rune(caption)}
	parts := l.list(Span{0, len(l.runes)}, 0)
	if len(parts) > MaxNames {
		return nil
	}
	return parts
}

// lister looks for lists in a caption.
type lister struct{ runes []rune }

// separators are tried in this order.
var separators = []string{"|｜、•", "\n\r\t\v\f\u2028", ";；", ".。", "/／", ",，"}

// The places of some of them.
const (
	bars = iota
	lines
	semicolons
	stops
	slashes
	commas
)

// list returns the names of a span that is a list by separators of one kind or of a later one; nil
// if it is none.
func (l lister) list(s Span, kind int) []Span {
	for ; kind <= commas; kind++ {
		pieces, sure := l.cut(s, kind)
		if len(pieces) == 0 || len(pieces) == 1 && !sure {
			continue
		}
		var names []Span
		for i, p := range pieces {
			if i == len(pieces)-1 && kind != stops {
				p = l.without(p, "and", "or")
			}
			if inner := l.list(p, kind+1); inner != nil {
				names = append(names, inner...)
			} else if kind == bars || l.name(p, kind) {
				names = append(names, p)
			} else {
				names = nil
				break
			}
		}
		if names != nil {
			return names
		}
	}
	return nil
}

// cut returns what lies between separators of one kind, without what is around it; sure says
// that one name alone is a list.
func (l lister) cut(s Span, kind int) (pieces []Span, sure bool) {
	depth, begin := 0, s.Begin
	for i := s.Begin; i <= s.End; i++ {
		if i < s.End {
			switch r := l.runes[i]; {
			case r == '(':
				depth++
			case r == ')':
				depth = max(depth-1, 0)
			}
			if depth > 0 && kind != bars || !strings.ContainsRune(separators[kind], l.runes[i]) || !l.separates(i) {
				continue
			}
			sure = sure || kind == bars || kind == stops && i > s.Begin && unicode.IsSpace(l.runes[i-1])
		}
		if p := l.trim(Span{begin, i}); p.Begin < p.End {
			pieces = append(pieces, p)
		}
		begin = i + 1
	}
	return pieces, sure
}

// at is a character of the caption, a space around it.
func (l lister) at(i int) rune {
	if i < 0 || i >= len(l.runes) {
		return ' '
	}
	return l.runes[i]
}

// separates says whether a separator is one where it stands.
func (l lister) separates(i int) bool {
	before, r, behind := l.at(i-1), l.runes[i], l.at(i+1)
	switch {
	case !strings.ContainsRune("./,", r):
		return true
	case before == r, behind == r, unicode.IsDigit(behind) && (unicode.IsDigit(before) || unicode.IsSpace(before)):
		return false // an ellipsis, an address, a number
	case r == ',', unicode.IsSpace(before):
		return true
	}
	begin, end := i, i+1 // of what it stands between
	for !unicode.IsSpace(l.at(begin-1)) && l.at(begin-1) != r && i-begin < maxWord {
		begin--
	}
	for !unicode.IsSpace(l.at(end)) && l.at(end) != r && end-i < maxWord {
		end++
	}
	piece := func(begin, end int) (s string, letter bool) {
		s = strings.Trim(strings.ToLower(string(l.runes[begin:end])), "()\"'“”")
		return s, utf8.RuneCountInString(s) == 1
	}
	left, letter := piece(begin, i)
	right, another := piece(i+1, end)
	short := slices.Contains(abbreviations, left+".") || left == "no" && unicode.IsDigit(l.at(i+2)) // "no. 5"
	switch {
	case r == '/':
		return !letter && !another
	case !unicode.IsSpace(behind):
		return !letter && !another && !short && !slices.Contains(abbreviations, right+".")
	}
	initial := letter && unicode.IsUpper(before) && unicode.IsUpper(l.at(i+2)) && unicode.IsLetter(l.at(i+3)) // "J. Smith"
	return !short && !initial && !(letter && l.at(begin-1) == r)                                              // "e.g."
}

// trim takes off what is around a name: space, separators, bullets and numbers of lines, quotation marks.
func (l lister) trim(s Span) Span {
	idle := func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune(".,;:|/、。，；｜•\"'“”‘’«»`[]", r)
	}
	for s.Begin < s.End && (idle(l.runes[s.Begin]) || s.Begin+1 < s.End && strings.ContainsRune("-*–—·>", l.runes[s.Begin]) && unicode.IsSpace(l.runes[s.Begin+1])) {
		s.Begin++
	}
	number := s.Begin
	for number < s.End && unicode.IsDigit(l.runes[number]) {
		number++
	}
	if number > s.Begin && number+1 < s.End && strings.ContainsRune(".)", l.runes[number]) && unicode.IsSpace(l.runes[number+1]) {
		return l.trim(Span{number + 1, s.End})
	}
	for s.End > s.Begin && idle(l.runes[s.End-1]) {
		s.End--
	}
	return s
}

// without takes one of some words off the beginning of a name.
func (l lister) without(s Span, words ...string) Span {
	for _, w := range words {
		if end := s.Begin + len(w); end < s.End && strings.EqualFold(string(l.runes[s.Begin:end]), w) && unicode.IsSpace(l.runes[end]) {
			return l.trim(Span{end, s.End})
		}
	}
	return s
}

// Words by which a sentence is told from a name.
var (
	sentenceWords = strings.Fields("is are was were be been am isn't aren't has have had do does did will would could should may might must i he she it they we you there who which what where when why how")
	prepositions  = strings.Fields("with on in at by for from to under over near next beside behind between into onto through across and or but while as like e.g. i.e.")
)

// name says whether a part looks like a name and not like a sentence or a piece of one.
func (l lister) name(s Span, kind int) bool {
	most, tight := 6, kind == slashes || kind == commas
	if tight {
		most = 4
	}
	part := strings.ToLower(string(l.runes[s.Begin:s.End]))
	words := strings.Fields(part)
	has := func(list []string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(list, w) })
	}
	first, last := words[0], words[len(words)-1]
	switch {
	case len(words) > most, strings.ContainsAny(part, "?!:"), strings.IndexFunc(part, nameable) < 0, has(sentenceWords):
		return false
	case tight && has(prepositions), slices.Contains(prepositions, first), slices.Contains(prepositions, last), len(words) > 1 && slices.Contains(articles, last):
		return false
	case len(words) < 3 && !tight:
		return true
	}
	t, err := english()
	if err != nil {
		return false
	}
	tags := t.tag(words)
	if end := tags[len(tags)-1]; kind != stops && kind != semicolons && (strings.HasPrefix(end, "JJ") || end == "VBG" || end == "VBN" || strings.HasSuffix(last, "ly")) {
		return false // "a big, red car", "black/white", "a cat with long\nwhiskers"
	}
	singular := (first == "a" || first == "an") && !has(prepositions) && !slices.Contains(words, "of")
	if singular && strings.HasSuffix(last, "s") && !strings.HasSuffix(last, "ss") && !strings.HasSuffix(last, "us") && !strings.HasSuffix(last, "is") {
		return false // "a man walks", whatever the tagger makes of it
	}
	noun := slices.IndexFunc(tags, func(tag string) bool { return strings.HasPrefix(tag, "NN") || tag == "PRP" })
	return noun < 0 || !slices.ContainsFunc(tags[noun:], func(tag string) bool { return tag == "VBZ" || tag == "VBD" || tag == "VBP" })
}

// nameable says whether a character can be all of a name.
func nameable(r rune) bool { return unicode.IsLetter(r) || unicode.IsSymbol(r) }

var articles = []string{"a", "an", "the"}
