package train_test

import (
	"math"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/train"
)

// TestEvaluateAsked measures pictures that are asked for some categories only: what is found counts for these, and nothing for others.
func TestEvaluateAsked(t *testing.T) {
	ctx := t.Context()
	set, err := dataset.Open(ctx, toy(t, t.TempDir(), 2), dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	set.Categories = append(set.Categories, dataset.Category{ID: 7, Name: "red square"})
	d, err := loaded(t, "cpu").Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}()
	p := &set.Pictures[0]
	decoded, err := picture.Open(ctx, p.Path, picture.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	found, err := d.Detect(ctx, glipvk.Query{Classes: []string{"dog", "red square"}}, decoded)
	if err != nil || len(found[0]) == 0 {
		t.Fatal(found, err)
	}
	label := 1 + found[0][0].Label // the best of what is found is the truth
	p.Objects, p.Asked = []dataset.Object{{Box: found[0][0].Box.Clip(p.Height, p.Width), Label: label}}, []int{2, 3}
	set.Pictures[1].Objects, set.Pictures[1].Asked = nil, []int{}
	set.Pictures = set.Pictures[:2]
	e, passed, err := train.Evaluate(ctx, d, set, picture.Limits{})
	if err != nil || len(passed) > 0 {
		t.Fatal(passed, err)
	}
	for k := range set.Categories {
		want := -1.0
		if k+1 == label {
			want = 1
		}
		if _, ap50 := e.CategoryAP(k); !(math.Abs(ap50-want) < 1e-9) {
			t.Errorf("category %d: AP50 %g, want %g", k+1, ap50, want)
		}
	}
}
