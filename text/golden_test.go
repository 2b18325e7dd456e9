package text_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/glipvk/glipvk/text"
)

// golden reads a file of testdata/golden: numbers of the original code.
func golden[T any](t testing.TB, name string) (cases []T) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "golden", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if len(cases) == 0 {
		t.Fatalf("%s holds no case", name)
	}
	return cases
}

type encodeCase struct {
	Text        string
	Tokens      []string
	IDs         []int32 `json:"ids"`
	Offsets     [][2]int
	ModelLength int     `json:"model_length"`
	ModelIDs    []int32 `json:"model_ids"` // absent where nothing is cut off
}

func TestGoldenEncode(t *testing.T) {
	for i, want := range golden[encodeCase](t, "encode.json") {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			got := encode(t, want.Text)
			var tokens []string
			var offsets [][2]int
			for _, token := range got.Tokens {
				tokens = append(tokens, token.Text)
				offsets = append(offsets, [2]int{token.Begin, token.End})
			}
			if diff := cmp.Diff(want.Tokens, tokens); diff != "" {
				t.Errorf("tokens of %q (-want +got):\n%s", want.Text, diff)
			}
			if diff := cmp.Diff(want.IDs, got.IDs()); diff != "" {
				t.Errorf("ids of %q (-want +got):\n%s", want.Text, diff)
			}
			if diff := cmp.Diff(want.Offsets, offsets); diff != "" {
				t.Errorf("offsets of %q (-want +got):\n%s", want.Text, diff)
			}
			checkPlaces(t, want.Text, got)

			model := got.Truncated(text.MaxTokens)
			if len(model.Tokens) != want.ModelLength {
				t.Errorf("the model reads %d tokens of %q, want %d", len(model.Tokens), want.Text, want.ModelLength)
			}
			if want.ModelIDs == nil {
				want.ModelIDs = want.IDs
			}
			if diff := cmp.Diff(want.ModelIDs, model.IDs()); diff != "" {
				t.Errorf("ids that the model reads of %q (-want +got):\n%s", want.Text, diff)
			}
		})
	}
}

func TestGoldenPhrases(t *testing.T) {
	type phrasesCase struct {
		Phrases        []string
		Caption        string
		TokensPositive [][][2]int `json:"tokens_positive"`
		Labels         labelMap   `json:"label_to_tokens"`
		Weights        [][]float32
	}
	for i, want := range golden[phrasesCase](t, "phrases.json") {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			prompt, err := text.List{Names: want.Phrases, Form: text.Demo}.Prompt()
			if err != nil {
				t.Fatal(err)
			}
			checkPrompt(t, prompt, want.Caption, want.TokensPositive)
			owned := positive(t, prompt)
			checkLabels(t, owned, want.Labels, nil)
			// The original also divides every row of its map by its sum; a caller who wants that divides by the length.
			for k, row := range want.Weights {
				for _, weight := range row {
					if got := 1 / (float32(len(owned[k])) + 1e-6); got != weight || len(row) != len(owned[k]) {
						t.Errorf("label %d: weight %v of %d tokens, want %v of %d", k+1, got, len(owned[k]), weight, len(row))
					}
				}
			}
		})
	}
}

func TestGoldenEntities(t *testing.T) {
	type entitiesCase struct {
		Caption  string
		Entities []struct {
			Span   string
			Bounds *[2]int `json:"char_bounds"`
		}
		TokensPositive [][][2]int `json:"tokens_positive"`
		Labels         labelMap   `json:"label_to_tokens"`
	}
	for i, want := range golden[entitiesCase](t, "entities.json") {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			var entities []text.Entity
			for _, e := range want.Entities {
				entity := text.Entity{Phrase: e.Span}
				if e.Bounds != nil {
					entity.Span = &text.Span{Begin: e.Bounds[0], End: e.Bounds[1]}
				}
				entities = append(entities, entity)
			}
			prompt, err := text.Ground(want.Caption, entities...)
			if err != nil {
				t.Fatal(err)
			}
			checkPrompt(t, prompt, want.Caption, want.TokensPositive)
			checkLabels(t, positive(t, prompt), want.Labels, nil)
		})
	}
}

func TestGoldenQueries(t *testing.T) {
	type queriesCase struct {
		Labels     []int
		Names      []string
		Separation string
		Prompt     []text.Affix
		Additional []string
		Chunk      int
		Queries    []struct {
			Caption string
			Labels  labelMap `json:"label_to_tokens"`
		}
	}
	for i, want := range golden[queriesCase](t, "queries.json") {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			list := text.List{
				Names:   want.Names,
				Form:    text.Form{Separator: want.Separation},
				Affixes: want.Prompt,
				Extra:   want.Additional,
			}
			if want.Chunk == 0 {
				want.Chunk = len(want.Names)
			}
			prompts, err := list.Chunks(want.Chunk)
			if err != nil {
				t.Fatal(err)
			}
			if len(prompts) != len(want.Queries) {
				t.Fatalf("%d prompts, want %d", len(prompts), len(want.Queries))
			}
			for k, prompt := range prompts {
				if prompt.Text != want.Queries[k].Caption {
					t.Errorf("caption %q, want %q", prompt.Text, want.Queries[k].Caption)
				}
				checkLabels(t, positive(t, prompt), want.Queries[k].Labels, want.Labels[prompt.First:])
			}
		})
	}
}

// labelMap is the original's map: label -> indices of tokens.
type labelMap map[string][]int

// checkLabels compares tokens by element with tokens by label. Element i has
// label numbers[i], or i+1 where there are no numbers.
func checkLabels(t *testing.T, got [][]int, want labelMap, numbers []int) {
	t.Helper()
	named := labelMap{}
	for i, tokens := range got {
		number := i + 1
		if numbers != nil {
			number = numbers[i]
		}
		named[strconv.Itoa(number)] = tokens
	}
	if diff := cmp.Diff(want, named); diff != "" {
		t.Errorf("tokens by label (-want +got):\n%s", diff)
	}
}

// checkPrompt compares a prompt's caption and spans.
func checkPrompt(t *testing.T, got text.Prompt, caption string, spans [][][2]int) {
	t.Helper()
	if got.Text != caption {
		t.Errorf("caption %q, want %q", got.Text, caption)
	}
	var have [][][2]int
	for _, s := range got.Spans() {
		have = append(have, [][2]int{{s.Begin, s.End}})
	}
	if diff := cmp.Diff(spans, have); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
}

func encode(t testing.TB, caption string) text.Encoding {
	t.Helper()
	e, err := text.BERT().Encode(caption)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func positive(t testing.TB, p text.Prompt) [][]int {
	t.Helper()
	owned, err := encode(t, p.Text).Positive(p.Spans())
	if err != nil {
		t.Fatal(err)
	}
	return owned
}

// checkPlaces checks what holds for any text: every token but the first and the
// last covers something of the text, code points and bytes mean the same places,
// and the places never fall.
func checkPlaces(t testing.TB, caption string, e text.Encoding) {
	t.Helper()
	last := len(e.Tokens) - 1
	if last < 1 || e.Tokens[0] != (text.Token{ID: 101, Text: "[CLS]"}) || e.Tokens[last] != (text.Token{ID: 102, Text: "[SEP]"}) {
		t.Fatalf("%q: tokens %v do not begin with [CLS] and end with [SEP]", caption, e.Tokens)
	}
	var starts []int
	for at := range caption {
		starts = append(starts, at)
	}
	starts = append(starts, len(caption))
	begin, end := 0, 0
	for i, token := range e.Tokens[1:last] {
		if token.Begin < begin || token.End < end || token.End <= token.Begin || token.End >= len(starts) {
			t.Fatalf("%q: token %d %v comes after [%d, %d), of %d characters", caption, i+1, token, begin, end, len(starts)-1)
		}
		begin, end = token.Begin, token.End
		if token.ByteBegin != starts[begin] || token.ByteEnd != starts[end] {
			t.Fatalf("%q: token %d %v, bytes want [%d, %d)", caption, i+1, token, starts[begin], starts[end])
		}
		if word, ok := text.BERT().Token(token.ID); !ok || word != token.Text {
			t.Fatalf("%q: token %d %v is %q in the vocabulary", caption, i+1, token, word)
		}
	}
}
