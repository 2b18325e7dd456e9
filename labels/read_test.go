package labels

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// sized says that every picture has the size of those of numbered, and looks whether it is asked for one by where it lies.
func sized(_ context.Context, path string) (int, int, error) {
	if _, err := os.Stat(path); err != nil {
		return 0, 0, err
	}
	return 100, 80, nil
}

// near says whether two boxes are the same but for what a format rounds.
func near(a, b Box, within float64) bool {
	for _, d := range []float64{a.X1 - b.X1, a.Y1 - b.Y1, a.X2 - b.X2, a.Y2 - b.Y2} {
		if !(math.Abs(d) <= within) {
			return false
		}
	}
	return true
}

// photographed are pictures, one of which shows nothing and lies deeper, and a folder with files of their names.
func photographed(t *testing.T) (folder string, list []Picture) {
	t.Helper()
	folder, list = t.TempDir(), append(numbered(9), Picture{Name: "deep/empty.png", Width: 100, Height: 80})
	for _, p := range list {
		at := filepath.Join(folder, p.Name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, nil, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return folder, list
}

// What each format writes it reads again, as far as it can say it.
func TestRoundTrip(t *testing.T) {
	for _, tc := range []struct {
		format        string
		options       Options
		within        float64 // of corners, pixels
		scores, crowd bool
		part          string
	}{
		{"coco", Options{CategoryIDs: []int64{90, 3}}, 1e-12, true, true, ""},
		{"coco", Options{Split: Split{Train: 1, Val: 1}}, 1e-12, true, true, "val"},
		{"yolo", Options{}, 1e-6, false, false, ""},
		{"yolo", Options{Split: Split{Train: 1, Val: 1}}, 1e-6, false, false, "val"},
		{"yolo-predictions", Options{}, 1e-6, true, false, ""},
		{"voc", Options{}, 0.5, false, false, ""},
		{"voc", Options{VOC: ZeroBased, Split: Split{Train: 1, Val: 1}}, 0.5, false, false, "val"},
		{"voc", Options{VOC: Shifted}, 1, false, false, ""},
		{"cvat", Options{ScoreAttribute: "score"}, 0.005, true, false, ""},
		{"labelme", Options{}, 0, true, false, ""},
		{"labelstudio", Options{}, 1e-12, true, false, ""},
		{"labelstudio", Options{Studio: Studio{Value: "url", URL: "https://x/y?z="}}, 1e-12, true, false, ""},
		{"jsonl", Options{}, 0, true, false, ""},
		{"jsonl", Options{Split: Split{Train: 1, Val: 1}}, 0, true, false, "val"},
		{"parquet", Options{}, 0, true, false, ""},
		{"parquet", Options{Split: Split{Train: 1, Val: 1}}, 0, true, false, "val"},
		{"coco-results", Options{CategoryIDs: []int64{90, 3}}, 1e-12, true, false, ""},
		{"lvis-results", Options{}, 1e-12, true, false, ""},
	} {
		t.Run(tc.format+tc.part, func(t *testing.T) {
			photos, list := photographed(t)
			o := tc.options
			o.Classes, o.Pictures, o.Place = []string{"cat", "hot dog"}, photos, Copy
			folder, _ := written(t, tc.format, o, list)
			set, err := Read(t.Context(), tc.format, folder, ReadOptions{VOC: o.VOC, Part: tc.part, Size: sized, Studio: o.Studio, Pictures: inThere(tc.format, photos), Of: ofNumbers(o, list)})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(set.Classes, o.Classes) || !reflect.DeepEqual(set.Report, Report{}) {
				t.Errorf("classes %q, %+v", set.Classes, set.Report)
			}
			if tc.format == "coco" && o.CategoryIDs != nil && !slices.Equal(set.CategoryIDs, o.CategoryIDs) {
				t.Errorf("numbers of classes %v", set.CategoryIDs)
			}
			want := slices.DeleteFunc(list, func(p Picture) bool { return tc.part != "" && Parts[o.Split.Part(p.Name)] != tc.part })
			if len(set.Pictures) != len(want) || len(want) == 0 {
				t.Fatalf("%d pictures, want %d", len(set.Pictures), len(want))
			}
			for i, p := range set.Pictures {
				w := want[i]
				if p.Name != w.Name || p.Width != w.Width || p.Height != w.Height || len(p.Objects) != len(w.Objects) {
					t.Fatalf("picture %d is %+v, want %+v", i, p, w)
				}
				for k, o := range p.Objects {
					was := w.Objects[k]
					was.Scored, was.Crowd = tc.scores, tc.crowd && was.Crowd
					if !tc.scores {
						was.Score = 0
					}
					if !near(o.Box, was.Box, tc.within) {
						t.Errorf("%s: corners %v, want %v", p.Name, o.Box, was.Box)
					}
					if was.Box = o.Box; o != was {
						t.Errorf("%s: object %+v, want %+v", p.Name, o, was)
					}
				}
			}
		})
	}
}

// inThere is the folder of pictures, for formats that do not put them beside the labels.
func inThere(format, photos string) string {
	if format == "labelstudio" {
		return photos
	}
	return ""
}

// ofNumbers is what results are of.
func ofNumbers(o Options, list []Picture) *Set {
	of := &Set{Classes: o.Classes, CategoryIDs: o.CategoryIDs, Pictures: slices.Clone(list)}
	slices.Reverse(of.Pictures) // numbers come from the names' order
	of.Number()
	slices.Reverse(of.Pictures)
	return of
}

func TestRead(t *testing.T) {
	for _, tc := range slices.Concat(readingsOfCOCO(), readingsOfYOLO(), readingsOfVOC(), readingsOfCVAT(), readingsOfLabelMe(), readingsOfStudio(), readingsOfTables(), readingsOfResults()) {
		t.Run(tc.format+" "+tc.about, func(t *testing.T) { tc.run(t) })
	}
}

func (tc reading) run(t *testing.T) {
	folder := t.TempDir()
	for name, text := range tc.files {
		at := filepath.Join(folder, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	o := tc.options
	if tc.format == "yolo" && o.Size == nil {
		o.Size = sized
	}
	set, err := Read(t.Context(), tc.format, folder, o)
	if tc.says != "" {
		if err == nil || !strings.Contains(err.Error(), tc.says) || !strings.Contains(err.Error(), folder) && !errors.Is(err, ErrFormat) {
			t.Errorf("%v\nwant it to name the folder and to say %q", err, tc.says)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := said(set); got != tc.want {
		t.Errorf("%s\nwant %s", got, tc.want)
	}
	kinds := 0
	for _, n := range []int{tc.report.Outside, tc.report.Flat, tc.report.Duplicate, tc.report.Unknown, tc.report.Other, tc.report.Unread} {
		kinds += min(n, 1)
	}
	if len(set.Report.Examples) != kinds {
		t.Errorf("%d examples for %d kinds: %q", len(set.Report.Examples), kinds, set.Report.Examples)
	}
	set.Report.Examples, set.Report.outside = nil, ""
	if !reflect.DeepEqual(set.Report, tc.report) {
		t.Errorf("report %+v, want %+v", set.Report, tc.report)
	}
}

// said is a set in a line.
func said(s *Set) string {
	var list []string
	for _, p := range s.Pictures {
		text := fmt.Sprintf("%s %dx%d", p.Name, p.Width, p.Height)
		for _, o := range p.Objects {
			text += fmt.Sprintf(" [%s %.6g %.6g %.6g %.6g", s.Classes[o.Class], o.Box.X1, o.Box.Y1, o.Box.X2, o.Box.Y2)
			if o.Scored {
				text += fmt.Sprintf(" %g", o.Score)
			}
			text += "]"
		}
		list = append(list, text)
	}
	return strings.Join(list, "; ")
}

// Pascal VOC's and LabelMe's files do not know what their picture is called, the folder of pictures does; a picture without a file shows nothing.
func TestPicturesDecide(t *testing.T) {
	folder, photos := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{
		filepath.Join(folder, "a.xml"):    "<annotation><filename>b.jpg</filename><size><width>100</width><height>80</height></size></annotation>",
		filepath.Join(photos, "a.webp"):   "",
		filepath.Join(photos, "none.png"): "",
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	set, err := Read(t.Context(), "voc", folder, ReadOptions{Pictures: photos, Size: sized})
	if err != nil || said(set) != "a.webp 100x80; none.png 100x80" {
		t.Errorf("%v, %v", set, err)
	}
	if err := os.WriteFile(filepath.Join(photos, "a.gif"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(t.Context(), "voc", folder, ReadOptions{Pictures: photos}); !errors.Is(err, ErrLabels) || !strings.Contains(err.Error(), "a.gif and a.webp") {
		t.Error(err)
	}
}

// Reading ends when it is told to.
func TestReadCancelled(t *testing.T) {
	list := numbered(3)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, f := range Formats() {
		if !f.Reads {
			continue
		}
		folder, _ := written(t, f.Name, Options{}, list)
		if _, err := Read(ctx, f.Name, folder, ReadOptions{Size: sized, Of: ofNumbers(Options{Classes: []string{"cat"}}, list)}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
}
