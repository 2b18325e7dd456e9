package text_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/text"
)

func TestParts(t *testing.T) {
	for caption, want := range map[string]string{
		"":                   "",
		". . .":              "",
		"a cat":              "",
		"a cat. ":            "",
		"The hat is 3.5 cm.": "",
		"person. bicycle. traffic light. small dog.": "person|bicycle|traffic light|small dog",
		"person . traffic light . ":                  "person|traffic light",
		"café .\t3.5 kg.\n\n. . the  end":            "café|3.5 kg|the  end",
		"a man walks. a dog barks.":                  "a man walks|a dog barks",
		"\u00a0x\u2003.\u2003y\u00a0.":               "x|y",
		"a.b. c":                                     "a.b|c",
	} {
		var got []string
		for _, s := range text.Parts(caption) {
			got = append(got, string([]rune(caption)[s.Begin:s.End]))
		}
		if have := strings.Join(got, "|"); have != want {
			t.Errorf("%q has the parts %q, want %q", caption, have, want)
		}
	}
}

func TestSilent(t *testing.T) {
	long := strings.Repeat("word ", 300)
	for _, tc := range []struct {
		name   string
		prompt text.Prompt
		want   []string
	}{
		{"all heard", list(t, "cat", "dog"), nil},
		{"empty names", list(t, "cat", "", "(dog)", "\u200b"), []string{"", "(dog)", "\u200b"}},
		{"unknown is a token", list(t, "\U0001f436"), nil},
		{"behind the end", text.Prompt{Text: long, Labels: []text.Label{
			{Name: "read", Span: text.Span{Begin: 253 * 5, End: 253*5 + 4}}, // its token is 254
			{Name: "cut", Span: text.Span{Begin: 254 * 5, End: 254*5 + 4}},
			{Name: "half", Span: text.Span{Begin: 253 * 5, End: 254*5 + 4}},
		}}, []string{"cut"}},
	} {
		silent, err := text.BERT().Silent(tc.prompt)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, label := range silent {
			got = append(got, label.Name)
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
	for _, bad := range []text.Prompt{{Text: "\xff"}, {Text: "cat", Labels: []text.Label{{Span: text.Span{Begin: 2, End: 9}}}}} {
		if _, err := text.BERT().Silent(bad); !errors.Is(err, text.ErrCaption) {
			t.Errorf("%+v: error %v", bad, err)
		}
	}
}

func list(t *testing.T, names ...string) text.Prompt {
	t.Helper()
	prompt, err := text.List{Names: names}.Prompt()
	if err != nil {
		t.Fatal(err)
	}
	return prompt
}
