package labels

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The registry says what is so: names are unique, what is written can be found, what can be read is.
func TestFormats(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range Formats() {
		if f.Name == "" || f.About == "" || f.Files == "" || seen[f.Name] || f.Writes != (f.open != nil) || f.Reads != (f.read != nil) || f.NeedsScores && !f.Scores {
			t.Errorf("%+v", f)
		}
		seen[f.Name] = true
		v, err := f.open(&target{format: f, Options: Options{Classes: []string{"cat"}}})
		if err != nil || f.PerPicture != (v.path != nil) || f.PerPicture != (v.each != nil) {
			t.Errorf("%s: %v; a file for each picture is said to be %v", f.Name, err, f.PerPicture)
		}
		if got, err := Find(f.Name); err != nil || got.Name != f.Name {
			t.Errorf("%s: %v", f.Name, err)
		}
		page, err := os.ReadFile("../docs/labels.md")
		if err != nil || !strings.Contains(string(page), "| `"+f.Name+"` |") {
			t.Errorf("docs/labels.md has no row of %s: %v", f.Name, err)
		}
	}
	if _, err := Find("coca"); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "coco, ") {
		t.Error(err)
	}
}

// Parts come from the name and the seed alone. The rows were computed by another program from the description: the first eight
// bytes of SHA-256 of the seed, eight bytes, little end first, and the name.
func TestSplit(t *testing.T) {
	for seed, want := range map[uint64][]int{
		0: {0, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 2, 2, 0, 0, 0},
		7: {0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 1, 0},
	} {
		s := Split{Train: 0.8, Val: 0.1, Test: 0.1, Seed: seed}
		for i, part := range want {
			if got := s.Part(fmt.Sprintf("%d.jpg", i)); got != part {
				t.Errorf("seed %d: %d.jpg is in part %d, want %d", seed, i, got, part)
			}
		}
	}
	var count [3]int
	for i := range 10000 {
		count[Split{Train: 8, Test: 2}.Part(fmt.Sprint(i))]++
	}
	if count[1] != 0 || count[2] < 1850 || count[2] > 2150 {
		t.Errorf("8 to 2 parts 10000 pictures into %v", count)
	}
	if got := (Split{}).Part("a"); got != 0 {
		t.Errorf("without shares the part is %d", got)
	}
}

func TestOptionsRefused(t *testing.T) {
	for _, tc := range []struct {
		format string
		o      Options
		says   string
	}{
		{"pascal", Options{}, `no format "pascal"`},
		{"coco", Options{Classes: []string{}}, "0 classes"},
		{"coco", Options{Classes: []string{"a", " "}}, "class 1"},
		{"coco", Options{Classes: []string{"a", "a\n"}}, "class 1"},
		{"coco", Options{Classes: []string{"a", "b", "a"}}, `two classes are called "a"`},
		{"coco", Options{CategoryIDs: []int64{1}}, "1 numbers of 2 classes"},
		{"coco", Options{CategoryIDs: []int64{4, 4}}, "same number"},
		{"coco", Options{Split: Split{Train: math.NaN()}}, "share of train"},
		{"coco", Options{Split: Split{Train: 1, Val: -1}}, "share of val"},
		{"cvat", Options{Split: Split{Train: 1}}, "cvat has no parts; those that can have a split are coco, yolo, voc, odvg, jsonl, parquet"},
		{"yolo", Options{Stored: true}, "turn pictures upright"},
		{"yolo", Options{Place: Link}, "folder that is named"},
		{"yolo", Options{VOC: 9}, "no name for"},
	} {
		if tc.o.Classes == nil {
			tc.o.Classes = []string{"cat", "dog"}
		}
		folder := filepath.Join(t.TempDir(), "out")
		if _, err := Create(folder, tc.format, tc.o); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%+v: %v; want it to say %q", tc.o, err, tc.says)
		}
		if _, err := os.Stat(folder); err == nil {
			t.Errorf("%+v: a folder was made all the same", tc.o)
		}
	}
}

func TestBox(t *testing.T) {
	if got := Inclusive(0, 1, 9, 4); got != (Box{0, 1, 10, 5}) {
		t.Errorf("inclusive corners are %v", got)
	}
	if w, h := (Box{1, 2, 4, 8}).Size(); w != 3 || h != 6 {
		t.Errorf("%v x %v", w, h)
	}
	if got := (Box{-1, -2, 30, 1}).Clip(20, 10); got != (Box{0, 0, 20, 1}) {
		t.Errorf("clipped to %v", got)
	}
	if got := (Box{25, 2, 30, 1}).Clip(20, 10); !got.empty() {
		t.Errorf("outside, it is clipped to %v", got)
	}
	if !slices.Equal(Parts[:], []string{"train", "val", "test"}) {
		t.Error(Parts)
	}
}
