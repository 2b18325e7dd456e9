package text_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/text"
)

// What is heard of a prompt: labels without a token are left out, the others keep
// their places.
func TestHear(t *testing.T) {
	far := strings.Repeat("word ", 300) + "cat"
	for _, tc := range []struct {
		name           string
		prompt         text.Prompt
		limit          int
		labels, tokens string
		ids            int
	}{
		{"all", list(t, "cat", "red umbrella"), text.MaxTokens, "[0 1]", "[[1] [3 4]]", 6},
		{"empty and deleted names", list(t, "", "cat", "\u200b", "dog"), text.MaxTokens, "[1 3]", "[[2] [5]]", 7},
		{"none", list(t, "", "\u200b"), text.MaxTokens, "[]", "[]", 3},
		{"a label cut in two", list(t, "cat", "red umbrella", "dog"), 5, "[0 1]", "[[1] [3]]", 5},
		{"a label at [SEP]", list(t, "cat", "dog"), 4, "[0]", "[[1]]", 4},
		{"behind the last", text.Prompt{Text: far, Labels: []text.Label{{Name: "cat", Span: text.Span{Begin: 1500, End: 1503}}, {Name: "word", Span: text.Span{Begin: 0, End: 4}}}},
			text.MaxTokens, "[1]", "[[1]]", text.MaxTokens},
		{"a limit below two", list(t, "cat"), 0, "[]", "[]", 2},
	} {
		h, err := text.BERT().Hear(tc.prompt, tc.limit)
		if err != nil || fmt.Sprint(h.Labels) != tc.labels || fmt.Sprint(h.Tokens) != tc.tokens || len(h.IDs) != tc.ids {
			t.Errorf("%s: %v, %v, want labels %s, tokens %s, %d ids", tc.name, h, err, tc.labels, tc.tokens, tc.ids)
		}
	}
	for _, bad := range []text.Prompt{{Text: "\xff"}, {Text: "cat", Labels: []text.Label{{Span: text.Span{Begin: 0, End: 4}}}}} {
		if _, err := text.BERT().Hear(bad, text.MaxTokens); !errors.Is(err, text.ErrCaption) {
			t.Errorf("%v gives error %v", bad, err)
		}
	}
}
