package labels

import (
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

// twoPictures are one with two objects, over the edge in part, and one with none.
func twoPictures() []Picture {
	return []Picture{
		{Name: "b/dog.png", Width: 20, Height: 10},
		{Name: "a & b.jpg", Width: 100, Height: 50, Objects: []Object{
			{Class: 1, Box: Box{10.25, 5, 60, 40.5}, Score: 0.75, Scored: true},
			{Class: 0, Box: Box{-3, 0, 50, 50}, Score: 0.5, Scored: true},
		}},
	}
}

// written writes pictures and returns the folder.
func written(t *testing.T, format string, o Options, list []Picture) (string, Summary) {
	t.Helper()
	folder := t.TempDir()
	return folder, writtenTo(t, folder, format, o, list)
}

func writtenTo(t *testing.T, folder, format string, o Options, list []Picture) Summary {
	t.Helper()
	if o.Classes == nil {
		o.Classes = []string{"cat", "hot dog"}
	}
	w, err := Create(folder, format, o)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for _, p := range list {
		if err := w.Add(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	s, err := w.Finish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// holds compares a file with what it should be.
func holds(t *testing.T, folder, name, want string) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is\n%s\nwant\n%s", name, got, want)
	}
}

// numbered are pictures with an object each.
func numbered(count int) (list []Picture) {
	for i := range count {
		list = append(list, Picture{Name: fmt.Sprintf("%d.jpg", i), Width: 100, Height: 80, Objects: []Object{
			{Class: i % 2, Box: Box{float64(i), 0, float64(i) + 10.5, 20}, Score: 1 / float64(i+3), Scored: true, Crowd: i%3 == 0},
		}})
	}
	return list
}

// tree is the content of every file of a folder but the journal.
func tree(t *testing.T, folder string) map[string]string {
	t.Helper()
	list, err := files(t.Context(), folder, func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, name := range list {
		data, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		all[name] = strings.ReplaceAll(string(data), filepath.ToSlash(folder), "FOLDER")
	}
	return all
}

// Neither where a run was cut nor in which order pictures came shows in what is written, in any format.
func TestContinue(t *testing.T) {
	list := numbered(12)
	for _, f := range Formats() {
		t.Run(f.Name, func(t *testing.T) {
			o := Options{Classes: []string{"cat", "dog"}, Asked: "x"}
			if f.Split {
				o.Split = Split{Train: 2, Val: 1}
			}
			whole, s := written(t, f.Name, o, list)
			cut := t.TempDir()
			w, err := Create(cut, f.Name, o)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range list[7:] {
				if err := w.Add(t.Context(), p); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := w.Finish(t.Context()); err != nil {
				t.Fatal(err)
			}
			// What a killed program leaves: no Close, half a line, a file on its way.
			half := filepath.Join(cut, journalName)
			data, err := os.ReadFile(half)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(half, append(data, `{"name":"1.jpg","w":10`...), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(cut, ".glip-new-123"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			o.Existing = Continue
			w, err = Create(cut, f.Name, o)
			if err != nil {
				t.Fatal(err)
			}
			if !w.Has("7.jpg") || w.Has("1.jpg") {
				t.Error("it has 1.jpg, or has not 7.jpg")
			}
			w.Close()
			again := slices.Clone(list[:7])
			slices.Reverse(again)
			if got := writtenTo(t, cut, f.Name, o, again); got.Pictures != s.Pictures || got.Objects != s.Objects || !reflect.DeepEqual(got.PerClass, s.PerClass) || got.PerPart != s.PerPart {
				t.Errorf("summary %+v, want %+v", got, s)
			}
			if got, want := tree(t, cut), tree(t, whole); !reflect.DeepEqual(got, want) {
				t.Errorf("a run that was cut wrote\n%v\nwant\n%v", got, want)
			}
			if _, err := os.Stat(filepath.Join(cut, ".glip-new-123")); err == nil {
				t.Error("what was unfinished is still there")
			}
		})
	}
}

// What a folder has already is not touched, unless it is asked for; then nothing of it is left.
func TestExisting(t *testing.T) {
	o := Options{Classes: []string{"cat", "dog"}}
	folder, _ := written(t, "yolo", o, numbered(3))
	if _, err := Create(folder, "yolo", o); !errors.Is(err, ErrExists) {
		t.Errorf("over labels: %v", err)
	}
	for about, change := range map[string]func(o *Options){
		"another question":         func(o *Options) { o.Asked = "else" },
		"other classes":            func(o *Options) { o.Classes = []string{"dog", "cat"} },
		"convention of Pascal VOC": func(o *Options) { o.VOC = ZeroBased },
	} {
		other := Options{Classes: o.Classes, Existing: Continue}
		change(&other)
		if _, err := Create(folder, "yolo", other); !errors.Is(err, ErrOther) || !strings.Contains(err.Error(), about) {
			t.Errorf("going on with %s: %v", about, err)
		}
	}
	o.Existing = Continue
	if _, err := Create(folder, "coco", o); !errors.Is(err, ErrOther) || !strings.Contains(err.Error(), "yolo, not coco") {
		t.Errorf("going on in another format: %v", err)
	}
	o.Existing = Overwrite
	writtenTo(t, folder, "yolo", o, numbered(1))
	if got := tree(t, folder); len(got) != 3 || got["labels/0.txt"] == "" {
		t.Errorf("overwritten, there are %v", got)
	}
	// Labels of others: whole sets and label files.
	for format, name := range map[string]string{"coco": "annotations.json", "labelme": "0.json"} {
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, name), []byte("mine"), 0o644); err != nil {
			t.Fatal(err)
		}
		w, err := Create(folder, format, Options{Classes: o.Classes})
		if err == nil {
			err = w.Add(t.Context(), numbered(1)[0])
			if w.Has("0.jpg") {
				t.Errorf("%s: it has what could not be written", format)
			}
			w.Close()
		}
		if !errors.Is(err, ErrExists) {
			t.Errorf("%s over a file of others: %v", format, err)
		}
		holds(t, folder, name, "mine")
	}
}

// What cannot be written is refused, and the set is as it was before.
func TestRefused(t *testing.T) {
	good := twoPictures()[1]
	with := func(change func(p *Picture)) Picture {
		p := good
		p.Objects = slices.Clone(p.Objects)
		change(&p)
		return p
	}
	nan := math.NaN()
	for _, tc := range []struct {
		format  string
		picture Picture
		says    string
	}{
		{"coco", with(func(p *Picture) { p.Name = "" }), "no name"},
		{"coco", with(func(p *Picture) { p.Name = "/a.jpg" }), "absolute"},
		{"coco", with(func(p *Picture) { p.Name = "C:/a.jpg" }), "absolute"},
		{"coco", with(func(p *Picture) { p.Name = "../a.jpg" }), "no plain path"},
		{"coco", with(func(p *Picture) { p.Name = "a//b.jpg" }), "no plain path"},
		{"coco", with(func(p *Picture) { p.Name = `a\b.jpg` }), "backslash"},
		{"coco", with(func(p *Picture) { p.Name = "a\nb.jpg" }), "control character"},
		{"coco", with(func(p *Picture) { p.Name = "\xff.jpg" }), "UTF-8"},
		{"coco", with(func(p *Picture) { p.Name = strings.Repeat("a", 5000) }), "longer than"},
		{"coco", with(func(p *Picture) { p.Width = 0 }), "0 x 50 pixels"},
		{"coco", with(func(p *Picture) { p.ID = -1 }), "number -1"},
		{"coco", with(func(p *Picture) { p.Name, p.ID = "c.jpg", 3 }), "some have none"},
		{"coco", with(func(p *Picture) { p.Objects[1].Class = 2 }), "object 1 has the class 2, want 0 to 1"},
		{"coco", with(func(p *Picture) { p.Objects[0].Box.X1 = nan }), "corners of object 0"},
		{"coco", with(func(p *Picture) { p.Objects[0].Box.X1 = 61 }), "left before right"},
		{"coco", with(func(p *Picture) { p.Objects[0].Score = nan }), "score of object 0"},
		{"coco", with(func(p *Picture) { p.Name = "first.jpg" }), "added before"},
		{"lvis-results", with(func(p *Picture) { p.Objects[1].Scored = false }), "object 1 has no score"},
		{"yolo", with(func(p *Picture) { p.Name = "first.png" }), "first.jpg and first.png would share the label file labels/first.txt"},
	} {
		t.Run(tc.format+" "+tc.says, func(t *testing.T) {
			w, err := Create(t.TempDir(), tc.format, Options{Classes: []string{"cat", "dog"}})
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			if err := w.Add(t.Context(), with(func(p *Picture) { p.Name = "first.jpg" })); err != nil {
				t.Fatal(err)
			}
			if err := w.Add(t.Context(), tc.picture); !errors.Is(err, ErrPicture) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%v; want it to say %q", err, tc.says)
			}
			if s, err := w.Finish(t.Context()); err != nil || s.Pictures != 1 {
				t.Errorf("afterwards: %+v, %v", s, err)
			}
		})
	}
}

// Names that cannot stand together are found before the work.
func TestPlan(t *testing.T) {
	w, err := Create(t.TempDir(), "voc", Options{Classes: []string{"cat", "dog"}})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Plan([]string{"a/b.jpg", "a.jpg", "a/c.png"}); err != nil {
		t.Error(err)
	}
	for _, names := range [][]string{{"a.jpg", "b.jpg", "a.png"}, {"a.jpg", "../b.jpg"}} {
		if err := w.Plan(names); !errors.Is(err, ErrPicture) {
			t.Errorf("%q: %v", names, err)
		}
	}
}

// An error of writing leaves the set as it was; a second program in the folder is seen.
func TestWritingFails(t *testing.T) {
	folder := t.TempDir()
	if err := os.MkdirAll(filepath.Join(folder, "labels", "1.txt"), 0o755); err != nil {
		t.Fatal(err)
	}
	o := Options{Classes: []string{"cat", "dog"}, Existing: Continue}
	w, err := Create(folder, "yolo", o)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	list := numbered(4)
	for i, want := range []bool{true, false, true} {
		if err := w.Add(t.Context(), list[i]); (err == nil) != want || w.Has(list[i].Name) != want {
			t.Errorf("%s: %v", list[i].Name, err)
		}
	}
	second, err := Create(folder, "yolo", o)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if err := second.Add(t.Context(), list[3]); err != nil {
		t.Fatal(err)
	}
	if err := w.Add(t.Context(), Picture{Name: "x.jpg", Width: 1, Height: 1}); err == nil || !strings.Contains(err.Error(), "another program") {
		t.Errorf("two programs: %v", err)
	}
	w.Close()
	if err := w.Add(t.Context(), list[3]); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if _, err := w.Finish(t.Context()); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// Pictures come beside YOLO's labels as links or copies, and are what they were.
func TestPlace(t *testing.T) {
	photos := t.TempDir()
	if err := os.WriteFile(filepath.Join(photos, "0.jpg"), []byte("photo"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, place := range []Place{Link, Copy} {
		folder, _ := written(t, "yolo", Options{Pictures: photos, Place: place}, numbered(1))
		at := filepath.Join(folder, "images", "0.jpg")
		holds(t, folder, "images/0.jpg", "photo")
		if info, err := os.Lstat(at); err != nil || (info.Mode()&os.ModeSymlink != 0) != (place == Link) {
			t.Errorf("%v: %v, %v", place, info, err)
		}
	}
}
