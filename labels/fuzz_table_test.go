package labels

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// refused says whether an error is one of those about labels, which are promised.
func refused(t *testing.T, err error) bool {
	t.Helper()
	if err != nil && !errors.Is(err, ErrLabels) && !errors.Is(err, ErrPicture) {
		t.Fatal(err)
	}
	return err != nil
}

func FuzzStudio(f *testing.F) {
	seedFrom(f, `[{"data": {"image": "/data/local-files/?d=a%20b.jpg"}, "annotations": [{"result": [{"type": "rectanglelabels", "original_width": 9, "original_height": 9, "value": {"x": 1, "y": 2, "width": 30, "height": 40, "rotation": 5, "rectanglelabels": ["cat"]}}]}]}]`,
		`[{"data": {"x": "/data/upload/1/0123abcd-a.png"}, "predictions": [{"result": [{"type": "polygonlabels", "score": 0.5, "original_width": 9, "original_height": 9, "value": {"points": [[1, 2], [3, 4]], "polygonlabels": ["cat"]}}]}]}]`,
		`[{"data": {"image": "a.jpg"}, "annotations": [{"result": [{"type": "ellipselabels", "original_width": 9, "original_height": 9, "value": {"x": 1, "y": 1, "radiusX": 1, "radiusY": 2, "ellipselabels": ["dog"]}}]}]}]`)
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parseStudio(t.Context(), bytes.NewReader(data), ReadOptions{}, nil)
		if !refused(t, err) {
			bounded(t, s, nil)
		}
	})
}

func FuzzTable(f *testing.F) {
	f.Add([]byte(`{"image": "a.jpg", "width": 9, "height": 9, "detections": 1}`+"\n"), []byte(`{"image": "a.jpg", "width": 9, "height": 9, "label": 1, "class": "cat", "score": 0.5, "x1": 1, "y1": 2, "x2": 3, "y2": 4}`+"\n"))
	f.Add([]byte(""), []byte(`{"image": "a.jpg", "width": 9, "height": 9, "label": 2, "class": "cat", "x1": 1, "y1": 2, "x2": 3, "y2": 4, "split": "val"}`+"\n\n{}"))
	f.Fuzz(func(t *testing.T, pictures, rows []byte) {
		table := func(ctx context.Context, data []byte) func(context.Context, string, func(row, string) error) error {
			return func(_ context.Context, _ string, take func(row, string) error) error {
				return jsonLinesOf(ctx, bytes.NewReader(data), take)
			}
		}
		folder := t.TempDir()
		if len(pictures) > 0 {
			if err := os.WriteFile(filepath.Join(folder, "pictures.jsonl"), pictures, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s, err := readTables(t.Context(), filepath.Join(folder, "x.jsonl"), ".jsonl", ReadOptions{}, table(t.Context(), rows), jsonRows[pictureRow])
		if !refused(t, err) {
			bounded(t, s, nil)
		}
	})
}

func FuzzParquet(f *testing.F) {
	for _, name := range []string{"detections.parquet", "pictures.parquet"} {
		data, err := os.ReadFile(filepath.Join(parquetSeed(f), name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		t.Helper()
		err := parquetOf(t.Context(), bytes.NewReader(data), int64(len(data)), pictureColumns, pictureCells, func(pictureRow, string) error { return nil })
		refused(t, err)
		err = parquetOf(t.Context(), bytes.NewReader(data), int64(len(data)), rowColumns, rowCells, func(row, string) error { return nil })
		refused(t, err)
	})
}

// parquetSeed is a folder of tables.
func parquetSeed(tb testing.TB) string {
	tb.Helper()
	folder := tb.TempDir()
	w, err := Create(folder, "parquet", Options{Classes: []string{"cat", "hot dog"}})
	if err != nil {
		tb.Fatal(err)
	}
	defer w.Close()
	for _, p := range twoPictures() {
		if err := w.Add(tb.Context(), p); err != nil {
			tb.Fatal(err)
		}
	}
	if _, err := w.Finish(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return folder
}

func FuzzResults(f *testing.F) {
	seedFrom(f, `[{"image_id": 1, "category_id": 2, "bbox": [1, 2, 3, 4], "score": 0.5}, {"image_id": 9, "category_id": 2.0, "bbox": [1, 2, 3, 4], "score": 0.5}]`)
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parseResults(t.Context(), bytes.NewReader(data), ReadOptions{Of: &Set{Classes: []string{"cat", "dog"}, Pictures: []Picture{{Name: "a.jpg", Width: 9, Height: 9}}}})
		if !refused(t, err) {
			bounded(t, s, nil)
		}
	})
}

// FuzzPeek: whatever a file begins with, it has a format.
func FuzzPeek(f *testing.F) {
	seedFrom(f, `{"images": []}`, `[{"data": {}}]`, "<annotation/>", `{"version": [[{}]], "shapes": 1}`, `{"x1": 1}`, "PAR1", "")
	f.Fuzz(func(t *testing.T, data []byte) {
		at := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(at, data, 0o600); err != nil {
			t.Fatal(err)
		}
		name, err := peek(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Find(name); err != nil {
			t.Fatal(err)
		}
	})
}
