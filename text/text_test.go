package text_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/glipvk/glipvk/text"
)

func TestEncode(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		tokens     string // between [CLS] and [SEP], by spaces
	}{
		{"nothing", "", ""},
		{"spaces only", " \t\n\r\u00a0\u2028", ""},
		{"separators only", " . . .", ". . ."},
		{"deleted characters only", "\x00\x07\u200b\ufeff\ufffd\u0085\ue000\U000e0001", ""},
		{"accents only", "\u0301\u0302", ""},
		{"deleted inside a word", "c\u200ba\x00t", "cat"},
		{"vertical tab is deleted, not a space", "ca\vt", "cat"},
		{"composed and decomposed", "é e\u0301", "e e"},
		{"two marks out of order", "a\u0316\u0301 a\u0301\u0316", "a a"},
		{"dotted capital", "İ", "i"},
		{"final sigma stays", "ΣΑΣ", "σ ##α ##σ"},
		{"Greek question mark decomposes to punctuation", "a\u037eb", "a ; b"},
		{"ASCII symbols are punctuation", "a$b+c<d=e>f^g`h|i~j", "a $ b + c < d = e > f ^ g ` h | i ~ j"},
		{"other symbols are not", "a€", "a ##€"},
		{"ideographs", "a中b", "a 中 b"},
		{"compatibility ideograph", "\uf9e8", "[UNK]"},
		{"kana is one word", "テスト", "テ ##ス ##ト"},
		{"special tokens inside words", "cat[SEP]dog[MASK]", "cat [SEP] dog [MASK]"},
		{"special tokens in lower case are words", "[sep]", "[ sep ]"},
		{"unknown as a whole", "cat🐶", "[UNK]"},
		{"101 characters", strings.Repeat("x", 101), "[UNK]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := encode(t, tc.text)
			checkPlaces(t, tc.text, e)
			var got []string
			for _, token := range e.Tokens[1 : len(e.Tokens)-1] {
				got = append(got, token.Text)
			}
			if want := strings.Fields(tc.tokens); !slices.Equal(got, want) {
				t.Errorf("tokens %q, want %q", got, want)
			}
		})
	}
}

// Ideographs of the ranges that BERT knows stand alone; what is beside them joins
// letters.
func TestEncodeIdeographs(t *testing.T) {
	for _, r := range []rune{0x4E00, 0x9FA5, 0x3400, 0x4DB5, 0x20000, 0x2A6D6, 0x2A700, 0x2B734, 0x2B740, 0x2B81D, 0x2B820, 0x2CEA1,
		0xF900, 0xFAD9, 0x2F800, 0x2FA1D} {
		e := encode(t, "a"+string(r)+"b")
		if len(e.Tokens) != 5 || e.Tokens[1].Text != "a" || e.Tokens[2].Begin != 1 || e.Tokens[2].End != 2 || e.Tokens[3].Text != "b" {
			t.Errorf("%U between letters: %v, want a token of its own", r, e.Tokens)
		}
	}
	for _, r := range []rune{0x3042, 0x4DC0, 0xA000, 0xAC00, 0xFB00, 0x30000} {
		if e := encode(t, "a"+string(r)+"b"); e.Tokens[len(e.Tokens)-2].Text == "b" {
			t.Errorf("%U between letters: %v, want it to join them", r, e.Tokens)
		}
	}
}

// A vocabulary of our own: what the embedded one cannot show.
func TestOtherVocabulary(t *testing.T) {
	const sorted, swapped = "a\u302e\U0001d16d", "a\U0001d16d\u302e" // marks that stay, of classes 224 and 226
	tokenizer, err := text.Read(strings.NewReader("[PAD]\n[UNK]\n[CLS]\n[SEP]\n" + sorted + "\nlongestofall\n##\n##longestbytwo\n"))
	if err != nil {
		t.Fatal(err)
	}
	for caption, want := range map[string][]int32{
		sorted:                      {2, 4, 3},
		swapped:                     {2, 4, 3},
		"longestofall":              {2, 5, 3},
		"longestofalllongestbytwo":  {2, 5, 7, 3},
		"longestofalllongestbytwo2": {2, 1, 3},
	} {
		e, err := tokenizer.Encode(caption)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.IDs(); !slices.Equal(got, want) {
			t.Errorf("%+q: ids %v, want %v", caption, got, want)
		}
	}
}

// A word is known up to 100 characters, counted when normalised.
func TestEncodeLongWord(t *testing.T) {
	for _, word := range []string{
		strings.Repeat("é", 100),
		strings.Repeat("e\u0301", 100),
		strings.Repeat("\u200b", 50) + strings.Repeat("x", 100),
	} {
		if ids := encode(t, word).IDs(); len(ids) == 3 {
			t.Errorf("%q is one token, %d; want pieces", word, ids[1])
		}
		if got, want := encode(t, word+"x").IDs(), []int32{101, 100, 102}; !slices.Equal(got, want) {
			t.Errorf("%q is %v, want %v", word+"x", got, want)
		}
	}
}

// The table of spec/glip.md 3.2.
func TestEncodeIDs(t *testing.T) {
	for caption, want := range map[string][]int32{
		"bobble heads on top of the shelf": {101, 3960, 3468, 4641, 2006, 2327, 1997, 1996, 11142, 102},
		"a cat. remote control.":           {101, 1037, 4937, 1012, 6556, 2491, 1012, 102},
		"Café résumé naïve":                {101, 7668, 13746, 15743, 102},
		"it's 3.5kg":                       {101, 2009, 1005, 1055, 1017, 1012, 1019, 2243, 2290, 102},
		"你好 world":                         {101, 100, 100, 2088, 102},
		"frisbee. skis. toothbrush":        {101, 10424, 2483, 11306, 1012, 8301, 2015, 1012, 11868, 18623, 102},
		"a\u200bb c\u00a0d":                {101, 11113, 1039, 1040, 102},
		strings.Repeat("x", 101):           {101, 100, 102},
	} {
		if diff := cmp.Diff(want, encode(t, caption).IDs()); diff != "" {
			t.Errorf("ids of %q (-want +got):\n%s", caption, diff)
		}
	}
}

// coco is the 80 names of COCO.
var coco = strings.Split("person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant, stop sign, "+
	"parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, backpack, umbrella, handbag, tie, suitcase, "+
	"frisbee, skis, snowboard, sports ball, kite, baseball bat, baseball glove, skateboard, surfboard, tennis racket, bottle, wine glass, "+
	"cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange, broccoli, carrot, hot dog, pizza, donut, cake, chair, couch, "+
	"potted plant, bed, dining table, toilet, tv, laptop, mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink, "+
	"refrigerator, book, clock, vase, scissors, teddy bear, hair drier, toothbrush", ", ")

// Lengths of COCO's captions, from spec/glip.md 3.2.
func TestCOCO(t *testing.T) {
	for _, tc := range []struct {
		form   text.Form
		tokens int
	}{{text.Evaluation, 194}, {text.Demo, 195}} {
		prompt, err := text.List{Names: coco, Form: tc.form}.Prompt()
		if err != nil {
			t.Fatal(err)
		}
		if got := len(encode(t, prompt.Text).Tokens); got != tc.tokens {
			t.Errorf("%+v: %d tokens, want %d", tc.form, got, tc.tokens)
		}
		for i, tokens := range positive(t, prompt) {
			if len(tokens) == 0 {
				t.Errorf("%+v: %s has no tokens", tc.form, coco[i])
			}
		}
	}
}

func TestEncodeLong(t *testing.T) {
	for _, unit := range []string{"cat dog . ", "x", "\u0301", "a\u0301\u0316", "中", "[CLS]", "[", "한", "\x00", "##"} {
		caption := strings.Repeat(unit, 10_000/len([]rune(unit)))
		e := encode(t, caption)
		checkPlaces(t, caption, e)
		if got := len(e.Truncated(text.MaxTokens).Tokens); got > text.MaxTokens {
			t.Errorf("%q many times: %d tokens after truncation", unit, got)
		}
	}
}

func TestTruncated(t *testing.T) {
	e := encode(t, "a b c d")
	before := e.IDs()
	if got, want := e.Truncated(4).IDs(), []int32{101, 1037, 1038, 102}; !slices.Equal(got, want) {
		t.Errorf("cut to 4: %v, want %v", got, want)
	}
	if got, want := e.Truncated(-1).IDs(), []int32{101, 102}; !slices.Equal(got, want) {
		t.Errorf("cut to nothing: %v, want %v", got, want)
	}
	if got := e.Truncated(6).IDs(); !slices.Equal(got, before) {
		t.Errorf("cut to its length: %v, want %v", got, before)
	}
	if got := e.IDs(); !slices.Equal(got, before) {
		t.Errorf("the original is now %v, was %v", got, before)
	}
}

func TestPositive(t *testing.T) {
	const caption = "person. hair drier. bow . skis"
	dogs := strings.Repeat("dog ", 300)
	for _, tc := range []struct {
		name, caption string
		span          text.Span
		want          []int
	}{
		{"a word", caption, text.Span{0, 6}, []int{1}},
		{"three pieces", caption, text.Span{8, 18}, []int{3, 4, 5}},
		{"a space at its end", caption, text.Span{20, 24}, []int{7}},
		{"two pieces", caption, text.Span{26, 30}, []int{9, 10}},
		{"from the middle of a word to the middle of the next", caption, text.Span{10, 15}, []int{3, 4}},
		{"nothing at the front", caption, text.Span{0, 0}, []int{}},
		{"nothing at the end", caption, text.Span{30, 30}, []int{}},
		{"two spaces before", "  cat", text.Span{0, 5}, []int{1}},
		{"three spaces before", "   cat", text.Span{0, 6}, []int{}},
		{"two spaces behind", "cat  ", text.Span{0, 5}, []int{1}},
		{"three spaces behind", "cat   ", text.Span{0, 6}, []int{}},
		{"code points, not bytes", "é é dog", text.Span{4, 7}, []int{3}},
		{"unknown", "a 🐶🐶 b", text.Span{2, 4}, []int{2}},
		{"the first token of a character with several", "한", text.Span{0, 1}, []int{1}},
		{"the last that the model reads", dogs, text.Span{4 * 253, 4*253 + 3}, []int{254}},
		{"across what it reads", dogs, text.Span{4 * 252, 4*260 + 3}, []int{253, 254}},
		{"past what it reads", dogs, text.Span{4 * 254, 4*254 + 3}, []int{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := encode(t, tc.caption).Positive([]text.Span{tc.span})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([][]int{tc.want}, got); diff != "" {
				t.Errorf("tokens of %v in %.40q (-want +got):\n%s", tc.span, tc.caption, diff)
			}
		})
	}
	for _, bad := range []text.Span{{-1, 2}, {3, 2}, {0, 31}, {40, 50}} {
		_, err := encode(t, caption).Positive([]text.Span{{0, 6}, bad})
		refused(t, err, text.ErrCaption, "span 1", "30 characters")
	}
}

// refused checks that an error is of a kind and says what a user needs.
func refused(t *testing.T, err, kind error, words ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("error %v, want one that is %q", err, kind)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q does not say %q", err, word)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	for _, bad := range []string{"caf\xe9", "caf\xed\xa0\x80", "\ufffdab\xff"} {
		_, err := text.BERT().Encode(bad)
		refused(t, err, text.ErrCaption, "byte ", "UTF-8")
	}
	_, err := text.BERT().Encode("\ufffdab\xff")
	refused(t, err, text.ErrCaption, "byte 5", "0xff")
}

// The embedded vocabulary is the published one.
func TestBERT(t *testing.T) {
	if size := text.BERT().Size(); size != 30522 {
		t.Errorf("%d tokens, want 30522", size)
	}
	file, err := os.ReadFile("vocab.txt")
	if err != nil {
		t.Fatal(err)
	}
	const want = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
	if got := fmt.Sprintf("%x", sha256.Sum256(file)); got != want {
		t.Errorf("sha256 of vocab.txt is %s, want %s", got, want)
	}
	for token, id := range map[string]int32{"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103} {
		if got, _ := text.BERT().Token(id); got != token {
			t.Errorf("id %d is %q, want %q", id, got, token)
		}
	}
}

func TestOpen(t *testing.T) {
	tiny, err := text.Open(filepath.Join("testdata", "tiny-vocab.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if tiny.Size() != 209 {
		t.Errorf("%d tokens, want 209", tiny.Size())
	}
	e, err := tiny.Encode("xyz 한")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, token := range e.Tokens {
		got = append(got, token.Text)
		if line, ok := tiny.Token(token.ID); !ok || line != token.Text {
			t.Errorf("id %d is %q, its token says %q", token.ID, line, token.Text)
		}
	}
	if want := []string{"[CLS]", "x", "##y", "##z", "[UNK]", "[SEP]"}; !slices.Equal(got, want) {
		t.Errorf("tokens %q, want %q", got, want)
	}
	for _, id := range []int32{-1, 209} {
		if line, ok := tiny.Token(id); ok {
			t.Errorf("id %d is %q, want none", id, line)
		}
	}
	if _, err := text.Open(filepath.Join(t.TempDir(), "none.txt")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: error %v", err)
	}
	empty := filepath.Join(t.TempDir(), "empty.txt")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = text.Open(empty)
	refused(t, err, text.ErrVocabulary, "empty.txt", "[PAD]")
}

func TestRead(t *testing.T) {
	const special = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n"
	for _, tc := range []struct {
		name, file string
		words      []string // of the error; none: it is read
	}{
		{"least", special, nil},
		{"other line ends", strings.ReplaceAll(special, "\n", "\r\n") + "cat", nil},
		{"no special token", "cat\ndog\n", []string{"[PAD]", "2 lines"}},
		{"empty line", special + "\ncat\n", []string{"line 5", "empty"}},
		{"repeated", special + "cat\ndog\ncat\n", []string{"line 7", "line 5", `"cat"`}},
		{"not UTF-8", special + "c\xff\n", []string{"line 5", "UTF-8"}},
		{"long line", special + strings.Repeat("x", 1<<13), []string{"line 5", "4096"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tokenizer, err := text.Read(strings.NewReader(tc.file))
			if tc.words != nil {
				refused(t, err, text.ErrVocabulary, tc.words...)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			e, err := tokenizer.Encode("cat [MASK]") // not special without a [MASK]
			if err != nil {
				t.Fatal(err)
			}
			if want := 2 + 4; len(e.Tokens) != want {
				t.Errorf("%d tokens %v, want %d", len(e.Tokens), e.Tokens, want)
			}
		})
	}
}
