package text_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/glipvk/glipvk/text"
)

func TestNounPhrases(t *testing.T) {
	for _, tc := range []struct {
		sentence string
		want     []string // each as phrase, or phrase = what the span covers where that differs
	}{
		{"bobble heads on top of the shelf", []string{"bobble heads", "top", "the shelf"}},
		{"there is a cat and a dog in the picture", []string{"a cat", "a dog", "the picture"}},
		{"a small dog sits next to the red bicycle under a traffic light while two people watch",
			[]string{"a small dog sits", "the red bicycle", "a traffic light", "people"}}, // it takes sits for a noun
		{"person. bicycle. traffic light. small dog.", []string{"person", "bicycle", "traffic light", "small dog"}},
		{"cat . whiskers .", []string{"cat", "whiskers"}},
		{"a cat . its whiskers .", []string{"a cat", "whiskers"}},
		{"dog near dog near dog", []string{"dog", "dog", "dog"}},
		{"A café, with two t-shirts", []string{"a café = A café", "t-shirts"}},
		{"The man's hats are on the table.", []string{"the man = The man", "hats", "the table"}},
		{"a  big\tred\n ball", []string{"a big red ball = a  big\tred\n ball"}},
		{"the \"big\" house (with a garden)", []string{"house", "a garden"}},
		{"İ and the CAT", []string{"i = İ", "the cat = the CAT"}},
		{"a 狗 on the street", []string{"a 狗", "the street"}},
	} {
		t.Run(tc.sentence, func(t *testing.T) {
			var got []string
			for _, e := range phrases(t, tc.sentence) {
				covered := string([]rune(tc.sentence)[e.Span.Begin:e.Span.End])
				if covered == e.Phrase {
					got = append(got, e.Phrase)
				} else {
					got = append(got, e.Phrase+" = "+covered)
				}
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

// phrases finds noun phrases and makes a prompt of them.
func phrases(t *testing.T, sentence string) []text.Entity {
	t.Helper()
	entities, err := text.NounPhrases(sentence)
	if err != nil {
		t.Fatal(err)
	}
	prompt, err := text.Ground(sentence, entities...)
	if err != nil {
		t.Fatal(err)
	}
	for i, tokens := range positive(t, prompt) {
		if len(tokens) == 0 {
			t.Errorf("no token stands for %v", prompt.Labels[i])
		}
	}
	return entities
}

// The sentences of the original's entity cases: those of their entities that are whole
// noun phrases are found where they stand.
func TestNounPhrasesGolden(t *testing.T) {
	type entitiesCase struct {
		Caption  string
		Positive [][][2]int `json:"tokens_positive"`
	}
	whole := map[string][]int{ // the others lack a determiner or an s, or are no phrase at all
		"there is a cat and a dog in the picture":    {0},
		"bobble heads on top of the shelf":           {0, 2},
		"dog near dog near dog":                      {0, 1},
		"person. bicycle. traffic light. small dog.": {0, 1, 2, 3},
	}
	for _, c := range golden[entitiesCase](t, "entities.json") {
		found := spans(t, c.Caption)
		for _, i := range whole[c.Caption] {
			if want := (text.Span{Begin: c.Positive[i][0][0], End: c.Positive[i][0][1]}); !slices.Contains(found, want) {
				t.Errorf("%q: %v, want %v among them", c.Caption, found, want)
			}
		}
		delete(whole, c.Caption)
	}
	if len(whole) > 0 {
		t.Errorf("these captions are not in the file: %v", whole)
	}
}

// The tags do not depend on the run: equal sums of weights are told apart by name.
func TestNounPhrasesRepeat(t *testing.T) {
	const sentence = "quoxy blen zorgs the frim plook of mip drabs near a wugly tove gimble"
	first := fmt.Sprint(spans(t, sentence))
	for range 20 {
		if got := fmt.Sprint(spans(t, sentence)); got != first {
			t.Fatalf("spans %s, before %s", got, first)
		}
	}
}

func spans(t *testing.T, sentence string) (all []text.Span) {
	for _, e := range phrases(t, sentence) {
		all = append(all, *e.Span)
	}
	return all
}

func TestNounPhrasesRefusals(t *testing.T) {
	for name, tc := range map[string]struct {
		sentence string
		none     bool
	}{
		"empty":           {"", true},
		"spaces":          {" \t\n", true},
		"separators":      {". . .", true},
		"no noun":         {"very quickly", true},
		"deleted letters": {"% % %", true},
		"not UTF-8":       {"caf\xe9 table", false},
	} {
		_, err := text.NounPhrases(tc.sentence)
		if !errors.Is(err, text.ErrCaption) || errors.Is(err, text.ErrNoPhrase) != tc.none {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// A caption of 10,000 characters has an answer.
func TestNounPhrasesLong(t *testing.T) {
	sentence := strings.Repeat("a red car beside the old tree, ", 323)
	entities, err := text.NounPhrases(sentence)
	if err != nil || len(entities) != 646 {
		t.Errorf("%d phrases of %d characters, %v, want 646", len(entities), len(sentence), err)
	}
}

// FuzzNounPhrases takes any text: the spans lie in it, in order, and begin and end
// with what is part of a phrase.
func FuzzNounPhrases(f *testing.F) {
	for _, s := range []string{"bobble heads on top of the shelf", "the man's u.s. hat... '' --don't (3,5%).", "a\u0301 ''s '' ' can't", "İ\u00a0x", "caf\xe9"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, sentence string) {
		entities, err := text.NounPhrases(sentence)
		if err != nil {
			if !errors.Is(err, text.ErrCaption) {
				t.Fatalf("error %v is of no kind", err)
			}
			return
		}
		at, length := 0, utf8.RuneCountInString(sentence)
		for _, e := range entities {
			if e.Phrase == "" || e.Span.Begin < at || e.Span.End <= e.Span.Begin || e.Span.End > length {
				t.Fatalf("%q: entity %q %v after %d", sentence, e.Phrase, *e.Span, at)
			}
			at = e.Span.End
		}
		if _, err := text.Ground(sentence, entities...); err != nil {
			t.Fatal(err)
		}
	})
}
