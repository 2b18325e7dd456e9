package labels

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// The tables as another reader of them would see them: by the schema in the file, with types of its own.
func TestParquet(t *testing.T) {
	list := twoPictures()
	list[1].Objects[1].Scored = false
	folder, _ := written(t, "parquet", Options{Model: "glip-t", Weights: "abc", Prompt: "cat. hot dog"}, list)
	type found struct {
		Image   string   `parquet:"image"`
		Label   int64    `parquet:"label"`
		Class   string   `parquet:"class"`
		Score   *float64 `parquet:"score"`
		X1      float64  `parquet:"x1"`
		Y2      float64  `parquet:"y2"`
		Model   string   `parquet:"model"`
		Weights string   `parquet:"weights"`
		Prompt  string   `parquet:"prompt"`
	}
	rows, err := parquet.ReadFile[found](filepath.Join(folder, "detections.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	score := 0.75
	want := []found{
		{"a & b.jpg", 2, "hot dog", &score, 10.25, 40.5, "glip-t", "abc", "cat. hot dog"},
		{"a & b.jpg", 1, "cat", nil, -3, 50, "glip-t", "abc", "cat. hot dog"},
	}
	if !reflect.DeepEqual(rows, want) {
		t.Errorf("rows %+v, want %+v", rows, want)
	}
	type shown struct {
		Image      string `parquet:"image"`
		Detections int64  `parquet:"detections"`
	}
	pictures, err := parquet.ReadFile[shown](filepath.Join(folder, "pictures.parquet"))
	if err != nil || !reflect.DeepEqual(pictures, []shown{{"a & b.jpg", 2}, {"b/dog.png", 0}}) {
		t.Errorf("%v, %+v", err, pictures)
	}
}

// Columns have the names that are promised, and only score and split may be absent.
func TestParquetSchema(t *testing.T) {
	folder, _ := written(t, "parquet", Options{}, twoPictures())
	for name, columns := range map[string]string{
		"detections.parquet": "image width height label class score x1 y1 x2 y2 model weights prompt split",
		"pictures.parquet":   "image width height detections split",
	} {
		f, err := os.Open(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		p, err := parquet.OpenFile(f, info.Size())
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, field := range p.Schema().Fields() {
			names = append(names, field.Name())
			if optional := field.Name() == "score" || field.Name() == "split"; field.Optional() != optional {
				t.Errorf("%s: column %s: may be absent: %v", name, field.Name(), field.Optional())
			}
		}
		if strings.Join(names, " ") != columns {
			t.Errorf("%s has the columns %q, want %s", name, names, columns)
		}
	}
}
