package dataset_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/text"
)

// What is wrong in a file that can be used all the same, and the same file when nothing may be left out.
func TestWrongAnnotations(t *testing.T) {
	const one = `{"id": 1, "file_name": "a.png", "width": 100, "height": 50}`
	const cat = `{"id": 3, "name": "cat"}`
	const box = `{"id": 1, "image_id": 1, "category_id": 3, "bbox": [10, 10, 20, 20]}`
	for name, tc := range map[string]struct {
		images, categories, annotations string
		report                          dataset.Report
		says                            string
	}{
		"nothing":               {one, cat, box, dataset.Report{}, ""},
		"outside":               {one, cat, box + `, {"id": 2, "image_id": 1, "category_id": 3, "bbox": [100, 10, 20, 20]}`, dataset.Report{Outside: 1}, "annotation 2 of picture 1"},
		"a side of a pixel":     {one, cat, box + `, {"id": 2, "image_id": 1, "category_id": 3, "bbox": [10, 10, 1, 20]}`, dataset.Report{Outside: 1}, "in a picture of 100 x 50"},
		"three numbers":         {one, cat, box + `, {"id": 2, "image_id": 1, "category_id": 3, "bbox": [10, 10, 1]}`, dataset.Report{Malformed: 1}, "want x, y, width and height"},
		"a box of words":        {one, cat, box + `, {"id": 2, "image_id": 1, "category_id": 3, "bbox": ["a", "b", "c", "d"]}`, dataset.Report{Outside: 1}, ""},
		"an unknown picture":    {one, cat, box + `, {"id": 2, "image_id": 7, "category_id": 3, "bbox": [1, 1, 9, 9]}`, dataset.Report{Unknown: 1}, "picture 7"},
		"an unknown category":   {one, cat, box + `, {"id": 2, "image_id": 1, "category_id": 4, "bbox": [1, 1, 9, 9]}`, dataset.Report{Unknown: 1}, "category 4"},
		"a crowd":               {one, cat, box + `, {"id": 2, "image_id": 1, "category_id": 3, "bbox": [1, 1, 9, 9], "iscrowd": 1}`, dataset.Report{Crowds: 1}, ""},
		"no object":             {one + `, {"id": 2, "file_name": "b.png", "width": 9, "height": 9}`, cat, box, dataset.Report{Empty: 1}, ""},
		"no size":               {one + `, {"id": 2, "file_name": "b.png"}`, cat, box, dataset.Report{Nameless: 1}, "lacks one of id"},
		"a number as a name":    {one + `, {"id": 2, "file_name": 7, "width": 9, "height": 9}`, cat, box, dataset.Report{Nameless: 1}, "image 1 of the list"},
		"a picture twice":       {one + `, {"id": 1, "file_name": "b.png", "width": 9, "height": 9}`, cat, box, dataset.Report{Twice: 1}, "b.png has the id 1"},
		"a category twice":      {one, cat + `, {"id": 3, "name": "dog"}`, box, dataset.Report{Categories: 1}, `"dog" has the id 3`},
		"a category without id": {one, cat + `, {"name": "dog"}`, box, dataset.Report{Categories: 1}, "has no id"},
		"too many boxes":        {one, cat, box + strings.Repeat(", "+box, 1000), dataset.Report{Many: 1}, "more than 1000 objects"},
		"unknown negatives":     {`{"id": 1, "file_name": "a.png", "width": 100, "height": 50, "neg_category_ids": [9, 3, 8]}`, cat, box, dataset.Report{Asked: 2}, "picture 1 has 9 in neg_category_ids"},
		"spans":                 {`{"id": 1, "file_name": "a.png", "width": 100, "height": 50, "caption": "a cat"}`, "", `{"id": 1, "image_id": 1, "bbox": [10, 10, 20, 20], "tokens_positive": [[2, 5], [2, 6], [3, 3], [-1, 2], [1]]}`, dataset.Report{Spans: 4}, "span [2 6]"},
	} {
		t.Run(name, func(t *testing.T) {
			content := fmt.Sprintf(`{"info": {"deep": [[1, {"x": [2]}]]}, "images": [%s], "categories": [%s], "annotations": [%s]}`, tc.images, tc.categories, tc.annotations)
			s := opened(t, content, dataset.Options{Unchecked: true})
			examples := strings.Join(s.Report.Examples, "; ")
			got := s.Report
			got.Examples = nil
			crowds := 0
			for _, truth := range s.Truths().List {
				if truth.Crowd {
					crowds++
				}
			}
			if crowds != tc.report.Crowds {
				t.Errorf("%d crowds to measure on, want %d", crowds, tc.report.Crowds)
			}
			if !reflect.DeepEqual(got, tc.report) || !strings.Contains(examples, tc.says) || len(s.Pictures) != 1 {
				t.Errorf("%d pictures, %+v, want %+v; %q, want %q", len(s.Pictures), got, tc.report, examples, tc.says)
			}
			path := filepath.Join(t.TempDir(), "strict.json")
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := dataset.Open(t.Context(), path, dataset.Options{Unchecked: true, Strict: true})
			if wrong := tc.report.Total() > 0; wrong != errors.Is(err, dataset.ErrAnnotations) || wrong != (err != nil) || wrong && !strings.Contains(err.Error(), examples) {
				t.Errorf("strict: %v, with %d things left out", err, tc.report.Total())
			}
		})
	}
}

// What cannot be used at all, and what is said of it.
func TestUnusable(t *testing.T) {
	const images = `"images": [{"id": 1, "file_name": "a.png", "width": 9, "height": 9}]`
	for content, says := range map[string]string{
		``:                                   "EOF",
		`[]`:                                 "[ instead of {",
		`{"images": {}}`:                     "images: { instead of [",
		`{"images": []}`:                     "no images",
		`{"images": [{}]}`:                   "neither categories nor pictures with captions",
		`{"images": [1], "categories": [2]}`: "neither categories nor pictures",
		`{` + images + `, "categories": [{"id": 1, "name": " "}]}`:                         "has no name",
		`{` + images + `, "categories": [{"id": 1, "name": "x"}], "annotations": [{}]}`:    "no picture has an object to learn from; left out: 1 annotations of unknown",
		`{` + images + `, "categories": [{"id": 1, "name": "x"}], "annotations": [{}`:      "EOF",
		`{"images": [` + strings.Repeat(`{"a":`, 20000) + `1` + strings.Repeat(`}`, 20000): "depth",
	} {
		path := filepath.Join(t.TempDir(), "a.json")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := dataset.Open(t.Context(), path, dataset.Options{Unchecked: true}); !errors.Is(err, dataset.ErrAnnotations) || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%.60q: %v, want %q", content, err, says)
		}
	}
	if _, err := dataset.Open(t.Context(), t.TempDir(), dataset.Options{}); !errors.Is(err, dataset.ErrAnnotations) || !strings.Contains(err.Error(), "a folder without labels that are known") {
		t.Errorf("a folder of nothing: %v", err)
	}
}

// A folder stands for the file in it, whose pictures lie beside; those that do not are left out.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	content := `{"images": [{"id": 1, "file_name": "a.png", "width": 9, "height": 9}, {"id": 2, "file_name": "b.png", "width": 9, "height": 9}],
		"categories": [{"id": 1, "name": "old"}], "annotations": [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9]}, {"image_id": 2, "category_id": 1, "bbox": [0, 0, 9, 9]}]}`
	for name, data := range map[string]string{"_annotations.coco.json": content, "a.png": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := dataset.Open(t.Context(), dir, dataset.Options{Categories: []dataset.Category{{ID: 1, Name: "new"}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Pictures) != 1 || s.Pictures[0].Path != filepath.Join(dir, "a.png") || s.Report.Absent != 1 || s.Names()[0] != "new" {
		t.Errorf("%+v", s)
	}
}

// TestAsked reads which categories are known of a picture: those of its annotations, crowds too, and those it is said not to show.
func TestAsked(t *testing.T) {
	images := ""
	for i, list := range []string{``, `, "neg_category_ids": null`, `, "neg_category_ids": []`, `, "neg_category_ids": [30, 20, 30, 10]`, `, "caption": "a cat", "neg_category_ids": [10]`} {
		images += fmt.Sprintf(`, {"id": %d, "file_name": "a.png", "width": 99, "height": 99%s}`, i+1, list)
	}
	annotations := ""
	for i := range 4 {
		annotations += fmt.Sprintf(`, {"image_id": %d, "category_id": 20, "bbox": [9, 9, 9, 9]}, {"image_id": %d, "category_id": 40, "bbox": [1, 1, 9, 9], "iscrowd": 1}`, i+1, i+1)
	}
	s := opened(t, fmt.Sprintf(`{"images": [%s], "annotations": [%s], "categories": [{"id": 10, "name": "a"}, {"id": 20, "name": "b"}, {"id": 30, "name": "c"}, {"id": 40, "name": "d"}]}`,
		images[1:], annotations[1:]), dataset.Options{Unchecked: true, Empty: true})
	for i, want := range [][]int{nil, nil, {2, 4}, {1, 2, 3, 4}, nil} {
		if got := s.Pictures[i].Asked; !reflect.DeepEqual(got, want) {
			t.Errorf("picture %d is asked for %v, want %v", i+1, got, want)
		}
	}
	if total := s.Report.Total(); total != 0 {
		t.Errorf("%d things are wrong: %s", total, s.Report)
	}
}

// Whatever a file says, opening it neither panics nor gives what training could trip over.
func FuzzOpen(f *testing.F) {
	f.Add([]byte(`{"images": [{"id": 1, "file_name": "a.png", "width": 9, "height": 9, "caption": "a cat"}], "categories": [{"id": 1, "name": "x"}],
		"annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9], "iscrowd": 0, "tokens_positive": [[0, 1]]}]}`))
	f.Add([]byte(`{"images": [{"id": 1, "file_name": "a.png", "width": 9, "height": 9, "neg_category_ids": [1, 2, -1, 1]}], "categories": [{"id": 1, "name": "x"}, {"id": 2, "name": "y"}],
		"annotations": [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9]}]}`))
	f.Add([]byte(`{"images": [1, null, {}], "categories": [], "annotations": [{"bbox": [1e308, -1e308, 1e308, 1e308]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "a.json")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := dataset.Open(t.Context(), path, dataset.Options{Unchecked: true})
		if err != nil {
			return
		}
		for _, p := range s.Pictures {
			for i, label := range p.Asked {
				if label < 1 || label > len(s.Categories) || i > 0 && label <= p.Asked[i-1] {
					t.Errorf("asked for %v of %d categories", p.Asked, len(s.Categories))
				}
			}
			for _, o := range p.Objects {
				if !(o.Box.X1 >= 0 && o.Box.X2 > o.Box.X1 && o.Box.X2 < float64(p.Width) && o.Box.Y1 >= 0 && o.Box.Y2 > o.Box.Y1 && o.Box.Y2 < float64(p.Height)) || o.Label < 1 || o.Label > len(s.Categories) {
					t.Errorf("object %+v in %d x %d, of %d categories", o, p.Width, p.Height, len(s.Categories))
				}
			}
		}
		s.Truths()
		s.Shots(1)
		if _, err := dataset.NewCaptioner(s.Names(), dataset.Captions{}, text.BERT()); err != nil && !errors.Is(err, text.ErrCaption) {
			t.Error(err)
		}
	})
}
