package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/glipvk/glipvk/dataset"
)

// committed is the folder of the sample, from here.
const committed = "../../testdata/world"

// fontSum is the font's of which the sample was drawn, Debian 12's.
const fontSum = "e5899ed38b8ed83e08bd3ac5de09791e9d19d288333a796de1d35ad17396f1ec"

func openPNG(t *testing.T, path string) image.Image {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return picture
}

// The committed scenes are read with nothing left out, and are what their readers count on.
func TestSample(t *testing.T) {
	sets := map[string]*dataset.Set{}
	for name, pictures := range map[string]int{"names": 12, "sentences": 12, "pairs": 12, "zeroshot": 12, "novel": 24, "novel-val": 12} {
		set, err := dataset.Open(t.Context(), filepath.Join(committed, name+".json"), dataset.Options{Strict: true})
		if err != nil || len(set.Pictures) != pictures || set.Report.String() != "" {
			t.Fatalf("%s: %v, %d pictures, %s", name, err, len(set.Pictures), set.Report)
		}
		for _, p := range set.Pictures {
			if got := openPNG(t, p.Path).Bounds(); got != image.Rect(0, 0, side, side) {
				t.Errorf("%s has the bounds %v", p.Path, got)
			}
		}
		sets[name] = set
	}
	shown := map[string]int{}
	for _, o := range sets["names"].Pictures[0].Objects {
		shown[sets["names"].Categories[o.Label-1].Name]++
	}
	if first := sets["sentences"].Pictures[0]; len(shown) != 2 || shown["apple"] != 1 || shown["dog"] != 2 || first.Caption != demo || len(first.Objects) != 3 {
		t.Errorf("the first scene shows %v and is told as %q", shown, first.Caption)
	}
	for _, name := range []string{"novel", "novel-val"} {
		pictures := map[int]int{}
		for _, p := range sets[name].Pictures {
			in := map[int]bool{}
			for _, o := range p.Objects {
				in[o.Label] = true
			}
			for label := range in {
				pictures[label]++
			}
		}
		for label, c := range sets[name].Categories {
			if n := pictures[label+1]; n < 5 && name == "novel" || n == 0 {
				t.Errorf("%s: %d pictures of %s", name, n, c.Name)
			}
		}
	}
}

// What is committed is what the program draws.
func TestSampleDrawnAgain(t *testing.T) {
	w := open(t)
	if runtime.GOARCH != "amd64" {
		t.Skip("the sample was drawn on amd64; other processors may round otherwise")
	}
	font, err := os.ReadFile(fontPath)
	if err != nil {
		t.Fatal(err)
	}
	if sum := fmt.Sprintf("%x", sha256.Sum256(font)); sum != fontSum {
		t.Skipf("%s has the sum %s, not %s of Debian 12's %s 2.042: it draws other scenes", fontPath, sum, fontSum, fontPackage)
	}
	folder := t.TempDir()
	for _, set := range w.sampleSets() {
		var was annotations
		data, err := os.ReadFile(filepath.Join(committed, set.lists[0].name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, &was); err != nil {
			t.Fatal(err)
		}
		for _, p := range set.parts {
			p.count = 1
			drawn, err := p.draw(t.Context(), w, folder, 1, png.BestSpeed)
			if err != nil {
				t.Fatal(err)
			}
			name := drawn[0].file
			is, want := openPNG(t, filepath.Join(folder, name)), openPNG(t, filepath.Join(committed, name))
			for i := range side * side {
				if at := image.Pt(i%side, i/side); is.At(at.X, at.Y) != want.At(at.X, at.Y) {
					t.Fatalf("%s: %v at %v, want %v; after a change on purpose: go run ./tools/world --sample testdata/world", name, is.At(at.X, at.Y), at, want.At(at.X, at.Y))
				}
			}
			var boxes [][4]int
			for _, a := range was.Annotations {
				if was.Images[a.Picture-1].FileName == name {
					boxes = append(boxes, a.Box)
				}
			}
			again := annotate(set.lists[0].categories, drawn)
			if len(again.Annotations) != len(boxes) {
				t.Fatalf("%s: %d things, want %d", name, len(again.Annotations), len(boxes))
			}
			for i, a := range again.Annotations {
				if a.Box != boxes[i] {
					t.Errorf("%s: box %v, want %v", name, a.Box, boxes[i])
				}
			}
		}
	}
}
