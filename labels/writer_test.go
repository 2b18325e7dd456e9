package labels

import (
	"os"
	"path/filepath"
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

func TestJSONLines(t *testing.T) {
	folder, s := written(t, "jsonl", Options{Model: "glip-t", Weights: "abc", Prompt: "cat. hot dog"}, twoPictures())
	holds(t, folder, "detections.jsonl", `{"image":"a & b.jpg","width":100,"height":50,"label":2,"class":"hot dog","score":0.75,"x1":10.25,"y1":5,"x2":60,"y2":40.5,"model":"glip-t","weights":"abc","prompt":"cat. hot dog"}
{"image":"a & b.jpg","width":100,"height":50,"label":1,"class":"cat","score":0.5,"x1":-3,"y1":0,"x2":50,"y2":50,"model":"glip-t","weights":"abc","prompt":"cat. hot dog"}
`)
	holds(t, folder, "pictures.jsonl", `{"image":"a & b.jpg","width":100,"height":50,"detections":2}
{"image":"b/dog.png","width":20,"height":10,"detections":0}
`)
	if s.Pictures != 2 || s.Empty != 1 || s.Objects != 2 || s.PerClass[0] != 1 {
		t.Errorf("summary %+v", s)
	}
}
