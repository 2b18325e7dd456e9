package text_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/internal/file/filetest"
	"github.com/glipvk/glipvk/text"
)

// What is too long is refused with its size and the limit, before any work; what is just
// not too long is used.
func TestLimits(t *testing.T) {
	bert := text.BERT()
	prompts := func(q text.Query) error {
		_, err := q.Prompts(bert)
		return err
	}
	caption := strings.Repeat("a cat and ", text.MaxCaption/10) + "a cat."
	huge := strings.Repeat("cat ", 1<<24)
	many := slices.Repeat([]string{"cat"}, text.MaxNames+1)
	name := strings.Repeat("c", text.MaxName)
	for _, tc := range []struct {
		name string
		use  func(over bool) error // with what is just allowed, or more
		says []string
	}{
		{"encode", func(over bool) error {
			_, err := bert.Encode(pick(over, huge, caption))
			return err
		}, []string{"caption", "67108864 bytes", "65536"}},
		{"noun phrases", func(over bool) error {
			_, err := text.NounPhrases(pick(over, huge, caption))
			return err
		}, []string{"sentence", "67108864 bytes", "65536"}},
		{"ground", func(over bool) error {
			_, err := text.Ground(pick(over, caption+"x", caption), text.Entity{Phrase: "CAT."})
			return err
		}, []string{"sentence", "65537 bytes", "65536"}},
		{"a phrase", func(over bool) error {
			_, err := text.Ground(pick(over, "a cat", name), text.Entity{Phrase: pick(over, huge, name)})
			return err
		}, []string{"entity 0", "67108864 bytes", "16384"}},
		{"phrases", func(over bool) error {
			return prompts(text.Query{Caption: "a cat", Phrases: pick(over, many, many[1:])})
		}, []string{"32769 phrases and spans", "32768"}},
		{"spans", func(over bool) error {
			spans := slices.Repeat([]text.Span{{Begin: 2, End: 5}}, text.MaxNames+1)
			return prompts(text.Query{Caption: "a cat", Spans: pick(over, spans, spans[1:])})
		}, []string{"32769 phrases and spans", "32768"}},
		{"names", func(over bool) error { return prompts(text.Query{Classes: pick(over, many, many[1:])}) },
			[]string{"32769 names", "32768", "several queries"}},
		{"a name", func(over bool) error {
			return prompts(text.Query{Classes: []string{"dog", pick(over, name+"c", name)}})
		},
			[]string{"name 1", "16385 bytes", "16384"}},
		{"names in one caption", func(over bool) error {
			_, err := text.List{Names: slices.Repeat([]string{"four"}, pick(over, 12000, 10000))}.Prompt()
			return err
		}, []string{"names 0 to 11999", "72002 bytes", "65536"}},
		{"a separator", func(over bool) error {
			return prompts(text.Query{Classes: []string{"dog", "cat"}, Form: text.Form{Separator: pick(over, huge, ". ")}})
		}, []string{"separator", "16384"}},
		{"an affix", func(over bool) error {
			_, err := text.List{Names: []string{"dog"}, Affixes: []text.Affix{{Prefix: pick(over, huge, "a "), Name: "dog"}}}.Prompt()
			return err
		}, []string{"affix 0", "16384"}},
		{"extra names", func(over bool) error {
			_, err := bert.Split(text.List{Names: []string{"dog"}, Extra: pick(over, many, many[:20])}, text.MaxTokens, 0)
			return err
		}, []string{"32769 extra names"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := tc.use(false); err != nil {
				t.Errorf("just allowed: %v", err)
			}
			filetest.Soon(t)
			err := tc.use(true)
			refused(t, err, text.ErrCaption, tc.says...)
			if len(fmt.Sprint(err)) > 500 {
				t.Errorf("the refusal takes %d bytes", len(fmt.Sprint(err)))
			}
		})
	}
}

func pick[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

// Names that fill a caption's bytes before its tokens are split like others.
func TestSplitByBytes(t *testing.T) {
	// Words of more than 100 characters are one unknown token each.
	list := text.List{Names: slices.Repeat([]string{strings.Repeat("c", text.MaxName)}, 10)}
	prompts, err := text.BERT().Split(list, text.MaxTokens, 0)
	if err != nil {
		t.Fatal(err)
	}
	var sizes []int
	for _, p := range prompts {
		sizes = append(sizes, len(p.Labels))
	}
	if fmt.Sprint(sizes) != "[3 3 3 1]" {
		t.Errorf("captions of %v names", sizes)
	}
}
