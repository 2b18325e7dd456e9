package main

import (
	"bytes"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/loader"
)

// A file that says nothing of itself says it afterwards, in half the room; what it says stays when it is packed again.
func TestPack(t *testing.T) {
	tiny := filepath.Join("..", "..", "testdata", "glip", "tiny")
	model, once, twice := filepath.Join(tiny, "model.pth"), filepath.Join(t.TempDir(), "once.safetensors"), filepath.Join(t.TempDir(), "twice.safetensors")
	named := []string{"-arch", filepath.Join(tiny, "arch.json"), "-vocab", filepath.Join(tiny, "vocab.txt")}
	for _, args := range [][]string{
		append(named, "-size", "64,96", "-about", "commit=1f2e3d", "-out", once, model),
		{"-half", "-about", "ap50=0.83", "-about", "commit=4a5b", "-out", twice, once},
	} {
		var said bytes.Buffer
		if err := run(args, &said, &said); err != nil || !strings.Contains(said.String(), ".safetensors: 305 tensors, ") {
			t.Fatalf("%v, %s", err, said.String())
		}
	}
	card, err := glipvk.OpenCard(twice, "")
	if err != nil || card.Size.String() != "64,96" || card.About["ap50"] != "0.83" || card.About["commit"] != "4a5b" || card.Vocabulary.Size() != 209 {
		t.Errorf("%+v, %v", card, err)
	}
	l, err := glipvk.LoadDetector("", glipvk.DetectorOptions{Options: glipvk.Options{Weights: twice}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	before, err := loader.Open(model)
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	after, err := loader.Open(twice)
	if err != nil {
		t.Fatal(err)
	}
	defer after.Close()
	for _, name := range after.Names() {
		_, want, err := before.Tensor(name)
		if err != nil {
			t.Fatal(err)
		}
		_, got, err := after.Tensor(name)
		if err != nil || after.DType(name) != "float16" {
			t.Fatalf("%s is %s, %v", name, after.DType(name), err)
		}
		for i, v := range want {
			if off := math.Abs(float64(got[i] - v)); !(off <= math.Max(math.Abs(float64(v))/2048, 1.0/(1<<25))) {
				t.Fatalf("%s: %g became %g", name, v, got[i])
			}
		}
	}
}

// What cannot be packed is said by the name of the flag or the file.
func TestPackRefuses(t *testing.T) {
	model, out := filepath.Join("..", "..", "testdata", "glip", "tiny", "model.pth"), filepath.Join(t.TempDir(), "out.safetensors")
	own := filepath.Join("..", "..", "world", "glip-world.safetensors") // which says what it is of
	for says, args := range map[string][]string{
		"give -arch":           {"-out", out, model},
		"want one":             {"-out", out},
		"want KEY=TEXT":        {"-about", "x", "-out", out, model},
		"none.json":            {"-arch", "none.json", "-out", out, model},
		"none.txt":             {"-vocab", "none.txt", "-out", out, own},
		`size "9,3"`:           {"-size", "9,3", "-out", out, own},
		`key "AP"`:             {"-about", "AP=1", "-out", out, own},
		"none.safetensors":     {"-out", out, "none.safetensors"},
		"out FILE.safetensors": {"-out", "x.pth", own},
	} {
		var said bytes.Buffer
		if err := run(args, &said, &said); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", args, err, says)
		}
	}
}
