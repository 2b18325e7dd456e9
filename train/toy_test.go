package train_test

import (
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/train"
)

// toy writes so many pictures of a square each and their annotations, and returns the annotations' path.
func toy(t testing.TB, folder string, count int) string {
	t.Helper()
	type object = map[string]any
	var pictures, annotations []object
	for i := range count {
		name, x, y := fmt.Sprintf("%d.png", i), 7+9*i%40, 5+7*i%30
		drawn := image.NewRGBA(image.Rect(0, 0, 96, 80))
		for k := range 32 * 32 {
			drawn.Set(x+k%32, y+k/32, color.RGBA{uint8(255 * (i % 2)), 90, uint8(20 * i), 255})
		}
		f, err := os.Create(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := png.Encode(f, drawn); err != nil || f.Close() != nil {
			t.Fatal(err)
		}
		pictures = append(pictures, object{"id": i + 1, "file_name": name, "width": 96, "height": 80})
		annotations = append(annotations, object{"id": i + 1, "image_id": i + 1, "category_id": 1 + i%2, "bbox": []int{x, y, 32, 32}})
	}
	text, err := json.Marshal(object{"images": pictures, "annotations": annotations, "categories": []object{{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}}})
	path := filepath.Join(folder, "toy.json")
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// course is one through the toy set at path.
func course(t testing.TB, path, out string) train.Course {
	t.Helper()
	set, err := dataset.Open(t.Context(), path, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return train.Course{Train: set, Batch: 2, Shorts: []int{64, 80}, Long: 128, Flip: 0.5, Steps: 3, Out: out}
}

// loaded is the small detector.
func loaded(t testing.TB, device string) *glipvk.Loaded {
	t.Helper()
	cfg, err := glip.ParseConfig([]byte(tiny))
	if err != nil {
		t.Fatal(err)
	}
	d, err := glipvk.LoadDetector("", glipvk.DetectorOptions{
		Options: glipvk.Options{Device: device, Weights: "synthetic:1"}, Arch: &cfg, Vocabulary: "../testdata/glip/tiny/vocab.txt",
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// trainer trains it on the CPU.
func trainer(t testing.TB, change func(*train.Options)) *train.Trainer {
	t.Helper()
	o, _ := train.Defaults(train.Full, 0)
	if change != nil {
		change(&o)
	}
	tr := readied(t, loaded(t, "cpu"), o)
	t.Cleanup(func() {
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	})
	return tr
}
