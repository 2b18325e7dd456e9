package text_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/glipvk/glipvk/text"
)

func TestCleanName(t *testing.T) {
	for name, want := range map[string]string{
		"":                             "",
		"bow_(decorative_ribbons)":     "bow ",
		"mouse (computer equipment)":   "mouse ",
		"wine__glass":                  "wine glass",
		"a    b":                       "a  b",
		"a (b) c (d) e":                "a e", // all between goes too
		"a ) b ( c":                    "a ) b ( c",
		"a ( b":                        "a ( b",
		"hair_drier":                   "hair drier",
		"()":                           "",
		"flip-flop_(sandal)_(or_shoe)": "flip-flop ",
	} {
		if got := text.CleanName(name); got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
}

func TestList(t *testing.T) {
	for _, tc := range []struct {
		name   string
		list   text.List
		want   string
		labels []string // what the spans cover
	}{
		{"evaluation", text.List{Names: []string{"cat", "hot_dog (food)"}}, "cat. hot dog ", []string{"cat", "hot dog "}},
		{"demo", text.List{Names: []string{"cat", "hot_dog"}, Form: text.Demo}, "cat . hot_dog . ", []string{"cat", "hot_dog"}},
		{"extra in the demo", text.List{Names: []string{"a"}, Form: text.Demo, Extra: []string{"b"}}, "a . b . ", []string{"a"}},
		{"code points", text.List{Names: []string{"犬é", "ü"}}, "犬é. ü", []string{"犬é", "ü"}},
		{"empty names", text.List{Names: []string{"", ""}}, ". ", []string{"", ""}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := tc.list.Prompt()
			if err != nil {
				t.Fatal(err)
			}
			if p.Text != tc.want {
				t.Errorf("caption %q, want %q", p.Text, tc.want)
			}
			var covered, names []string
			for _, label := range p.Labels {
				covered = append(covered, string([]rune(p.Text)[label.Span.Begin:label.Span.End]))
				names = append(names, label.Name)
			}
			if diff := cmp.Diff(tc.labels, covered); diff != "" {
				t.Errorf("spans (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.list.Names, names); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
		})
	}
}

func TestListRefuses(t *testing.T) {
	bert := text.BERT()
	for _, tc := range []struct {
		list  text.List
		words string
	}{
		{text.List{}, "no names"},
		{text.List{Names: []string{"a", "b\xff"}}, "name 1"},
		{text.List{Names: []string{"a", "b"}, Affixes: []text.Affix{{Name: "a"}}}, "1 affixes for 2 names"},
		{text.List{Names: []string{"a"}, Affixes: []text.Affix{{Suffix: "\xff"}}}, "affix 0"},
		{text.List{Names: []string{"a"}, Form: text.Form{Separator: "\xff"}}, "separator"},
		{text.List{Names: []string{"a"}, Extra: []string{"\xff"}}, "element 1"},
	} {
		_, err := tc.list.Prompt()
		refused(t, err, text.ErrCaption, tc.words)
		_, err = tc.list.Chunks(1)
		refused(t, err, text.ErrCaption, tc.words)
		_, err = bert.Split(tc.list, text.MaxTokens, 0)
		refused(t, err, text.ErrCaption, tc.words)
	}
	_, err := text.List{Names: []string{"a"}}.Chunks(0)
	refused(t, err, text.ErrCaption, "at least 1")
	_, err = bert.Split(text.List{Names: []string{"cat", strings.Repeat("dog ", 4000)}}, text.MaxTokens, 0)
	refused(t, err, text.ErrCaption, "name 1", "4002 tokens", "256 fit", "shorten")
}

func TestSplit(t *testing.T) {
	many := make([]string, 1203) // as many as LVIS has
	for i := range many {
		many[i] = fmt.Sprintf("thing_number_%d", i)
	}
	for _, tc := range []struct {
		name    string
		list    text.List
		limit   int
		size    int
		prompts int // 0: not checked
	}{
		{"COCO fits one", text.List{Names: coco}, text.MaxTokens, 0, 1},
		{"chunks of 40, and shorter where tokens run out", text.List{Names: many}, text.MaxTokens, 40, 0},
		{"few tokens", text.List{Names: coco}, 8, 0, 0},
		{"extra names count", text.List{Names: coco, Extra: []string{"wolf", "lion cub"}}, 20, 0, 0},
		{"demo", text.List{Names: many, Form: text.Demo}, text.MaxTokens, 0, 0},
		{"one by one", text.List{Names: coco}, text.MaxTokens, 1, 80},
		{"empty names", text.List{Names: make([]string, 300)}, 100, 0, 4},
	} {
		t.Run(tc.name, func(t *testing.T) {
			prompts, err := text.BERT().Split(tc.list, tc.limit, tc.size)
			if err != nil {
				t.Fatal(err)
			}
			if tc.prompts != 0 && len(prompts) != tc.prompts {
				t.Errorf("%d prompts, want %d", len(prompts), tc.prompts)
			}
			var names []string
			for i, p := range prompts {
				if p.First != len(names) {
					t.Errorf("prompt %d begins with name %d, want %d", i, p.First, len(names))
				}
				for _, label := range p.Labels {
					names = append(names, label.Name)
				}
				if tc.size > 0 && len(p.Labels) > tc.size {
					t.Errorf("prompt %d has %d names, more than %d", i, len(p.Labels), tc.size)
				}
				if tokens := len(encode(t, p.Text).Tokens); tokens > tc.limit {
					t.Errorf("prompt %d has %d tokens, more than %d", i, tokens, tc.limit)
				}
				if i+1 < len(prompts) && (tc.size == 0 || len(p.Labels) < tc.size) {
					more := tc.list
					more.Names = tc.list.Names[p.First : p.First+len(p.Labels)+1]
					next, err := more.Prompt()
					if err != nil {
						t.Fatal(err)
					}
					if tokens := len(encode(t, next.Text).Tokens); tokens <= tc.limit {
						t.Errorf("prompt %d could hold one name more: %d tokens", i, tokens)
					}
				}
			}
			if diff := cmp.Diff(tc.list.Names, names); diff != "" {
				t.Errorf("names of all prompts (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGround(t *testing.T) {
	span := func(begin, end int) *text.Span { return &text.Span{Begin: begin, End: end} }
	const sentence = "Ein Café, the cat and the CAT; straße"
	p, err := text.Ground(sentence,
		text.Entity{Phrase: "Cat"},
		text.Entity{Phrase: "CAFÉ"},
		text.Entity{Phrase: "tra"},
		text.Entity{Span: span(26, 29)},
		text.Entity{Phrase: "the second", Span: span(22, 29)},
	)
	if err != nil {
		t.Fatal(err)
	}
	want := text.Prompt{Text: sentence, Labels: []text.Label{
		{"Cat", text.Span{14, 17}},
		{"CAFÉ", text.Span{4, 8}},
		{"tra", text.Span{32, 35}},
		{"CAT", text.Span{26, 29}},
		{"the second", text.Span{22, 29}},
	}}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("prompt (-want +got):\n%s", diff)
	}

	for _, tc := range []struct {
		sentence string
		entities []text.Entity
		words    []string
	}{
		{"a cat", nil, []string{"no phrase"}},
		{"", nil, []string{"no phrase"}},
		{"", []text.Entity{{Phrase: "cat"}}, []string{"entity 0", `"cat"`, "does not stand"}},
		{"a cat", []text.Entity{{Phrase: "cat"}, {Phrase: "d.g"}}, []string{"entity 1", `"d.g"`}},
		{"a dog", []text.Entity{{Phrase: "d.g"}}, []string{`"d.g"`}}, // no regular expression
		{"a cat", []text.Entity{{}}, []string{"neither"}},
		{"a cat", []text.Entity{{Span: span(2, 2)}}, []string{"empty"}},
		{"a cat", []text.Entity{{Span: span(2, 6)}}, []string{"[2, 6)", "5 characters"}},
		{"a cat", []text.Entity{{Span: span(-1, 2)}}, []string{"[-1, 2)"}},
		{"a c\xff", []text.Entity{{Phrase: "a"}}, []string{"sentence", "byte 3"}},
		{"a cat", []text.Entity{{Phrase: "\xff"}}, []string{"entity 0", "byte 0"}},
		{strings.Repeat("dog ", 2500), []text.Entity{{Phrase: strings.Repeat("cat ", 2500)}}, []string{"..."}},
	} {
		_, err := text.Ground(tc.sentence, tc.entities...)
		refused(t, err, text.ErrCaption, tc.words...)
		if err != nil && len(err.Error()) > 500 {
			t.Errorf("an error of %d bytes", len(err.Error()))
		}
	}
}
