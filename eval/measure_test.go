package eval_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/eval"
)

// scene is two pictures, a cat (1) and a dog (2) in the first, a cat in the second.
func scene() *eval.Truths {
	return &eval.Truths{
		Pictures:   []int64{1, 2},
		Categories: []eval.Category{{ID: 1, Name: "cat", Frequency: "r"}, {ID: 2, Name: "dog", Frequency: "f"}},
		List: []eval.Truth{
			{ID: 1, Picture: 1, Category: 1, Box: eval.Box{0, 0, 10, 10}, Area: 100},
			{ID: 2, Picture: 1, Category: 2, Box: eval.Box{50, 0, 10, 10}, Area: 100},
			{ID: 3, Picture: 2, Category: 1, Box: eval.Box{0, 0, 10, 10}, Area: 100},
			{ID: 4, Picture: 2, Category: 1, Box: eval.Box{50, 50, 40, 40}, Area: 1600, Crowd: true},
		},
	}
}

// TestConfuse counts what things were taken for.
func TestConfuse(t *testing.T) {
	found := []eval.Found{
		{Picture: 1, Category: 1, Box: eval.Box{0, 0, 10, 10}, Score: 0.9},
		{Picture: 1, Category: 1, Box: eval.Box{50, 0, 10, 9}, Score: 0.8},   // the dog
		{Picture: 1, Category: 2, Box: eval.Box{90, 90, 5, 5}, Score: 0.7},   // nothing
		{Picture: 2, Category: 1, Box: eval.Box{0, 0, 10, 10}, Score: 0.1},   // below the score
		{Picture: 2, Category: 1, Box: eval.Box{60, 60, 5, 5}, Score: 0.9},   // of the crowd
		{Picture: 2, Category: 7, Box: eval.Box{60, 60, 5, 5}, Score: 0.9},   // of an unknown category
		{Picture: 2, Category: 2, Box: eval.Box{200, 60, 5, 5}, Score: 0.95}, // not asked for
	}
	c, err := eval.Confuse(t.Context(), scene(), found, eval.ConfusionParams{Score: 0.5, Ask: func(p, k int64) bool { return p != 2 || k != 2 }})
	if err != nil {
		t.Fatal(err)
	}
	want := &eval.Confusion{
		Categories: []int64{1, 2},
		Counts:     [][]int{{1, 0, 1}, {1, 0, 0}, {0, 1, 0}},
		Pictures:   []eval.Mistakes{{Picture: 1, Right: 1, Confused: 1, Wrong: 1}, {Picture: 2, Missed: 1}},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got\n%+v, want\n%+v", c, want)
	}
	if worst := c.Worst(1); len(worst) != 1 || worst[0].Picture != 1 {
		t.Errorf("the worst are %+v", worst)
	}
	if _, err := eval.Confuse(t.Context(), scene(), found, eval.ConfusionParams{Overlap: -1}); !errors.Is(err, eval.ErrInput) {
		t.Errorf("a negative overlap: %v", err)
	}
}

// TestBestScore finds the score of the highest F1: with the cat of score 0.9 and the miss of 0.8, taking both cats (2 of 3 truths, 1 wrong) is best.
func TestBestScore(t *testing.T) {
	found := []eval.Found{
		{Picture: 1, Category: 1, Box: eval.Box{0, 0, 10, 10}, Score: 0.9},
		{Picture: 1, Category: 1, Box: eval.Box{90, 0, 10, 10}, Score: 0.8},
		{Picture: 2, Category: 1, Box: eval.Box{0, 0, 10, 10}, Score: 0.7},
		{Picture: 2, Category: 2, Box: eval.Box{0, 0, 10, 10}, Score: 0.6},
	}
	e, err := eval.COCO(t.Context(), scene(), found, eval.Params{})
	if err != nil {
		t.Fatal(err)
	}
	if score, f1 := e.BestScore(); score != 0.7 || !near(f1, 2.0*2/(3+3)) {
		t.Errorf("score %v with F1 %v, want 0.7 with %v", score, f1, 2.0*2/(3+3))
	}
}

// made is a set by chance: few pictures, three categories, many equal scores.
func made(seed uint64) (*eval.Truths, []eval.Found) {
	r := rand.New(rand.NewPCG(seed, 0))
	t := &eval.Truths{Categories: []eval.Category{{ID: 1}, {ID: 2}, {ID: 3}}}
	var found []eval.Found
	box := func() eval.Box {
		return eval.Box{float64(r.IntN(3)) * 20, float64(r.IntN(3)) * 20, 15 + 10*r.Float64(), 15 + 10*r.Float64()}
	}
	for p := range int64(12) {
		t.Pictures = append(t.Pictures, p+1)
		for range r.IntN(4) {
			b := box()
			t.List = append(t.List, eval.Truth{ID: int64(len(t.List) + 1), Picture: p + 1, Category: int64(r.IntN(3) + 1), Box: b, Area: b[2] * b[3]})
		}
		for range r.IntN(6) {
			found = append(found, eval.Found{Picture: p + 1, Category: int64(r.IntN(3) + 1), Box: box(), Score: float64(r.IntN(5)) / 5})
		}
	}
	return t, found
}

// copied is a set in which each picture comes as often as weights say, copies one behind the other.
func copied(t *eval.Truths, found []eval.Found, weights []int32) (*eval.Truths, []eval.Found) {
	out := &eval.Truths{Categories: t.Categories}
	var list []eval.Found
	for k, picture := range t.Pictures {
		for range weights[k] {
			id := int64(len(out.Pictures) + 1)
			out.Pictures = append(out.Pictures, id)
			for _, x := range t.List {
				if x.Picture == picture {
					x.Picture, x.ID = id, int64(len(out.List)+1)
					out.List = append(out.List, x)
				}
			}
			for _, f := range found {
				if f.Picture == picture {
					f.Picture = id
					list = append(list, f)
				}
			}
		}
	}
	return out, list
}

// TestResample draws once: both ends of the interval are then the AP of the set that has each picture as often as it was drawn. Copies of a
// result stand together there where in the resampling all equal scores of a picture do, so scores differ here.
func TestResample(t *testing.T) {
	for seed := range uint64(20) {
		truths, found := made(seed)
		for i := range found {
			found[i].Score += float64(i) / 1e6
		}
		e, err := eval.COCO(t.Context(), truths, found, eval.Params{})
		if err != nil {
			t.Fatal(err)
		}
		r, err := e.Resample(t.Context(), 1, seed, []int{1}, nil)
		if err != nil {
			t.Fatal(err)
		}
		weights := make([]int32, len(truths.Pictures)) // as the first resampling draws
		chance := rand.New(rand.NewPCG(seed, 0))
		for range weights {
			weights[chance.IntN(len(weights))]++
		}
		want, err := eval.COCO(t.Context(), first(copied(truths, found, weights)), second(copied(truths, found, weights)), eval.Params{})
		if err != nil {
			t.Fatal(err)
		}
		s := want.Stats()
		second, _ := want.CategoryAP(1)
		for name, v := range map[string]struct {
			got  eval.Interval
			want float64
		}{"AP": {r.AP, s.AP}, "AP50": {r.AP50, s.AP50}, "AP75": {r.AP75, s.AP75}, "a category": {r.Categories[1], second}, "a group": {r.Group[0], second}, "no group": {r.Group[1], -1}} {
			if !near(v.got.Low, v.want) || !near(v.got.High, v.want) {
				t.Errorf("seed %d, %s: %v, want %v", seed, name, v.got, v.want)
			}
		}
	}
}

func first(t *eval.Truths, _ []eval.Found) *eval.Truths      { return t }
func second(_ *eval.Truths, found []eval.Found) []eval.Found { return found }

// TestResampleSeeded gives the same for the same seed, another for another, and what lies around the number.
func TestResampleSeeded(t *testing.T) {
	truths, found := made(1)
	e, err := eval.COCO(t.Context(), truths, found, eval.Params{})
	if err != nil {
		t.Fatal(err)
	}
	resample := func(n int, seed uint64) *eval.Resampled {
		r, err := e.Resample(t.Context(), n, seed)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	a, b, c := resample(200, 1), resample(200, 1), resample(200, 2)
	if !reflect.DeepEqual(a, b) || reflect.DeepEqual(a, c) {
		t.Errorf("seeds 1, 1, 2: %+v, %+v, %+v", a, b, c)
	}
	if ap := e.Stats().AP; !(a.AP.Low < ap && ap < a.AP.High) {
		t.Errorf("AP %v is not in %v", ap, a.AP)
	}
	if _, err := e.Resample(t.Context(), 0, 1); !errors.Is(err, eval.ErrInput) {
		t.Errorf("no resamplings: %v", err)
	}
}

// TestODinW is the mean of data sets, and refuses one without a truth.
func TestODinW(t *testing.T) {
	truths, found := made(1)
	a, err := eval.COCO(t.Context(), truths, found, eval.Params{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := eval.COCO(t.Context(), truths, nil, eval.Params{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := eval.ODinW(map[string]*eval.Evaluation{"a": a, "b": b})
	if err != nil || !near(got, a.Stats().AP/2) {
		t.Errorf("%v, %v, want %v", got, err, a.Stats().AP/2)
	}
	truths.List = nil
	none, err := eval.COCO(t.Context(), truths, found, eval.Params{})
	if err != nil {
		t.Fatal(err)
	}
	for _, sets := range []map[string]*eval.Evaluation{{"a": a, "none": none}, nil} {
		if _, err := eval.ODinW(sets); !errors.Is(err, eval.ErrInput) {
			t.Errorf("%d sets: %v", len(sets), err)
		}
	}
}

// TestCSV is GLIP's table: without truths of a size a row breaks off, and a category without truths counts as -1.
func TestCSV(t *testing.T) {
	truths := scene()
	truths.List = truths.List[:1]
	e, err := eval.COCO(t.Context(), truths, []eval.Found{{Picture: 1, Category: 1, Box: eval.Box{0, 0, 10, 10}, Score: 1}}, eval.Params{})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := e.WriteCSV(&b, map[int64]string{1: "cat", 2: "dog"}); err != nil {
		t.Fatal(err)
	}
	row := func(overlap, area string) string {
		return fmt.Sprintf(" Average Precision  (AP) @[ IoU=%-9s | area=%6s | maxDets=100 ], ", overlap, area)
	}
	const values, half = "0.9999999999999998, -1.0, -1.1102230246251565e-16 \n", "0.9999999999999999, -1.0, -5.551115123125783e-17 \n"
	want := "metric, cat, dog, avg \n" + row("0.50:0.95", "all") + values + row("0.50", "all") + half + row("0.50:0.95", "small") + values +
		row("0.50:0.95", "medium") + row("0.50:0.95", "large")
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// TestCurve is precision at each recall: of one category, and of all that have truths.
func TestCurve(t *testing.T) {
	e, err := eval.COCO(t.Context(), scene(), []eval.Found{{Picture: 1, Category: 1, Box: eval.Box{0, 0, 10, 10}, Score: 1}}, eval.Params{})
	if err != nil {
		t.Fatal(err)
	}
	cat, all, dog := e.Curve(0, 0), e.Curve(-1), e.Curve(0, 1)
	if !near(cat[50], 1) || cat[51] != 0 || !near(all[50], 0.5) || dog[0] != 0 {
		t.Errorf("at 0.5 %v, then %v; of all %v; of dogs %v", cat[50], cat[51], all[50], dog[0])
	}
	if truths, results := e.CategoryCount(0); truths != 2 || results != 1 {
		t.Errorf("%d truths and %d results, want 2 and 1", truths, results)
	}
}

// TestParams refuses what cannot be evaluated.
func TestParams(t *testing.T) {
	for name, p := range map[string]eval.Params{
		"two caps": {Caps: []int{1, 10}}, "a cap of 0": {Caps: []int{0, 1, 10}}, "no thresholds": {Thresholds: []float64{}}, "many thresholds": {Thresholds: make([]float64, 65)},
	} {
		if _, err := eval.COCO(t.Context(), scene(), nil, p); !errors.Is(err, eval.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := eval.LVIS(t.Context(), scene(), nil, eval.LVISParams{}); !errors.Is(err, eval.ErrInput) || !strings.Contains(err.Error(), "neg_category_ids") {
		t.Errorf("LVIS without neg_category_ids: %v", err)
	}
}

// TestFlickrPrinted is the table that prettytable draws.
func TestFlickrPrinted(t *testing.T) {
	f := &eval.Flickr{Sentences: []eval.Sentence{{Picture: "1", Phrases: []eval.Phrase{
		{Types: []string{"people"}, Boxes: [][4]float64{{0, 0, 10, 10}}}, {Types: []string{"other"}, Boxes: [][4]float64{{0, 0, 10, 10}}}, {Boxes: [][4]float64{{0, 0, 10, 10}}},
	}}}}
	r, err := f.Recall(t.Context(), []eval.Grounding{{Picture: "1", Boxes: [][][4]float64{{{0, 0, 10, 10}}, {}, {{20, 20, 30, 30}, {0, 0, 10, 10}}}}, {Picture: "2"}, {Picture: "1"}}, eval.FlickrParams{})
	if err != nil {
		t.Fatal(err)
	}
	want := `+-------------+--------------------+-------+--------+
|   Recall@k  |        all         | other | people |
+-------------+--------------------+-------+--------+
|   Recall@1  | 0.3333333333333333 |  0.0  |  1.0   |
|   Recall@5  | 0.6666666666666666 |  0.0  |  1.0   |
|  Recall@10  | 0.6666666666666666 |  0.0  |  1.0   |
| Upper_bound | 0.6666666666666666 |  0.0  |  1.0   |
+-------------+--------------------+-------+--------+
`
	if r.String() != want {
		t.Errorf("got\n%s\nwant\n%s", r, want)
	}
	if r.Unexpected != 1 || r.Duplicate != 1 {
		t.Errorf("%d unexpected and %d second groundings, want 1 and 1", r.Unexpected, r.Duplicate)
	}
	if intervals, err := r.Resample(t.Context(), 5, 1); err != nil || !near(intervals[1].Low, 1.0/3) || !near(intervals[1].High, 1.0/3) {
		t.Errorf("of one picture: %v, %v", intervals, err)
	}
}

// flickrFolder writes a layout with one picture.
func flickrFolder(t *testing.T, xml, sentences, list string) string {
	root := t.TempDir()
	for name, text := range map[string]string{"Annotations/7.xml": xml, "Sentences/7.txt": sentences, "test.txt": list} {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

const goodXML = `<annotation><object><name>11</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox></object></annotation>`

// TestReadFlickr reads a layout: spans count code points of the sentence without its marks.
func TestReadFlickr(t *testing.T) {
	root := flickrFolder(t, goodXML, "[/EN#12/other A tree]\r\n\nÉté : [/EN#11/people/other two men] sit .\n", "7\n")
	f, err := eval.ReadFlickr(t.Context(), root, "test")
	if err != nil {
		t.Fatal(err)
	}
	want := &eval.Flickr{Others: 1, Sentences: []eval.Sentence{{
		Picture: "7", Index: 1, File: "7.jpg", Caption: "Été : two men sit .",
		Phrases: []eval.Phrase{{Spans: [][2]int{{6, 13}}, Types: []string{"people", "other"}, Boxes: [][4]float64{{1, 2, 3, 4}}}},
	}}}
	if !reflect.DeepEqual(f, want) {
		t.Errorf("got\n%+v, want\n%+v", f, want)
	}
	for name, c := range map[string]struct{ xml, sentences, list, want string }{
		"no XML":      {"<a>", "a", "7", "Annotations"},
		"no name":     {strings.Replace(goodXML, "<name>11</name>", "", 1), "a", "7", "object 1"},
		"no corner":   {strings.Replace(goodXML, "<xmin>1</xmin>", "", 1), "a", "7", "object 1"},
		"no number":   {strings.Replace(goodXML, "<xmin>1</xmin>", "<xmin>x</xmin>", 1), "a", "7", "Annotations"},
		"no id":       {goodXML, "[people A man]", "7", "sentence 0"},
		"nothing":     {goodXML, "a man", "7", "no picture of it"},
		"outside":     {goodXML, "a man", "../7", "not the id"},
		"twice":       {goodXML, "[/EN#11/people A man]", "7 7", "comes twice"},
		"not a point": {goodXML, "a man", "..", "not the id"},
	} {
		_, err := eval.ReadFlickr(t.Context(), flickrFolder(t, c.xml, c.sentences, c.list), "test")
		if !errors.Is(err, eval.ErrInput) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, c.want)
		}
	}
}

const goodMDETR = `{"images": [{"id": 5, "caption": "two men sit", "file_name": "7.jpg", "original_img_id": 7, "sentence_id": 1, "tokens_positive_eval": [[[0, 7]]]},
	{"id": 6, "caption": "it rains", "file_name": "7.jpg", "original_img_id": 7, "sentence_id": 2, "tokens_positive_eval": []}],
	"annotations": [{"id": 1, "image_id": 5, "bbox": [1, 2, 3, 4], "tokens_positive": [[0, 7], [8, 11]]}], "categories": []}`

// TestReadMDETR reads MDETR's file.
func TestReadMDETR(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.json")
	read := func(text string) (*eval.Flickr, error) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return eval.ReadMDETR(t.Context(), path)
	}
	f, err := read(goodMDETR)
	if err != nil {
		t.Fatal(err)
	}
	want := &eval.Flickr{Others: 1, Sentences: []eval.Sentence{{
		Picture: "7", Index: 1, File: "7.jpg", Caption: "two men sit", Phrases: []eval.Phrase{{Spans: [][2]int{{0, 7}}, Boxes: [][4]float64{{1, 2, 4, 6}}}},
	}}}
	if !reflect.DeepEqual(f, want) {
		t.Errorf("got\n%+v, want\n%+v", f, want)
	}
	for old, c := range map[string][2]string{
		`[[0, 7], [8, 11]]`:          {`[[8, 11]]`, "/images/0: no annotation"},
		`[[[0, 7]]]`:                 {`[[[7, 0]]]`, "is no span"},
		`"caption": "two men sit", `: {``, "/images/0: id, caption"},
		`"bbox": [1, 2, 3, 4], `:     {``, "/annotations/0: image_id"},
	} {
		if _, err := read(strings.Replace(goodMDETR, old, c[0], 1)); !errors.Is(err, eval.ErrInput) || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%s: %v, want an error with %q", old, err, c[1])
		}
	}
}

// FuzzFlickr reads any layout and any file of MDETR's: an error or sentences with boxes, never a panic.
func FuzzFlickr(f *testing.F) {
	f.Add([]byte(goodXML), []byte("[/EN#11/people A man] and [/EN#12/other/scene two dogs] ."), []byte(goodMDETR))
	f.Add([]byte("<annotation><object><name>1</name></object></annotation>"), []byte("[/EN#1 [x ]"), []byte(`{"images": [], "annotations": []}`))
	f.Fuzz(func(t *testing.T, xml, sentences, mdetr []byte) {
		root := flickrFolder(t, string(xml), string(sentences), "7")
		layout, err := eval.ReadFlickr(t.Context(), root, "test")
		checkFlickr(t, layout, err)
		path := filepath.Join(root, "x.json")
		if err := os.WriteFile(path, mdetr, 0o644); err != nil {
			t.Fatal(err)
		}
		layout, err = eval.ReadMDETR(t.Context(), path)
		checkFlickr(t, layout, err)
	})
}

func checkFlickr(t *testing.T, f *eval.Flickr, err error) {
	if err != nil {
		if !errors.Is(err, eval.ErrInput) {
			t.Error(err)
		}
		return
	}
	for _, s := range f.Sentences {
		for _, p := range s.Phrases {
			if len(p.Boxes) == 0 || len(p.Spans) == 0 {
				t.Errorf("sentence %d has a phrase without boxes or spans: %+v", s.Index, p)
			}
		}
	}
}
