package text

import (
	"slices"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// char is a character of the normalised text and the code point of the original
// that it came from.
type char struct {
	r    rune
	from int // index of the code point in the original text
}

// normalize does what BertNormalizer does with clean_text, handle_chinese_chars,
// strip_accents and lowercase on (huggingface/tokenizers,
// tokenizers/src/normalizers/bert.rs). first is the code point at which text
// begins in the original. The result's from never falls.
func normalize(text string, first int) []char {
	chars := make([]char, 0, len(text)+8)
	from := first
	for _, r := range text {
		switch {
		case dropped(r):
		case unicode.IsSpace(r):
			chars = append(chars, char{' ', from})
		case chinese(r):
			chars = append(chars, char{' ', from}, char{r, from}, char{' ', from})
		default:
			chars = append(chars, char{r, from})
		}
		from++
	}
	return lower(stripAccents(chars))
}

// dropped reports whether cleaning deletes a character: the control, format,
// private and unassigned ones, but not those that are spaces by custom.
func dropped(r rune) bool {
	switch r {
	case '\t', '\n', '\r':
		return false
	case 0, utf8.RuneError:
		return true
	}
	return unicode.Is(unicode.C, r)
}

// chinese reports whether a character is one of the CJK ideographs that BERT
// makes words of their own. Kana and Hangul are not among them.
func chinese(r rune) bool {
	switch {
	case r >= 0x4E00 && r <= 0x9FFF,
		r >= 0x3400 && r <= 0x4DBF,
		r >= 0x20000 && r <= 0x2A6DF,
		r >= 0x2A700 && r <= 0x2B73F,
		r >= 0x2B740 && r <= 0x2B81F,
		r >= 0x2B820 && r <= 0x2CEAF,
		r >= 0xF900 && r <= 0xFAFF,
		r >= 0x2F800 && r <= 0x2FA1F:
		return true
	}
	return false
}

// stripAccents decomposes (Unicode NFD) and deletes the nonspacing marks. A
// decomposition's characters all come from the one composed. norm.NFD on the
// whole text would not do: it loses the places, and puts a joiner into long runs
// of marks.
func stripAccents(chars []char) []char {
	decomposed := make([]char, 0, len(chars))
	var buffer []byte
	for _, c := range chars {
		if c.r < utf8.RuneSelf {
			decomposed = append(decomposed, c)
			continue
		}
		buffer = norm.NFD.AppendString(buffer[:0], string(c.r))
		for _, r := range string(buffer) {
			decomposed = append(decomposed, char{r, c.from})
		}
	}
	orderMarks(decomposed)
	return slices.DeleteFunc(decomposed, func(c char) bool { return unicode.Is(unicode.Mn, c.r) })
}

// orderMarks brings every run of combining marks into canonical order. The
// places stay where they are, so that they still never fall.
func orderMarks(chars []char) {
	class := func(r rune) uint8 {
		if r < 0x300 { // below the first combining mark
			return 0
		}
		return norm.NFD.PropertiesString(string(r)).CCC()
	}
	for i := 0; i < len(chars); i++ {
		begin := i
		for i < len(chars) && class(chars[i].r) != 0 {
			i++
		}
		if i-begin < 2 {
			continue
		}
		run := make([]rune, 0, i-begin)
		for _, c := range chars[begin:i] {
			run = append(run, c.r)
		}
		slices.SortStableFunc(run, func(a, b rune) int { return int(class(a)) - int(class(b)) })
		for k, r := range run {
			chars[begin+k].r = r
		}
	}
}

// lower puts every character into lower case. One by one is enough: the only
// character with a longer lower case, İ, is decomposed by now, and BERT knows no
// final sigma.
func lower(chars []char) []char {
	for i := range chars {
		chars[i].r = unicode.ToLower(chars[i].r)
	}
	return chars
}

// words calls yield with every word of a normalised text: what lies between
// spaces, and each punctuation character by itself (BertPreTokenizer,
// tokenizers/src/pre_tokenizers/bert.rs).
func words(chars []char, yield func(word []char)) {
	begin := 0
	flush := func(end int) {
		if end > begin {
			yield(chars[begin:end])
		}
	}
	for i, c := range chars {
		switch {
		case unicode.IsSpace(c.r):
			flush(i)
			begin = i + 1
		case punctuation(c.r):
			flush(i)
			yield(chars[i : i+1])
			begin = i + 1
		}
	}
	flush(len(chars))
}

// punctuation reports whether BERT splits at a character: all of Unicode's
// categories P, and what ASCII has besides letters, digits and space, $ + < = > ^
// ` | ~ included.
func punctuation(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= '!' && r <= '/' || r >= ':' && r <= '@' || r >= '[' && r <= '`' || r >= '{' && r <= '~'
	}
	return unicode.IsPunct(r)
}
