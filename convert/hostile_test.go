package convert_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/bind"
	"github.com/glipvk/glipvk/convert"
	"github.com/glipvk/glipvk/loader"
)

// TestHostile: what is damaged, hostile or no model is an error that names the file, and nothing is written.
func TestHostile(t *testing.T) {
	folder := filepath.Join("..", "testdata", "checkpoints")
	var manifest struct {
		Files []struct{ File, Expect, Level string }
	}
	if err := json.Unmarshal(content(t, filepath.Join(folder, "manifest.json")), &manifest); err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, f := range manifest.Files {
		if f.Expect == "error" {
			tried++
			refused(t, f.File, filepath.Join(folder, f.File), "a.safetensors", convert.Options{})
		}
	}
	if tried < 50 {
		t.Errorf("only %d files were tried", tried)
	}
	refused(t, "layouts.pth", filepath.Join(folder, "layouts.pth"), "a.pth", convert.Options{}) // sound, and no model
	refused(t, "none.pth", "none.pth", "a.pth", convert.Options{})
	refused(t, `names "keras", want one of`, nano, "a.pth", convert.Options{Names: "keras"})
}

// TestNonFinite: NaN is refused with the tensors that have it, or passes where that is asked for.
func TestNonFinite(t *testing.T) {
	odd := edited(t, nano, nil, func(list []loader.Saved) []loader.Saved {
		for _, i := range []int{2, 5} {
			_, data, _ := opened(t, nano, "").Tensor(list[i].Name)
			data[0] /= 0 * data[0]
			list[i] = saved(list[i].Name, list[i].Shape, data)
		}
		return list
	})
	out := filepath.Join(t.TempDir(), "a.pth")
	_, err := convert.File(t.Context(), odd, out, convert.Options{Names: convert.Swin})
	var bad *bind.Error
	if !errors.As(err, &bad) || len(bad.NonFinite) != 2 || !errors.Is(err, glipvk.ErrInput) {
		t.Errorf("%v, want two tensors", err)
	}
	if _, err := convert.File(t.Context(), odd, out, convert.Options{Names: convert.Swin, AllowNonFinite: true}); err != nil {
		t.Error(err)
	}
}

// TestUnrecognised: a backbone of one stage has nothing by which names of timm could be told from others.
func TestUnrecognised(t *testing.T) {
	stage := edited(t, nano, nil, func(list []loader.Saved) []loader.Saved {
		var first []loader.Saved
		for _, s := range list {
			if strings.Contains(s.Name, "patch_embed") || strings.Contains(s.Name, "stages.0.blocks.") {
				first = append(first, s)
			}
		}
		one := make([]float32, 8)
		return append(first, saved("backbone.norm0.weight", []int{8}, one), saved("backbone.norm0.bias", []int{8}, one))
	})
	converted(t, stage, "a.pth", convert.Options{Names: convert.HuggingFace})
	refused(t, "would not be recognised; ask for other names", stage, "a.pth", convert.Options{Names: convert.Timm})
}

// TestCancelled: a context that is over ends a conversion, which leaves nothing.
func TestCancelled(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	folder := t.TempDir()
	_, err := convert.File(over, nano, filepath.Join(folder, "a.pth"), convert.Options{})
	if list, _ := os.ReadDir(folder); !errors.Is(err, context.Canceled) || errors.Is(err, glipvk.ErrInput) || len(list) > 0 {
		t.Errorf("%v, left are %v", err, list)
	}
}

// TestShards: no file of a sharded set is written over.
func TestShards(t *testing.T) {
	folder := t.TempDir()
	part := filepath.Join(folder, "part.safetensors")
	if _, err := convert.File(t.Context(), nano, part, convert.Options{}); err != nil {
		t.Fatal(err)
	}
	places := map[string]string{}
	for _, name := range opened(t, part, "").Names() {
		places[name] = "part.safetensors"
	}
	index, err := json.Marshal(map[string]any{"weight_map": places})
	if err != nil {
		t.Fatal(err)
	}
	in := filepath.Join(folder, "model.safetensors.index.json")
	if err := os.WriteFile(in, index, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := convert.File(t.Context(), in, part, convert.Options{Force: true}); err == nil || !strings.Contains(err.Error(), "which is read") {
		t.Errorf("%v", err)
	}
	_, want := weights(t, part, "")
	_, got := weights(t, converted(t, in, "a.pth", convert.Options{Names: convert.Microsoft}), "")
	same(t, "a set", got, want)
}

// FuzzFile: whatever a file holds, it becomes another or is refused, and then nothing is left.
func FuzzFile(f *testing.F) {
	for _, name := range []string{"pico.pth", "bad-nan.safetensors", "bad-missing-one.pth"} {
		data, err := os.ReadFile(filepath.Join("..", "testdata", "checkpoints", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, "timm", uint8(0))
		f.Add(data, "huggingface", uint8(3))
	}
	f.Fuzz(func(t *testing.T, data []byte, names string, stage uint8) {
		folder := t.TempDir()
		in, out := filepath.Join(folder, "in.pth"), filepath.Join(folder, "out", "out.safetensors")
		if err := os.WriteFile(in, data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := convert.File(t.Context(), in, out, convert.Options{Names: convert.Names(names), OutIndices: []int{int(stage)}, AllowNonFinite: true, Backbone: true})
		if _, missing := os.Stat(out); (err == nil) == (missing != nil) {
			t.Errorf("%v, and %v", err, missing)
		}
	})
}
