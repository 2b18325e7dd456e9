package eval_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/eval"
)

const goodTruths = `{"info": {"deep": [[{}]]}, "images": [{"id": 3.0, "file_name": "a.png", "width": 4, "height": 5}, {"id": 9, "coco_url": "http://x/val/9.jpg",
	"neg_category_ids": [], "not_exhaustive_category_ids": [2]}], "categories": [{"id": 2, "name": "cat", "frequency": "r"}],
	"annotations": [{"id": 1, "image_id": 3, "category_id": 2, "bbox": [1, 2, 3, 4.5], "area": 9, "iscrowd": false, "ignore": 1, "segmentation": [[1, 2]]}]}`

// TestReadTruths reads what COCO and LVIS write.
func TestReadTruths(t *testing.T) {
	got, err := eval.ParseTruths([]byte(goodTruths))
	if err != nil {
		t.Fatal(err)
	}
	want := &eval.Truths{
		Pictures:   []int64{3, 9},
		Categories: []eval.Category{{ID: 2, Name: "cat", Frequency: "r"}},
		List:       []eval.Truth{{ID: 1, Picture: 3, Category: 2, Box: eval.Box{1, 2, 3, 4.5}, Area: 9, Ignore: true}},
		About:      map[int64]*eval.Picture{3: {File: "a.png", Width: 4, Height: 5}, 9: {File: "val/9.jpg", Absent: []int64{}, Partial: []int64{2}}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
}

// TestReadWrong reads files that are wrong: the error says where.
func TestReadWrong(t *testing.T) {
	truths := func(old, new string) string { return strings.Replace(goodTruths, old, new, 1) }
	result := `[{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1], "score": 0.5}, {"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1], "score": 0.5}]`
	results := func(old, new string) string {
		i := strings.LastIndex(result, old)
		return result[:i] + new + result[i+len(old):]
	}
	parseTruths := func(text string) error { _, err := eval.ParseTruths([]byte(text)); return err }
	parseResults := func(text string) error { _, err := eval.ParseResults([]byte(text)); return err }
	parseGroundings := func(text string) error { _, err := eval.ParseGroundings([]byte(text)); return err }
	for name, c := range map[string]struct {
		parse      func(string) error
		text, want string
	}{
		"nothing":          {parseTruths, "", "ends too early"},
		"ends early":       {parseTruths, goodTruths[:100], "ends too early"},
		"a list":           {parseTruths, "[]", "a list instead of an object"},
		"more behind":      {parseTruths, goodTruths + "{}", "behind the end"},
		"images no list":   {parseTruths, `{"images": 3}`, "/images: a number instead of a list"},
		"id a text":        {parseTruths, truths(`"id": 3.0`, `"id": "3"`), "/images/0/id: a text instead of a whole number"},
		"id a fraction":    {parseTruths, truths(`"id": 3.0`, `"id": 3.5`), "/images/0/id: 3.5 is no whole number"},
		"no id":            {parseTruths, truths(`"id": 3.0, `, ``), "/images/0: the picture has no id"},
		"negative size":    {parseTruths, truths(`"width": 4`, `"width": -4`), "/images/0/width: -4 is no size"},
		"no area":          {parseTruths, truths(`"area": 9, `, ``), "/annotations/0: id, image_id, category_id, bbox, area and iscrowd are wanted"},
		"three numbers":    {parseTruths, truths(`[1, 2, 3, 4.5]`, `[1, 2, 3]`), "/annotations/0/bbox: 3 numbers, want four"},
		"five numbers":     {parseTruths, truths(`[1, 2, 3, 4.5]`, `[1, 2, 3, 4, 5]`), "more than 4 elements"},
		"infinite":         {parseTruths, truths(`"area": 9`, `"area": 1e999`), "/annotations/0/area: 1e999 is too large"},
		"nested":           {parseTruths, `{"info": ` + strings.Repeat("[", 20_000), "exceeded max depth"},
		"no comma":         {parseTruths, truths(`"width": 4,`, `"width": 4`), "no JSON"},
		"score NaN":        {parseResults, results("0.5", "NaN"), "/1/score, byte"},
		"score Infinity":   {parseResults, results("0.5", "-Infinity"), "-Infinity is no number of JSON"},
		"no score":         {parseResults, results(`, "score": 0.5`, ``), "/1: image_id, category_id, bbox and score are wanted"},
		"score null":       {parseResults, results("0.5", "null"), "/1/score: null instead of a number"},
		"element a number": {parseResults, "[3]", "/0: a number instead of an object"},
		"an object":        {parseResults, goodTruths, "an object instead of a list"},
		"sentence a text":  {parseGroundings, `[{"image_id": "1", "sentence_id": "x", "boxes": []}]`, `/0/sentence_id: "x" is no number`},
		"no boxes":         {parseGroundings, `[{"image_id": "1", "sentence_id": 0}]`, "/0: image_id, sentence_id and boxes are wanted"},
		"box of three":     {parseGroundings, `[{"image_id": "1", "sentence_id": 0, "boxes": [[[1, 2, 3]]]}]`, "/0/boxes/0/0: 3 numbers"},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.parse(c.text)
			if !errors.Is(err, eval.ErrInput) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

// TestReadFiles checks that errors name the file, that a cancelled context ends reading, and that COCO's annotations must say what is a crowd.
func TestReadFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.json")
	if err := os.WriteFile(path, []byte(strings.Replace(goodTruths, `"iscrowd": false, `, "", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := eval.ReadTruths(t.Context(), path); !errors.Is(err, eval.ErrInput) || !strings.HasPrefix(err.Error(), path) {
		t.Errorf("without iscrowd: %v", err)
	}
	if _, err := eval.ReadLVISTruths(t.Context(), path); err != nil {
		t.Errorf("LVIS without iscrowd: %v", err)
	}
	if _, err := eval.ReadResults(t.Context(), path); !errors.Is(err, eval.ErrInput) {
		t.Errorf("annotations for results: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := eval.ReadTruths(ctx, path); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := eval.ReadTruths(t.Context(), t.TempDir()); err == nil {
		t.Error("a folder was read")
	}
}

// TestReadSubmission reads results of several data sets.
func TestReadSubmission(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.json")
	for text, want := range map[string]string{
		`{"a": [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1], "score": 0.5}], "b": []}`: "",
		`{"a": [], "a": []}`: "comes twice",
		`{"a": [3]}`:         "/a/0: a number instead of an object",
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		sets, err := eval.ReadSubmission(t.Context(), path)
		switch {
		case want == "" && (err != nil || len(sets) != 2 || len(sets["a"]) != 1):
			t.Errorf("%s: %v, %v", text, sets, err)
		case want != "" && (!errors.Is(err, eval.ErrInput) || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// FuzzRead reads anything: an error or what can be evaluated, never a panic.
func FuzzRead(f *testing.F) {
	f.Add([]byte(goodTruths))
	f.Add([]byte(`[{"image_id": 3, "category_id": 2, "bbox": [0, 0, 1, 1], "score": 0.5}]`))
	f.Add([]byte(`[{"image_id": "3", "sentence_id": 2, "boxes": [[[0, 0, 1, 1]], []]}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		truths, err := eval.ParseTruths(data)
		if err == nil {
			if _, err = eval.COCO(t.Context(), truths, nil, eval.Params{}); err == nil && len(truths.Pictures) > 0 {
				_, err = eval.LVIS(t.Context(), truths, nil, eval.LVISParams{})
			}
		}
		if err != nil && !errors.Is(err, eval.ErrInput) {
			t.Errorf("truths: %v", err)
		}
		if found, err := eval.ParseResults(data); err == nil {
			truths := &eval.Truths{Pictures: []int64{3}, Categories: []eval.Category{{ID: 2}}}
			_, err = eval.COCO(t.Context(), truths, found, eval.Params{})
			if err != nil && !errors.Is(err, eval.ErrInput) {
				t.Errorf("results: %v", err)
			}
		} else if !errors.Is(err, eval.ErrInput) {
			t.Errorf("results: %v", err)
		}
		if _, err := eval.ParseGroundings(data); err != nil && !errors.Is(err, eval.ErrInput) {
			t.Errorf("groundings: %v", err)
		}
	})
}
