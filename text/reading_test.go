package text_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/text"
)

// A model that reads fewer tokens has its lists split at those, and says which labels it never finds.
func TestReading(t *testing.T) {
	names := strings.Fields("dog cat pig elephant rabbit turtle fish frog whale snake apple banana")
	short := text.BERT().Reading(9)
	if short.Limit() != 9 || text.BERT().Limit() != text.MaxTokens || text.BERT().Reading(1<<20).Limit() != text.MaxTokens || text.BERT().Reading(0).Limit() != 2 {
		t.Error("other limits than those asked for")
	}
	for _, q := range []text.Query{{Classes: names}, {Caption: strings.Join(names, ". ")}, {Caption: strings.Join(names, "|")}} {
		prompts, err := q.Prompts(short)
		if err != nil {
			t.Fatal(err)
		}
		var heard []string
		for _, p := range prompts {
			h, err := short.Hear(p, 9)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range h.Labels {
				heard = append(heard, p.Labels[i].Name)
			}
		}
		if len(prompts) != 3 || !slices.Equal(heard, names) {
			t.Errorf("%+v: %d captions, of which are read %q", q, len(prompts), heard)
		}
		if whole, err := q.Prompts(text.BERT()); err != nil || len(whole) != 1 {
			t.Errorf("%+v: %d captions for a model that reads 256 tokens, %v", q, len(whole), err)
		}
	}
	q := text.Query{Caption: "a dog and a cat and a pig and an elephant", Phrases: []string{"dog", "elephant"}}
	prompts, err := q.Prompts(short)
	if err != nil {
		t.Fatal(err)
	}
	if never, err := short.Silent(prompts[0]); err != nil || len(never) != 1 || never[0].Name != "elephant" {
		t.Errorf("never found: %v, %v", never, err)
	}
}
