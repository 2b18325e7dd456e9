package text

import (
	"slices"
	"strings"
	"unicode"
)

// word is a word or a punctuation mark of a sentence.
type word struct {
	text       string // as the tagger knows it
	begin, end int    // code points of the sentence, end not included
}

// Characters that are words by themselves wherever they stand, and those that may
// stand between the last full stop of a sentence and its end.
const (
	alone   = "()[]{}<>\"«»„;@#$%&?!*"
	closers = ")]}>\"'»"
)

// abbreviations keep their full stop inside a sentence.
var abbreviations = []string{"mr.", "mrs.", "ms.", "dr.", "prof.", "st.", "mt.", "ft.", "vs.", "jr.", "sr.", "inc.", "ltd.", "co.", "etc.", "ave.", "blvd.", "dept.", "approx.", "capt.", "sgt."}

// endings are what a contraction splits off, the first that fits.
var endings = []string{"n't", "'ll", "'re", "'ve", "'s", "'m", "'d", "'"}

// joined are words that are written as one and tagged as two: where they part.
var joined = map[string]int{"cannot": 3, "gimme": 3, "gonna": 3, "gotta": 3, "lemme": 3, "wanna": 3, "d'ye": 1, "more'n": 4}

// splitter splits one lower-case sentence after the conventions of the Penn
// Treebank.
type splitter struct {
	runes []rune // the sentence, with plain quotation marks
	words []word
}

// plainQuotes are what typographic quotation marks are taken for.
var plainQuotes = map[rune]rune{'‘': '\'', '’': '\'', '“': '"', '”': '"'}

// treebank splits a sentence, lower case, into words as the Penn Treebank has them:
// punctuation apart, "don't" as "do" and "n't", "cat's" as "cat" and "'s", "3,5" and
// "t-shirt" whole. A full stop ends a sentence where it ends a word that is no
// abbreviation, and is then a word by itself.
//
// Against word_tokenize of NLTK, which GLIP uses: the ends of sentences come from
// this rule and not from its trained model of abbreviations, a quotation mark '
// before a word stands apart, and typographic quotation marks count as plain ones.
func treebank(sentence []rune) []word {
	runes := slices.Clone(sentence)
	for i, r := range runes {
		if plain, ok := plainQuotes[r]; ok {
			runes[i] = plain
		}
	}
	s := &splitter{runes: runes}
	for i := 0; i < len(runes); {
		if unicode.IsSpace(runes[i]) {
			i++
			continue
		}
		end := i + 1
		for end < len(runes) && !unicode.IsSpace(runes[end]) {
			end++
		}
		s.chunk(i, end)
		i = end
	}
	return s.words
}

// chunk splits what stands between two spaces.
func (s *splitter) chunk(begin, end int) {
	start := begin // of the word under way
	for i := begin; i < end; {
		n := s.mark(start, i, end)
		if n == 0 {
			i++
			continue
		}
		s.contraction(start, i)
		s.add(i, i+n)
		i += n
		start = i
	}
	s.contraction(start, end)
}

// add adds a word. Quotation marks are “ where they open and ” where they close.
func (s *splitter) add(begin, end int) {
	text := string(s.runes[begin:end])
	if text == `"` || text == "''" {
		text = "''"
		if begin == 0 || unicode.IsSpace(s.runes[begin-1]) || strings.ContainsRune("([{<", s.runes[begin-1]) {
			text = "``"
		}
	}
	s.words = append(s.words, word{text, begin, end})
}

// mark returns the length of the mark at i that is a word by itself, or 0. A word
// that began at start is under way, end ends the chunk.
func (s *splitter) mark(start, i, end int) int {
	r := s.runes[i]
	switch {
	case strings.ContainsRune(alone, r):
		return 1
	case r == '`':
		return s.repeated(i, end)
	case r == '\'' && s.repeated(i, end) > 1:
		return 2
	case r == '-' && s.repeated(i, end) > 1:
		return 2
	case r == '.':
		if n := s.repeated(i, end); n > 1 {
			return n
		}
		if s.stop(start, i, end) {
			return 1
		}
	case r == ',' || r == ':':
		if i+1 == end || !unicode.IsDigit(s.runes[i+1]) {
			return 1
		}
	}
	return 0
}

// repeated counts how often the character at i follows on itself.
func (s *splitter) repeated(i, end int) int {
	n := 1
	for i+n < end && s.runes[i+n] == s.runes[i] {
		n++
	}
	return n
}

// stop reports whether the full stop at i ends a sentence.
func (s *splitter) stop(start, i, end int) bool {
	for _, r := range s.runes[i+1 : end] {
		if !strings.ContainsRune(closers, r) {
			return false
		}
	}
	if end == len(s.runes) {
		return true
	}
	before := string(s.runes[start : i+1])
	return strings.Count(before, ".") == 1 && !slices.Contains(abbreviations, before) // "u.s." has two
}

// contraction adds the word [begin, end), which holds no mark, in its parts.
func (s *splitter) contraction(begin, end int) {
	if begin == end {
		return
	}
	text := string(s.runes[begin:end])
	if slices.Contains(endings, text) {
		s.add(begin, end)
		return
	}
	if s.runes[begin] == '\'' {
		s.add(begin, begin+1)
		s.contraction(begin+1, end)
		return
	}
	middle := end
	if n, ok := joined[text]; ok {
		middle = begin + n
	}
	for _, ending := range endings {
		if strings.HasSuffix(text, ending) && middle == end {
			middle = end - len(ending) // endings are ASCII
		}
	}
	if middle == end {
		s.add(begin, end)
		return
	}
	s.contraction(begin, middle)
	s.add(middle, end)
}
