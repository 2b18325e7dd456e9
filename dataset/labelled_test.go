package dataset_test

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/labels"
)

// shot writes a picture of 100 x 80 pixels.
func shot(t *testing.T, path string) {
	t.Helper()
	var b bytes.Buffer
	if err := errors.Join(png.Encode(&b, image.NewGray(image.Rect(0, 0, 100, 80))), os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, b.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// album is a folder of three pictures, and what is in them; the last shows nothing.
func album(t *testing.T) (folder string, list []labels.Picture) {
	t.Helper()
	folder = t.TempDir()
	for i, name := range []string{"b.png", "deep/a.png", "none.png"} {
		shot(t, filepath.Join(folder, filepath.FromSlash(name)))
		p := labels.Picture{Name: name, Width: 100, Height: 80}
		for k := range 2 - i {
			p.Objects = append(p.Objects, labels.Object{Class: k, Box: labels.Box{X1: 10, Y1: 20, X2: float64(30 + i), Y2: 50}, Score: 0.5, Scored: true})
		}
		list = append(list, p)
	}
	return folder, list
}

// labelledIn writes them in a format.
func labelledIn(t *testing.T, format, photos string, list []labels.Picture, split labels.Split) string {
	t.Helper()
	folder := t.TempDir()
	w, err := labels.Create(folder, format, labels.Options{Classes: []string{"cat", "hot dog"}, Pictures: photos, Place: labels.Copy, Split: split, ScoreAttribute: "score"})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for _, p := range list {
		if err := w.Add(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	return folder
}

// What is learned from does not depend on the format that it is written in.
func TestFormats(t *testing.T) {
	photos, list := album(t)
	box := glip.Box{X1: 10, Y1: 20, X2: 29, Y2: 49} // whose corners belong to it
	for _, format := range []string{"coco", "yolo", "yolo-predictions", "voc", "cvat", "labelme", "labelstudio", "jsonl", "parquet"} {
		folder := labelledIn(t, format, photos, list, labels.Split{})
		o := dataset.Options{Empty: true}
		switch format {
		case "coco", "cvat", "labelstudio", "jsonl", "parquet": // which leave pictures where they are
			o.Pictures = photos
		}
		s, err := dataset.Open(t.Context(), folder, o)
		if err != nil {
			t.Errorf("%s: %v", format, err)
			continue
		}
		if got := s.Names(); !slices.Equal(got, []string{"cat", "hot dog"}) || s.Categories[0].ID != 1 || s.Report.Total() != 0 || len(s.Pictures) != 3 {
			t.Errorf("%s: %q, %d pictures, %+v", format, got, len(s.Pictures), s.Report)
			continue
		}
		for i, p := range s.Pictures {
			if p.ID != int64(i+1) || p.Width != 100 || p.Height != 80 || !strings.HasSuffix(p.Path, filepath.FromSlash(list[i].Name)) || len(p.Objects) != len(list[i].Objects) {
				t.Errorf("%s: picture %d is %+v", format, i, p)
				continue
			}
			if _, err := os.Stat(p.Path); err != nil {
				t.Errorf("%s: %v", format, err)
			}
			for k, o := range p.Objects {
				want := box
				want.X2 += float64(i)
				if o.Label != k+1 || math.Abs(o.Box.X1-want.X1)+math.Abs(o.Box.Y1-want.Y1)+math.Abs(o.Box.X2-want.X2)+math.Abs(o.Box.Y2-want.Y2) > 1e-5 {
					t.Errorf("%s: object %d of picture %d is %+v, want %+v", format, k, i, o, want)
				}
			}
		}
	}
}

// A part is what the labels say; those without parts are taken whole where that is asked for.
func TestPart(t *testing.T) {
	photos, list := album(t)
	split := labels.Split{Train: 1, Val: 1, Seed: 2}
	var val []string
	for _, p := range list {
		if labels.Parts[split.Part(p.Name)] == "val" {
			val = append(val, filepath.Base(p.Name))
		}
	}
	if len(val) == 0 || len(val) == len(list) {
		t.Fatalf("the split has %q for val", val)
	}
	for _, format := range []string{"coco", "yolo", "voc", "jsonl", "parquet"} {
		s, err := dataset.Open(t.Context(), labelledIn(t, format, photos, list, split), dataset.Options{Pictures: photos, Part: "val", Empty: true})
		if err != nil {
			t.Errorf("%s: %v", format, err)
			continue
		}
		var names []string
		for _, p := range s.Pictures {
			names = append(names, filepath.Base(p.Path))
		}
		if !slices.Equal(names, val) {
			t.Errorf("%s: %q, want %q", format, names, val)
		}
	}
	whole := labelledIn(t, "cvat", photos, list, labels.Split{})
	if s, err := dataset.Open(t.Context(), whole, dataset.Options{Pictures: photos, Part: "val", PartIfAny: true, Empty: true}); err != nil || len(s.Pictures) != 3 {
		t.Errorf("%v, %+v", err, s)
	}
	if _, err := dataset.Open(t.Context(), whole, dataset.Options{Pictures: photos, Part: "val"}); !errors.Is(err, dataset.ErrAnnotations) || !strings.Contains(err.Error(), "cvat has no parts") {
		t.Error(err)
	}
}

// What is wrong in labels is counted as it is in COCO's, and refused where nothing may be left out.
func TestLabelledReport(t *testing.T) {
	photos, list := album(t)
	folder := labelledIn(t, "yolo", photos, list, labels.Split{})
	for name, text := range map[string]string{"images/b.png": "no picture", "labels/deep/a.txt": "0 0.5 0.5 0.2 0.2\n0 0.5 0.5 0.2 0.2\n1 0.5 0.5 0 0.1\n"} {
		if err := os.WriteFile(filepath.Join(folder, filepath.FromSlash(name)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := dataset.Open(t.Context(), folder, dataset.Options{})
	if err != nil || len(s.Pictures) != 1 || s.Report.Absent != 1 || s.Report.Duplicate != 1 || s.Report.Outside != 1 || s.Report.Empty != 1 || s.Report.Total() != 3 || len(s.Report.Examples) != 3 {
		t.Errorf("%v, %+v", err, s)
	}
	if _, err := dataset.Open(t.Context(), folder, dataset.Options{Strict: true}); !errors.Is(err, dataset.ErrAnnotations) || !strings.Contains(err.Error(), "labels/deep/a.txt: line 2") {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "annotations.xml"), []byte("<annotations/>"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := dataset.Open(t.Context(), folder, dataset.Options{}); !errors.Is(err, dataset.ErrAnnotations) || !strings.Contains(err.Error(), "it could be yolo (data.yaml) or cvat (annotations.xml)") {
		t.Error(err)
	}
	if _, err := dataset.Open(t.Context(), folder, dataset.Options{Format: "yolo"}); err != nil {
		t.Error(err)
	}
}

// Roboflow's category 0, which only groups the others, is in no caption; numbers may be written 1.0, and LVIS has addresses for names.
func TestOddCOCO(t *testing.T) {
	s := opened(t, `{"images": [{"id": 1.0, "coco_url": "http://x/val2017/a.png", "width": 100.0, "height": 50}], "categories": [{"id": 0, "name": "animals"}, {"id": 1, "name": "cat", "supercategory": "animals"}],
		"annotations": [{"id": 1, "image_id": 1.0, "category_id": 1, "bbox": [10, 10, 20, 20]}, {"id": 2, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20], "iscrowd": 1.0}]}`, dataset.Options{Unchecked: true})
	if !slices.Equal(s.Names(), []string{"cat"}) || len(s.Pictures) != 1 || !strings.HasSuffix(s.Pictures[0].Path, filepath.Join("val2017", "a.png")) || len(s.Pictures[0].Objects) != 1 || len(s.Pictures[0].Crowds) != 1 {
		t.Errorf("%+v", s)
	}
}
