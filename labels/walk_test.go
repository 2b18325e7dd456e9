package labels

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestWalk(t *testing.T) {
	w, err := Create(t.TempDir(), "jsonl", Options{Classes: []string{"cat", "hot dog"}})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for _, p := range twoPictures() {
		if err := w.Add(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	if err := w.Walk(t.Context(), func(p Picture) error {
		names = append(names, p.Name)
		if p.ID != 0 || p.Name == "a & b.jpg" && (len(p.Objects) != 2 || p.Objects[0].Box != (Box{10.25, 5, 60, 40.5})) {
			t.Errorf("%+v", p)
		}
		return nil
	}); err != nil || len(names) != 2 || names[0] != "a & b.jpg" {
		t.Errorf("%q, %v", names, err)
	}
	enough := errors.New("enough")
	if err := w.Walk(t.Context(), func(Picture) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("a walk that is left: %v", err)
	}
}

// Of labels that were never begun nothing stays; what was added or finished does.
func TestAbandon(t *testing.T) {
	for name, tc := range map[string]struct {
		do    func(w *Writer) error
		stays bool
	}{
		"nothing":   {func(*Writer) error { return nil }, false},
		"a picture": {func(w *Writer) error { return w.Add(t.Context(), twoPictures()[0]) }, true},
		"the end":   {func(w *Writer) error { _, err := w.Finish(t.Context()); return err }, true},
	} {
		folder := t.TempDir()
		w, err := Create(folder, "coco", Options{Classes: []string{"cat", "hot dog"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(tc.do(w), w.Abandon(), w.Abandon()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(folder, journalName)); (err == nil) != tc.stays {
			t.Errorf("%s: the journal: %v", name, err)
		}
	}
}

// Files of parts go when labels without parts take their place, and the other way round.
func TestOverwriteParts(t *testing.T) {
	folder := t.TempDir()
	parts := Split{Train: 1, Val: 1}
	writtenTo(t, folder, "coco", Options{Split: parts}, twoPictures())
	for _, tc := range []struct {
		split      Split
		there, not string
	}{{Split{}, "annotations.json", "train.json"}, {parts, "val.json", "annotations.json"}} {
		writtenTo(t, folder, "coco", Options{Split: tc.split, Existing: Overwrite}, twoPictures())
		if _, err := os.Stat(filepath.Join(folder, tc.there)); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(filepath.Join(folder, tc.not)); err == nil {
			t.Errorf("%s of an earlier run is there still", tc.not)
		}
	}
}
