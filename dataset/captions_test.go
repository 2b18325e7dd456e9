package dataset_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/text"
)

// TestCaptioner makes captions of each kind: whatever their order, each class stands where the spans say.
func TestCaptioner(t *testing.T) {
	names := []string{"cat", "hot_dog", "traffic light"}
	shown := dataset.Picture{Objects: []dataset.Object{{Label: 2}, {Label: 2}}}
	prompted := dataset.Captions{Affixes: []text.Affix{{Name: "cat", Suffix: " that sleeps"}, {Prefix: "a ", Name: "hot dog"}, {Name: "traffic light"}}}
	some := dataset.Picture{Objects: shown.Objects, Asked: []int{2, 3}}
	for name, tc := range map[string]struct {
		picture dataset.Picture
		options dataset.Captions
		text    string // "" for any
		fewer   bool
	}{
		"all":                {shown, dataset.Captions{}, "cat. hot dog. traffic light", false},
		"prompts":            {shown, prompted, "cat that sleeps. a hot dog. traffic light", false},
		"shuffle":            {shown, dataset.Captions{Shuffle: true}, "", false},
		"drawn":              {shown, dataset.Captions{Negatives: 1}, "", true},
		"asked":              {some, dataset.Captions{}, "", true},
		"asked and shuffled": {some, dataset.Captions{Shuffle: true}, "", true},
		"asked and drawn":    {some, dataset.Captions{Negatives: 9}, "", true},
		"asked with prompts": {some, prompted, "cat that sleeps. a hot dog. traffic light", false},
	} {
		c, err := dataset.NewCaptioner(names, tc.options, text.BERT())
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		dice := rand.New(rand.NewPCG(1, 2))
		for range 50 {
			got, err := c.Caption(tc.picture, dice)
			if err != nil {
				t.Fatal(err)
			}
			seen[got.Text] = true
			if _, there := got.Spans[2]; !there || tc.text != "" && got.Text != tc.text || tc.fewer == (len(got.Spans) > 2) {
				t.Fatalf("%s: %q with spans of %v", name, got.Text, got.Spans)
			}
			for label, span := range got.Spans {
				if tc.fewer && tc.picture.Asked != nil && !slices.Contains(tc.picture.Asked, label) {
					t.Errorf("%s: %q names label %d, of which nothing is known", name, got.Text, label)
				}
				if want := append([]string{"background"}, "cat", "hot dog", "traffic light")[label]; label > 0 && got.Text[span.Begin:span.End] != want {
					t.Errorf("%s: label %d stands at %q of %q", name, label, got.Text[span.Begin:span.End], got.Text)
				}
			}
		}
		if one := len(seen) == 1; one != (tc.text != "") {
			t.Errorf("%s: %d different captions in 50", name, len(seen))
		}
	}
	grounded, err := dataset.NewCaptioner(nil, dataset.Captions{}, text.BERT())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := grounded.Caption(dataset.Picture{Caption: "a cat"}, nil); err != nil || got.Text != "a cat" || got.Spans != nil {
		t.Errorf("a caption of its own: %+v, %v", got, err)
	}
	for _, o := range []dataset.Captions{{Negatives: -1}, {Affixes: make([]text.Affix, 3), Shuffle: true}, {Affixes: make([]text.Affix, 3), Negatives: 1}, {Affixes: make([]text.Affix, 2)}} {
		if _, err := dataset.NewCaptioner(slices.Clone(names), o, text.BERT()); !errors.Is(err, text.ErrCaption) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
