package text_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/glipvk/glipvk/text"
)

// FuzzEncode takes any bytes as a caption and two numbers as a span of it: there
// is a result whose places lie in the text and never fall, or an error that says
// why.
func FuzzEncode(f *testing.F) {
	for _, c := range golden[encodeCase](f, "encode.json") {
		f.Add(c.Text, 0, utf8.RuneCountInString(c.Text))
	}
	f.Add("caf\xe9", 0, 4)
	f.Add("\xed\xa0\x80", 0, 1)
	f.Add("a\u0301\u0316\u0315\u034f", 1, 3)
	f.Add("\U0001d15e\U0001d16d\u302e\u1b44", -1, 7)
	f.Add("[CLS[SEP]][MASK", 3, 2)
	f.Add("한\uf900\u037e\u0387\u2000", 0, 99)
	f.Add(strings.Repeat("[UNK]\u0300", 200), 5, 400)
	f.Add(strings.Repeat("a b\n", text.MaxCaption/4)+"c", 0, 1)
	f.Add(strings.Repeat("c", text.MaxName+1)+"\n", 0, 1)
	f.Fuzz(func(t *testing.T, caption string, begin, end int) {
		e, err := text.BERT().Encode(caption)
		if readable := len(caption) <= text.MaxCaption && utf8.ValidString(caption); (err == nil) != readable {
			t.Fatalf("%q of %d bytes, readable: %v, gives error %v", caption, len(caption), readable, err)
		}
		if err != nil {
			if !errors.Is(err, text.ErrCaption) {
				t.Fatalf("error %v is of no kind", err)
			}
			return
		}
		checkPlaces(t, caption, e)
		checkFuzzSpan(t, e, caption, text.Span{Begin: begin, End: end})

		model := e.Truncated(text.MaxTokens)
		if len(model.Tokens) != min(len(e.Tokens), text.MaxTokens) {
			t.Fatalf("%q: %d of %d tokens after truncation", caption, len(model.Tokens), len(e.Tokens))
		}
		checkFuzzPrompts(t, caption)
	})
}

// checkFuzzSpan checks the tokens of one span: refused exactly where it does not
// lie in the text, else a row of neighbours that the model reads.
func checkFuzzSpan(t *testing.T, e text.Encoding, caption string, span text.Span) {
	owned, err := e.Positive([]text.Span{span})
	length := utf8.RuneCountInString(caption)
	if inside := span.Begin >= 0 && span.Begin <= span.End && span.End <= length; (err == nil) != inside {
		t.Fatalf("span %v of %d characters, inside: %v, gives error %v", span, length, inside, err)
	}
	if err != nil {
		return
	}
	for i, token := range owned[0] {
		if token < 1 || token > len(e.Tokens)-2 || token > text.MaxTokens-2 || i > 0 && token != owned[0][i-1]+1 {
			t.Fatalf("%q: span %v has tokens %v of %d", caption, span, owned[0], len(e.Tokens))
		}
	}
}

// checkFuzzPrompts takes the lines of a caption as names: every span covers its
// name, and the names of the split prompts are those of the list.
func checkFuzzPrompts(t *testing.T, caption string) {
	list := text.List{Names: strings.Split(caption, "\n"), Form: text.Demo}
	whole, err := list.Prompt()
	if err != nil {
		long := slices.ContainsFunc(list.Names, func(name string) bool { return len(name) > text.MaxName })
		if between := 3 * (len(list.Names) + 1); !errors.Is(err, text.ErrCaption) || !long && len(list.Names) <= text.MaxNames && len(caption)+between <= text.MaxCaption {
			t.Fatalf("%d names: %v", len(list.Names), err)
		}
		return
	}
	runes := []rune(whole.Text)
	for i, label := range whole.Labels {
		if got := string(runes[label.Span.Begin:label.Span.End]); got != list.Names[i] {
			t.Fatalf("label %d of %q covers %q, want %q", i, whole.Text, got, list.Names[i])
		}
	}
	prompts, err := text.BERT().Split(list, 16, 3)
	if err != nil {
		if !errors.Is(err, text.ErrCaption) {
			t.Fatalf("error %v is of no kind", err)
		}
		return
	}
	count := 0
	for _, p := range prompts {
		count += len(p.Labels)
	}
	if count != len(list.Names) {
		t.Fatalf("%d names in %d prompts, want %d", count, len(prompts), len(list.Names))
	}
}

// FuzzRead takes any bytes as a vocabulary: it is read or refused, and what is
// read tokenises.
func FuzzRead(f *testing.F) {
	f.Add("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##a\nb\n", "ab aab")
	f.Add("[SEP]\r\n[CLS]\r\n[UNK]\r\n[PAD]\r\n##\n##\u0301\né", "é##")
	f.Add("[PAD]\n\n[UNK]\n", "")
	f.Add("{\"model\": {}}", "a")
	f.Fuzz(func(t *testing.T, vocabulary, caption string) {
		tokenizer, err := text.Read(strings.NewReader(vocabulary))
		if err != nil {
			if !errors.Is(err, text.ErrVocabulary) {
				t.Fatalf("error %v is of no kind", err)
			}
			return
		}
		e, err := tokenizer.Encode(caption)
		if (err == nil) != (len(caption) <= text.MaxCaption && utf8.ValidString(caption)) {
			t.Fatalf("%q gives error %v", caption, err)
		}
		for i, token := range e.Tokens {
			if line, ok := tokenizer.Token(token.ID); !ok || line != token.Text {
				t.Fatalf("token %d %v is %q in the vocabulary of %d", i, token, line, tokenizer.Size())
			}
			if token.Begin < 0 || token.End < token.Begin || token.ByteEnd > len(caption) {
				t.Fatalf("token %d %v lies outside %q", i, token, caption)
			}
		}
	})
}
