package main

import (
	"bytes"
	"encoding/json"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// The same seed draws the same bytes, another one others; every thing lies in its picture and has the colour that its name says.
func TestScenes(t *testing.T) {
	folders := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	for i, seed := range []string{"1", "1", "2"} {
		if err := run([]string{"-out", folders[i], "-seed", seed, "-count", "10"}, io.Discard, io.Discard); err != nil {
			t.Fatal(err)
		}
	}
	read := func(folder int, name string) []byte {
		data, err := os.ReadFile(filepath.Join(folders[folder], name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for _, name := range []string{"train.json", "val.json", "000001.png", "000010.png"} {
		if !bytes.Equal(read(0, name), read(1, name)) || bytes.Equal(read(0, name), read(2, name)) {
			t.Errorf("%s does not depend on the seed alone", name)
		}
	}
	for _, file := range []struct {
		name     string
		pictures int
	}{{"train.json", 8}, {"val.json", 2}} {
		var a annotations
		if err := json.Unmarshal(read(0, file.name), &a); err != nil || len(a.Images) != file.pictures || len(a.Categories) != 9 || a.Categories[0].Name != "red square" || len(a.Annotations) < file.pictures {
			t.Fatalf("%s: %v, %d pictures, categories %v, %d things", file.name, err, len(a.Images), a.Categories, len(a.Annotations))
		}
		for _, x := range a.Annotations {
			img, err := png.Decode(bytes.NewReader(read(0, a.Images[x.Picture-a.Images[0].ID].FileName)))
			if err != nil {
				t.Fatal(err)
			}
			b := img.Bounds()
			if x.Box[0] < 0 || x.Box[1] < 0 || x.Box[0]+x.Box[2] > float64(b.Dx()) || x.Box[1]+x.Box[3] > float64(b.Dy()) {
				t.Errorf("%+v lies outside of %v", x, b)
			}
			r, g, bl, _ := img.At(int(x.Box[0]+x.Box[2]/2), int(x.Box[1]+x.Box[3]/2)).RGBA()
			if strongest := []uint32{r, g, bl}; strongest[(x.Category-1)/len(shapes)] != max(r, g, bl) {
				t.Errorf("%+v, %s, has the colour %v", x, a.Categories[x.Category-1].Name, strongest)
			}
		}
	}
	for _, args := range [][]string{{"-count", "1"}, {"-width", "9"}, {"more"}, {"-seed", "x"}} {
		if err := run(append([]string{"-out", folders[0]}, args...), io.Discard, io.Discard); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}
