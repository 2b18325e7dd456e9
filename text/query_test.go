package text_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/text"
)

// names makes n different names.
func names(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("thing %d", i)
	}
	return list
}

func TestQuery(t *testing.T) {
	for _, tc := range []struct {
		name     string
		query    text.Query
		captions []string
		labels   string // name at span, of all prompts
	}{
		{"classes", text.Query{Classes: []string{"person", "bow_(decorative_ribbons)", "hair_drier"}},
			[]string{"person. bow . hair drier"}, "person [0 6], bow_(decorative_ribbons) [8 12], hair_drier [14 24]"},
		{"classes of the demo", text.Query{Classes: []string{"person", "hair_drier"}, Form: text.Demo},
			[]string{"person . hair_drier . "}, "person [0 6], hair_drier [9 19]"},
		{"phrases alone", text.Query{Phrases: []string{"a_(cat)", "a dog"}}, []string{"a_(cat). a dog"}, "a_(cat) [0 7], a dog [9 14]"},
		{"grounded", text.Query{Caption: "A café, with two t-shirts", Phrases: []string{"T-shirt", "café"}, Spans: []text.Span{{Begin: 2, End: 7}}},
			[]string{"A café, with two t-shirts"}, "T-shirt [17 24], café [2 6], café, [2 7]"},
		{"overlapping", text.Query{Caption: "a red cat", Phrases: []string{"a red cat", "cat", "cat"}},
			[]string{"a red cat"}, "a red cat [0 9], cat [6 9], cat [6 9]"},
		{"noun phrases", text.Query{Caption: "Bobble heads on top of the shelf"},
			[]string{"Bobble heads on top of the shelf"}, "bobble heads [0 12], top [16 19], the shelf [23 32]"},
		{"separators as a phrase", text.Query{Caption: ". .", Phrases: []string{"."}}, []string{". ."}, ". [0 1]"},
		{"unknown tokens", text.Query{Classes: []string{"\U0001f436"}}, []string{"\U0001f436"}, "\U0001f436 [0 1]"},
		{"one silent", text.Query{Classes: []string{"", "cat"}}, []string{". cat"}, " [0 0], cat [2 5]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			prompts, err := tc.query.Prompts(text.BERT())
			if err != nil {
				t.Fatal(err)
			}
			var captions, labels []string
			for _, p := range prompts {
				captions = append(captions, p.Text)
				for _, l := range p.Labels {
					labels = append(labels, fmt.Sprintf("%s [%d %d]", l.Name, l.Span.Begin, l.Span.End))
				}
			}
			if fmt.Sprintf("%q", captions) != fmt.Sprintf("%q", tc.captions) {
				t.Errorf("captions %q, want %q", captions, tc.captions)
			}
			if got := strings.Join(labels, ", "); got != tc.labels {
				t.Errorf("labels %q, want %q", got, tc.labels)
			}
		})
	}
}

// Lists are split by number of names and by number of tokens, and no name is lost.
func TestQuerySplit(t *testing.T) {
	long := strings.TrimSpace(strings.Repeat("word ", 100))
	for _, tc := range []struct {
		name  string
		list  []string
		sizes []int
		limit int // of tokens
	}{
		{"80 names are one caption", strings.Split(strings.Repeat("cat ", 79)+"cat", " "), []int{80}, text.MaxTokens},
		{"80 longer names", names(80), []int{80}, text.MaxTokens},
		{"81 names", names(81), []int{40, 40, 1}, text.MaxTokens},
		{"LVIS", names(1203), append(repeat(40, 30), 3), text.MaxTokens},
		{"few long names", []string{long, long, long, long, long}, []int{2, 2, 1}, text.MaxTokens},
		{"a model that reads little", strings.Fields(strings.Repeat("cat ", 80)), []int{31, 31, 18}, 64},
	} {
		t.Run(tc.name, func(t *testing.T) {
			prompts, err := text.Query{Classes: tc.list}.Prompts(text.BERT().Reading(tc.limit))
			if err != nil {
				t.Fatal(err)
			}
			var sizes []int
			next := 0
			for _, p := range prompts {
				if p.First != next {
					t.Errorf("a prompt begins with name %d, want %d", p.First, next)
				}
				for i, l := range p.Labels {
					if want := tc.list[p.First+i]; l.Name != want {
						t.Errorf("label %d is %q, want %q", p.First+i+1, l.Name, want)
					}
				}
				e, err := text.BERT().Encode(p.Text)
				if err != nil || len(e.Tokens) > tc.limit {
					t.Errorf("%d tokens, %v", len(e.Tokens), err)
				}
				next += len(p.Labels)
				sizes = append(sizes, len(p.Labels))
			}
			if fmt.Sprint(sizes) != fmt.Sprint(tc.sizes) {
				t.Errorf("prompts of %v names, want %v", sizes, tc.sizes)
			}
		})
	}
}

func repeat(n, times int) []int {
	var list []int
	for range times {
		list = append(list, n)
	}
	return list
}

func TestQueryRefusals(t *testing.T) {
	sentence := strings.Repeat("a word ", 1428) // 10,000 characters
	late := text.Span{Begin: 9991, End: 9995}
	for _, tc := range []struct {
		name  string
		query text.Query
		word  string
	}{
		{"nothing", text.Query{}, "empty"},
		{"classes and caption", text.Query{Caption: "a cat", Classes: []string{"cat"}}, "exclude"},
		{"classes and phrases", text.Query{Phrases: []string{"cat"}, Classes: []string{"cat"}}, "exclude"},
		{"spans alone", text.Query{Spans: []text.Span{{Begin: 0, End: 1}}}, "caption"},
		{"separators only", text.Query{Caption: ". . ."}, "no noun phrase"},
		{"spaces only", text.Query{Caption: " \t"}, "no noun phrase"},
		{"phrase elsewhere", text.Query{Caption: "a cat", Phrases: []string{"dog"}}, `"dog" does not stand`},
		{"empty phrase", text.Query{Caption: "a cat", Phrases: []string{""}}, "neither"},
		{"span outside", text.Query{Caption: "a cat", Spans: []text.Span{{Begin: 2, End: 6}}}, "[2, 6)"},
		{"span backwards", text.Query{Caption: "a cat", Spans: []text.Span{{Begin: 3, End: 2}}}, "[3, 2)"},
		{"empty span", text.Query{Caption: "a cat", Spans: []text.Span{{Begin: 2, End: 2}}}, "empty"},
		{"caption not UTF-8", text.Query{Caption: "caf\xe9"}, "UTF-8"},
		{"caption not UTF-8, grounded", text.Query{Caption: "caf\xe9", Phrases: []string{"caf"}}, "UTF-8"},
		{"phrase not UTF-8", text.Query{Caption: "a cat", Phrases: []string{"\xff"}}, "UTF-8"},
		{"class not UTF-8", text.Query{Classes: []string{"cat", "\xff"}}, "name 1"},
		{"nothing but silent classes", text.Query{Classes: []string{"", "\u200b"}}, "no token"},
		{"a name too long", text.Query{Classes: []string{sentence}}, "shorten"},
		{"nothing that is read", text.Query{Caption: sentence, Spans: []text.Span{late}}, `"word"`},
		{"many that are not read", text.Query{Caption: sentence, Spans: []text.Span{late, late, late, late, late, late, late}}, "2 more"},
	} {
		prompts, err := tc.query.Prompts(text.BERT())
		if !errors.Is(err, text.ErrCaption) || !strings.Contains(err.Error(), tc.word) || prompts != nil {
			t.Errorf("%s: error %v, want %q in it", tc.name, err, tc.word)
		}
	}
}

// A long caption is used as far as it is read.
func TestQueryLong(t *testing.T) {
	sentence := "a cat, " + strings.Repeat("a word ", 1428)
	for _, q := range []text.Query{{Caption: sentence}, {Caption: sentence, Phrases: []string{"cat", "word"}}} {
		prompts, err := q.Prompts(text.BERT())
		if err != nil || len(prompts) != 1 || prompts[0].Text != sentence {
			t.Errorf("%d prompts, %v", len(prompts), err)
		}
	}
}

// Another vocabulary decides what has a token.
func TestQueryVocabulary(t *testing.T) {
	file, err := os.Open("testdata/tiny-vocab.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	tiny, err := text.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	prompts, err := text.Query{Classes: []string{"person", "zyx"}}.Prompts(tiny)
	if err != nil || len(prompts) != 1 {
		t.Errorf("%d prompts, %v", len(prompts), err)
	}
}
