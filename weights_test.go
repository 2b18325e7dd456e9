package glipvk_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/loader"
)

// nanoFile is a checkpoint of the architecture nano.
const nanoFile = "testdata/checkpoints/mmpretrain-nano.pth"

// under names every tensor with each of some prefixes before it.
func under(prefixes ...string) func(string, []float32) []string {
	return func(name string, _ []float32) (names []string) {
		for _, p := range prefixes {
			names = append(names, p+strings.TrimPrefix(name, "backbone."))
		}
		return names
	}
}

// What stands before all names of a model is found, of models side by side one is chosen, and
// the features are those of the plain file.
func TestPrefixes(t *testing.T) {
	const device = "cpu"
	x := tensor(1, 128, 128, 5)
	want := extract(t, open(t, glipvk.BackboneOptions{Options: glipvk.Options{Device: device, Weights: nanoFile}}), x)
	for _, tc := range []struct {
		name, entry, note string
		as                func(string, []float32) []string
	}{
		{"plain", "", "", under("")},
		{"data parallel", "", "", under("module.module.")},
		{"known", "", "", under("backbone.")},
		{"EMAHook", "", "", func(name string, _ []float32) []string {
			return []string{name, "ema_" + strings.ReplaceAll(name, ".", "_")}
		}},
		{"compiled", "", `begin with "_orig_mod."`, under("_orig_mod.")},
		{"compiled inside", "", "", under("backbone._orig_mod.")},
		{"both", "", `begin with "module._orig_mod.module."`, under("module._orig_mod.module.")},
		{"lightning", "", `begin with "model."`, under("model.backbone.")},
		{"net", "", `begin with "net."`, under("net.")},
		{"deep", "", `begin with "algorithm.architecture.teacher.model."`, under("algorithm.architecture.teacher.model.backbone.")},
		{"teacher", "teacher", "", under("student.backbone.", "teacher.backbone.")},
		{"its backbone", "teacher.backbone", "", under("student.backbone.", "teacher.backbone.")},
		{"with a stop", "ema.", "", under("ema.", "raw.")},
		{"beside others", "", `begin with "net.", which is left out; 131 of the file's 132`, func(name string, _ []float32) []string {
			if name == "backbone.norm3.bias" {
				return []string{"net." + name, "criterion.weight"}
			}
			return []string{"net." + name}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := copied(t, nanoFile, "model.safetensors", tc.as)
			b := open(t, glipvk.BackboneOptions{Options: glipvk.Options{Device: device, Weights: path, WeightsEntry: tc.entry}})
			if got := extract(t, b, x); !equal(got, want) {
				t.Error("other features than from the plain file")
			}
			if notes := strings.Join(b.Notes(), "\n"); tc.note == "" && notes != "" || !strings.Contains(notes, tc.note) {
				t.Errorf("notes %q, want %q", notes, tc.note)
			}
		})
	}
	for _, tc := range []struct {
		entry string
		kind  error
		words []string
	}{
		{"", loader.ErrChoice, []string{"teacher. (131 tensors)", "student. (131 tensors)", "name the one"}},
		{"eacher", loader.ErrMissing, []string{`"eacher"`}},
	} {
		path := copied(t, nanoFile, "model.safetensors", under("student.", "teacher."))
		_, err := glipvk.OpenBackbone(t.Context(), "", glipvk.BackboneOptions{Arch: nano(), Options: glipvk.Options{Device: device, Weights: path, WeightsEntry: tc.entry}})
		if !errors.Is(err, tc.kind) || !errors.Is(err, glipvk.ErrInput) {
			t.Errorf("entry %q: %v", tc.entry, err)
		}
		for _, word := range tc.words {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("entry %q: %v, want %q in it", tc.entry, err, word)
			}
		}
	}
}

// A whole detector is found below a prefix as well.
func TestDetectorPrefix(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	for _, prefix := range []string{"", "net.", "module._orig_mod."} {
		d := openTiny(t, c, func(o *glipvk.DetectorOptions) {
			o.Device, o.Weights = "cpu", copied(t, tiny("model.pth"), "model.safetensors", func(name string, _ []float32) []string {
				return []string{prefix + strings.TrimPrefix(name, "module.")}
			})
		})
		if said := len(d.Notes()) == 1; said != (prefix != "") {
			t.Errorf("%q: notes %q", prefix, d.Notes())
		}
	}
}

// A file of zeros from some point on, and one with a hole, open with a word of warning.
func TestZeros(t *testing.T) {
	emptied := func(from, to int) func(string, []float32) []string {
		at := 0
		return func(name string, values []float32) []string {
			if at++; at > from && at <= to {
				clear(values)
			}
			return []string{name}
		}
	}
	for _, tc := range []struct {
		name  string
		as    func(string, []float32) []string
		notes []string
	}{
		{"sound", emptied(0, 0), nil},
		{"from some point on", emptied(60, 1000), []string{"behind it in the file are zeros", "of the weights are nothing but zeros"}},
		{"a hole", emptied(20, 40), []string{"of the weights are nothing but zeros, the first stages."}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := copied(t, nanoFile, "model.safetensors", tc.as)
			b := open(t, glipvk.BackboneOptions{Options: glipvk.Options{Device: "cpu", Weights: path}})
			if len(b.Notes()) != len(tc.notes) {
				t.Fatalf("notes %q", b.Notes())
			}
			for i, want := range tc.notes {
				if !strings.Contains(b.Notes()[i], want) {
					t.Errorf("note %q, want %q", b.Notes()[i], want)
				}
			}
		})
	}
}
