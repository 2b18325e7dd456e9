package dataset_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/internal/goldtrain"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/synthetic"
	"github.com/glipvk/glipvk/text"
)

// positives are rows of a positive map.
type positives struct{ Rows [][]int }

// compare encodes a caption as training does and compares the tokens of spans.
func compare(t *testing.T, what, caption string, spans [][]text.Span, want positives) {
	t.Helper()
	e, err := text.BERT().Encode(caption)
	if err != nil {
		t.Fatal(err)
	}
	for i, list := range spans {
		got := dataset.Tokens(e.Truncated(text.MaxTokens), list)
		slices.Sort(got)
		if !slices.Equal(got, want.Rows[i]) {
			t.Errorf("%s: box %d has the tokens %v, want %v", what, i, got, want.Rows[i])
		}
	}
}

func spansOf(lists [][][2]int) (spans [][]text.Span) {
	for _, list := range lists {
		var one []text.Span
		for _, s := range list {
			one = append(one, text.Span{Begin: s[0], End: s[1]})
		}
		spans = append(spans, one)
	}
	return spans
}

// TestGroundingMapsGolden compares the tokens of spans in captions, also in ones that are cut.
func TestGroundingMapsGolden(t *testing.T) {
	var cases []struct {
		Caption  string
		Positive [][][2]int `json:"tokens_positive"`
		Map      positives  `json:"positive_map"`
	}
	goldtrain.JSON(t, "sample/grounding_maps.json", &cases)
	for i, c := range cases {
		compare(t, fmt.Sprint("caption ", i), c.Caption, spansOf(c.Positive), c.Map)
	}
}

// TestFixedCaptionsGolden compares captions of all classes and the spans of boxes' classes.
func TestFixedCaptionsGolden(t *testing.T) {
	var cases []struct {
		Categories map[string]string
		Separation string
		Order      string
		Prompt     []struct{ Prefix, Name, Suffix string }
		Labels     []int
		Caption    string
		Positive   [][][2]int `json:"tokens_positive"`
		Map        positives  `json:"positive_map"`
	}
	goldtrain.JSON(t, "sample/fixed_captions.json", &cases)
	compared := 0
	for i, c := range cases {
		if c.Separation != text.Separator || c.Order != "sorted" {
			continue // no recipe has them
		}
		names := make([]string, len(c.Categories))
		for label, name := range c.Categories {
			n, _ := strconv.Atoi(label)
			names[n-1] = name
		}
		var affixes []text.Affix
		for _, p := range c.Prompt {
			affixes = append(affixes, text.Affix(p))
		}
		got, err := dataset.Fixed(names, affixes)
		if err != nil {
			t.Fatal(err)
		}
		if got.Text != c.Caption {
			t.Errorf("caption %d is %q, want %q", i, got.Text, c.Caption)
			continue
		}
		var spans [][]text.Span
		for _, label := range c.Labels {
			spans = append(spans, []text.Span{got.Spans[label]})
		}
		compare(t, c.Caption, c.Caption, spans, c.Map)
		compared++
	}
	if compared == 0 {
		t.Error("nothing was compared")
	}
}

// dice gives the numbers that a golden case drew, and shuffles nothing.
type dice struct {
	uniform  []float64
	integers []int
}

func (d *dice) Float64() float64 {
	v := d.uniform[0]
	d.uniform = d.uniform[1:]
	return v
}

func (d *dice) IntN(int) int {
	v := d.integers[0]
	d.integers = d.integers[1:]
	return v
}

func (d *dice) Shuffle(int, func(i, j int)) {}

// TestSampledCaptionsGolden compares captions with classes that the picture does not show.
func TestSampledCaptionsGolden(t *testing.T) {
	var cases []struct {
		Case      string
		Labels    []int
		Negatives int `json:"random_sample_negative"`
		Uniform   []float64
		Integers  []int
		Classes   int
		Caption   string
		Positive  [][][2]int `json:"tokens_positive"`
	}
	goldtrain.JSON(t, "sample/sampled_captions.json", &cases)
	for _, c := range cases {
		if c.Case == "positive overflow" {
			continue // the case states lengths and no caption
		}
		names := []string{"__background__", "cat", "dog", "bird"}
		if c.Classes > len(names) {
			names = names[:1]
			for i := 1; i < c.Classes; i++ {
				names = append(names, fmt.Sprintf("class number %d of many", i))
			}
		}
		s := dataset.Sampling{Names: names, Negatives: c.Negatives, Full: 0.5, Tokenizer: text.BERT(), Chance: &dice{c.Uniform, c.Integers}}
		got, err := s.Caption(c.Labels)
		if err != nil {
			t.Fatal(err)
		}
		if got.Text != c.Caption {
			t.Errorf("%s:\n%q, want\n%q", c.Case, got.Text, c.Caption)
		}
		for i, label := range c.Labels {
			if want := c.Positive[i][0]; got.Spans[label] != (text.Span{Begin: want[0], End: want[1]}) {
				t.Errorf("%s: label %d stands at %v, want %v", c.Case, label, got.Spans[label], want)
			}
		}
	}
}

// TestFewShotGolden compares which pictures are kept.
func TestFewShotGolden(t *testing.T) {
	var of struct {
		Pictures []struct {
			ID         int64
			Categories []int64
			Boxes      [][]float64 `json:"bboxes"`
		}
		Shots map[string][]int64
	}
	goldtrain.JSON(t, "sample/few_shot.json", &of)
	file := map[string]any{"categories": []any{}, "images": []any{}, "annotations": []any{}}
	add := func(list string, v any) { file[list] = append(file[list].([]any), v) }
	categories := map[int64]bool{}
	for _, p := range of.Pictures {
		add("images", map[string]any{"id": p.ID, "file_name": "x.png", "width": 100, "height": 100})
		for i, c := range p.Categories {
			add("annotations", map[string]any{"id": p.ID*100 + int64(i), "image_id": p.ID, "category_id": c, "bbox": p.Boxes[i], "iscrowd": 0})
			if !categories[c] {
				categories[c] = true
				add("categories", map[string]any{"id": c, "name": fmt.Sprint(c)})
			}
		}
	}
	data, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "train.json")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for k, want := range of.Shots {
		s, err := dataset.Open(t.Context(), path, dataset.Options{Unchecked: true})
		if err != nil {
			t.Fatal(err)
		}
		n, _ := strconv.Atoi(k)
		s.Shots(n)
		var got []int64
		for _, p := range s.Pictures {
			got = append(got, p.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s shots: pictures %v, want %v", k, got, want)
		}
	}
}

// TestSampleGolden compares whole samples: caption, boxes, tokens, and the picture as the model sees it.
func TestSampleGolden(t *testing.T) {
	for _, c := range goldtrain.Cases(t, "sample") {
		if c.ID != "sample.plain" && c.ID != "sample.flip" {
			continue
		}
		var of struct {
			Picture struct {
				Height, Width int
				Seed          uint64
			}
			Annotations, Categories json.RawMessage
			Short                   int `json:"min_size"`
			Flip                    bool
			Caption                 string
			Padded                  [2]int
			Boxes                   []glip.Box
			Labels                  []int
			Map                     [][]int `json:"positive_map"`
		}
		c.Into(t, &of)
		s := opened(t, fmt.Sprintf(`{"images": [{"id": 7, "file_name": "x.png", "width": %d, "height": %d}], "categories": %s, "annotations": %s}`,
			of.Picture.Width, of.Picture.Height, of.Categories, inPicture(t, of.Annotations)), dataset.Options{Unchecked: true})
		caption, err := dataset.Fixed(s.Names(), nil)
		if err != nil {
			t.Fatal(err)
		}
		p := s.Pictures[0]
		drawn := picture.Picture{Height: p.Height, Width: p.Width, Pixels: synthetic.Picture(p.Height, p.Width, of.Picture.Seed)}
		got, err := p.Sample(context.Background(), drawn, caption, dataset.View{Short: of.Short, Long: 1333, Flip: of.Flip}, picture.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if got.Caption != of.Caption || got.Input.Height != of.Padded[0] || got.Input.Width != of.Padded[1] || len(got.Things) != len(of.Boxes) {
			t.Fatalf("%s: caption %q, padded to %d x %d, %d things; want %q, %v, %d", c.ID, got.Caption, got.Input.Height, got.Input.Width, len(got.Things), of.Caption, of.Padded, len(of.Boxes))
		}
		for i, thing := range got.Things {
			want := of.Boxes[i].Corners()
			for k, v := range thing.Box.Corners() {
				if !(math.Abs(v-want[k]) <= 1e-4) || thing.Label != of.Labels[i] {
					t.Errorf("%s: thing %d is %+v, want %v of label %d", c.ID, i, thing, want, of.Labels[i])
					break
				}
			}
			compare(t, c.ID, got.Caption, [][]text.Span{thing.Spans}, positives{of.Map[i : i+1]})
		}
		x := c.Find(t, "output", "image")
		for i, want := range c.Stored(t, x) {
			if v := got.Input.Data[i*len(got.Input.Data)/x.Count]; !(math.Abs(float64(v-want)) <= 2e-6) {
				t.Fatalf("%s: stored pixel %d is %v, want %v", c.ID, i, v, want)
			}
		}
	}
}

// inPicture gives annotations the id of the picture.
func inPicture(t *testing.T, annotations json.RawMessage) []byte {
	t.Helper()
	var list []map[string]any
	if err := json.Unmarshal(annotations, &list); err != nil {
		t.Fatal(err)
	}
	for _, a := range list {
		a["image_id"] = 7
	}
	data, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// opened is a set of a file with the given content.
func opened(t *testing.T, content string, o dataset.Options) *dataset.Set {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.json")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := dataset.Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
