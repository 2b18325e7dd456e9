package convert_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/bind"
	"github.com/glipvk/glipvk/convert"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/loader"
	"github.com/glipvk/glipvk/swin"
)

// The small models.
var (
	tiny = filepath.Join("..", "testdata", "glip", "tiny")
	nano = filepath.Join("..", "testdata", "checkpoints", "mmpretrain-nano.pth")
)

// converted writes a file to a folder of its own, and returns its path.
func converted(t *testing.T, in, name string, o convert.Options) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), name)
	if _, err := convert.File(t.Context(), in, out, o); err != nil {
		t.Fatal(err)
	}
	return out
}

// refused makes sure that a conversion fails with a sentence and leaves nothing.
func refused(t *testing.T, says, in, name string, o convert.Options) {
	t.Helper()
	folder := t.TempDir()
	_, err := convert.File(t.Context(), in, filepath.Join(folder, name), o)
	if !errors.Is(err, glipvk.ErrInput) || !strings.Contains(err.Error(), says) {
		t.Errorf("%s, %+v: %v, want %q", in, o, err, says)
	}
	if list, err := os.ReadDir(folder); err != nil || len(list) > 0 {
		t.Errorf("%s: %v, %v are left", in, list, err)
	}
}

// opened opens a file.
func opened(t *testing.T, path, entry string) *loader.Checkpoint {
	t.Helper()
	src, err := loader.Options{Entry: entry}.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	return src
}

// weights are the parameters that a file has, as packages glip and swin bind them.
func weights(t *testing.T, path, entry string) (bind.Family, map[string][]float32) {
	t.Helper()
	src := opened(t, path, entry)
	var w *bind.Weights
	cfg, _, err := glip.Infer(src)
	if err == nil {
		cfg.PromptRows = glip.PromptRows(src)
		w, err = glip.Bind(src, cfg, bind.Options{})
	} else {
		var body swin.Config
		if body, _, err = swin.Infer(src); err == nil {
			w, err = swin.Bind(src, body, bind.Options{})
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]float32{}
	for _, name := range w.Names() {
		shape, _ := w.Shape(name)
		if all[name], err = w.Tensor(name, shape); err != nil {
			t.Fatal(err)
		}
	}
	return w.Family(), all
}

// same compares bits: no weight is a zero of either sign or no number here.
func same(t *testing.T, what string, got, want map[string][]float32) {
	t.Helper()
	if len(got) != len(want) || len(want) == 0 {
		t.Errorf("%s: %d parameters, want %d", what, len(got), len(want))
	}
	for name, data := range want {
		if !slices.Equal(got[name], data) {
			t.Errorf("%s: %s has other bits", what, name)
		}
	}
}

// edited writes the tensors of a file, as change leaves them, to a safetensors file, with metadata.
func edited(t *testing.T, path string, said map[string]string, change func(list []loader.Saved) []loader.Saved) string {
	t.Helper()
	src := opened(t, path, "")
	var list []loader.Saved
	for _, name := range src.Names() {
		shape, data, err := src.Tensor(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(src.DType(name), "float") {
			list = append(list, saved(name, shape, data))
		}
	}
	var b bytes.Buffer
	if err := loader.SaveSafetensors(&b, said, change(list)); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "edited.safetensors")
	if err := os.WriteFile(out, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return out
}

func saved(name string, shape []int, data []float32) loader.Saved {
	return loader.Saved{Name: name, Shape: shape, Data: func() ([]float32, error) { return data, nil }}
}

// families are the forms that a backbone of one output can have, a name that only that family has, and whether patch
// merging has mmpretrain's order.
var families = map[convert.Names]struct {
	family bind.Family
	key    string
	unfold bool
}{
	convert.Microsoft:   {swin.GLIPDetector, "backbone.body.layers.1.blocks.0.attn.qkv.weight", false},
	convert.MMDetection: {swin.MMPretrain, "backbone.stages.1.blocks.0.attn.w_msa.qkv.weight", true},
	convert.MMPretrain:  {swin.MMPretrain, "backbone.norm3.weight", true},
	convert.HuggingFace: {swin.HuggingFace, "encoder.layers.1.blocks.0.attention.self.value.weight", false},
	convert.Timm:        {swin.Timm, "layers.3.downsample.norm.weight", false},
	convert.Swin:        {swin.Microsoft, "layers.2.downsample.norm.weight", false},
	convert.Torchvision: {swin.Torchvision, "features.6.norm.weight", false},
}

// TestPairs: from every family to every family a backbone keeps its bits, in both formats.
func TestPairs(t *testing.T) {
	if len(families) != len(convert.AllNames()) {
		t.Fatalf("there are names %q", convert.AllNames())
	}
	first := converted(t, nano, "nano.safetensors", convert.Options{OutIndices: []int{3}})
	_, want := weights(t, first, "")
	merge := "stages.2.downsample.norm.weight"
	for from, is := range families {
		a := converted(t, first, "a.pth", convert.Options{Names: from})
		family, got := weights(t, a, "")
		if same(t, string(from), got, want); family != is.family {
			t.Errorf("%s is taken for %s", from, family)
		}
		src := opened(t, a, "")
		if _, ok := src.Shape(is.key); !ok {
			t.Errorf("%s: no %s among %q", from, is.key, src.Names())
		}
		for _, key := range src.Names() {
			if !strings.HasSuffix(key, "downsample.norm.weight") && key != "features.6.norm.weight" {
				continue
			}
			if _, data, err := src.Tensor(key); err != nil || len(data) == len(want[merge]) && slices.Equal(data, want[merge]) != is.unfold {
				t.Errorf("%s: %s: mmpretrain's order %v, want %v; %v", from, key, !is.unfold, is.unfold, err)
			}
		}
		for to := range families {
			b := converted(t, a, "b.safetensors", convert.Options{Names: to})
			_, got := weights(t, b, "")
			same(t, string(from+" to "+to), got, want)
		}
	}
}

// TestThere: what is converted there and back is the same file.
func TestThere(t *testing.T) {
	model := filepath.Join(tiny, "model.pth")
	for _, row := range []struct {
		in, name string
		there    convert.Options
	}{
		{model, "a.pth", convert.Options{Names: convert.MMDetection}},
		{model, "a.safetensors", convert.Options{Names: convert.MMDetection}},
		{nano, "a.pth", convert.Options{Names: convert.HuggingFace}},
		{nano, "a.safetensors", convert.Options{Names: convert.Swin}},
	} {
		_, want := weights(t, row.in, "")
		first := converted(t, row.in, row.name, convert.Options{})
		there := converted(t, first, "there.safetensors", row.there)
		_, got := weights(t, there, "")
		same(t, string(row.there.Names), got, want)
		names := convert.MMPretrain
		if row.in == model {
			names = convert.Microsoft
		}
		back := converted(t, there, row.name, convert.Options{Names: names})
		if !bytes.Equal(content(t, first), content(t, back)) {
			t.Errorf("%s by %s is another file afterwards", row.in, row.there.Names)
		}
		if list := opened(t, first, "").Names(); strings.HasPrefix(list[0], "module.") {
			t.Errorf("names begin with %s", list[0])
		}
	}
}

func content(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestWrappers: a .pth has the entry that its program looks for.
func TestWrappers(t *testing.T) {
	for names, want := range map[convert.Names]string{
		convert.Microsoft: "model", convert.MMDetection: "state_dict", convert.MMPretrain: "state_dict", convert.Swin: "model", convert.HuggingFace: "", convert.Timm: "", convert.Torchvision: "",
	} {
		path := converted(t, nano, "a.bin", convert.Options{Names: names, OutIndices: []int{3}})
		if got := opened(t, path, "").Wrapper(); got != want {
			t.Errorf("%s: the tensors are in %q, want %q", names, got, want)
		}
	}
}

// TestOutputs: norms of several outputs have names in some families; the others refuse them by name.
func TestOutputs(t *testing.T) {
	_, want := weights(t, nano, "")
	for names, key := range map[convert.Names]string{
		convert.Microsoft: "backbone.body.norm1.weight", convert.MMDetection: "backbone.norm2.bias", convert.MMPretrain: "backbone.norm3.bias",
		convert.HuggingFace: "hidden_states_norms.stage2.weight", convert.Swin: "norm1.weight",
	} {
		path := converted(t, nano, "a.safetensors", convert.Options{Names: names})
		if _, got := weights(t, path, ""); !slices.Contains(opened(t, path, "").Names(), key) {
			t.Errorf("%s: no %s", names, key)
		} else {
			same(t, string(names), got, want)
		}
	}
	for _, names := range []convert.Names{convert.Timm, convert.Torchvision} {
		refused(t, "norm1.weight, norm1.bias, norm2.weight, norm2.bias; ask for the output of the last stage alone (OutIndices 3)", nano, "a.pth", convert.Options{Names: names})
		refused(t, "norm2.weight, norm2.bias; ", nano, "a.pth", convert.Options{Names: names, OutIndices: []int{2, 3, 2}})
	}
	refused(t, "OutIndices [0 3], but "+nano+" has norms of stages [1 2 3]", nano, "a.pth", convert.Options{OutIndices: []int{3, 0}})
	refused(t, "whole detector", filepath.Join(tiny, "model.pth"), "a.pth", convert.Options{OutIndices: []int{3}})
}

// TestBackbone: of a detector its backbone is written when it is asked for, and else refused with what has no name.
func TestBackbone(t *testing.T) {
	model := filepath.Join(tiny, "model.pth")
	_, all := weights(t, model, "")
	want := map[string][]float32{}
	for name, data := range all {
		if rest, ok := strings.CutPrefix(name, "backbone.body."); ok {
			want[rest] = data
		}
	}
	moved := converted(t, model, "moved.pth", convert.Options{Names: convert.MMDetection})
	for _, in := range []string{model, moved} {
		for _, names := range []convert.Names{"", convert.MMPretrain, convert.HuggingFace} {
			_, got := weights(t, converted(t, in, "a.safetensors", convert.Options{Names: names, Backbone: true}), "")
			same(t, string(names), got, want)
		}
		refused(t, "a whole detector: ", in, "a.safetensors", convert.Options{Names: convert.MMPretrain})
		_, got := weights(t, converted(t, in, "last.safetensors", convert.Options{Names: convert.Timm, Backbone: true, OutIndices: []int{3}}), "")
		if !slices.Equal(got["norm3.weight"], want["norm3.weight"]) || got["norm1.weight"] != nil {
			t.Error("another norm than the last stage's")
		}
	}
	part := filepath.Join("..", "testdata", "checkpoints", "glip-detector-nano.pth")
	refused(t, "6 tensors beside a Swin backbone, which are not converted: module.", part, "a.pth", convert.Options{Names: convert.MMPretrain})
	_, got := weights(t, converted(t, part, "a.pth", convert.Options{Names: convert.MMPretrain, Backbone: true}), "")
	_, nanos := weights(t, nano, "")
	same(t, part, got, nanos)
}

// TestPrecision: types stay, or become what is asked for; what 16 bits do not hold is listed.
func TestPrecision(t *testing.T) {
	brain := filepath.Join("..", "testdata", "checkpoints", "nano-bfloat16.safetensors")
	_, want := weights(t, brain, "")
	for _, p := range append(convert.Precisions(), "") {
		path := converted(t, brain, "a.pth", convert.Options{Names: convert.HuggingFace, Precision: p})
		stored := map[convert.Precision]string{convert.F32: "float32", convert.F16: "float16", convert.BF16: "bfloat16", "": "bfloat16"}[p]
		src := opened(t, path, "")
		for _, name := range src.Names() {
			if src.DType(name) != stored {
				t.Errorf("%s: %s is %s, want %s", p, name, src.DType(name), stored)
			}
		}
		if _, got := weights(t, path, ""); p != convert.F16 {
			same(t, string(p), got, want)
		}
		if p == convert.F16 { // whose numbers stay when they are stored so again
			_, once := weights(t, path, "")
			_, twice := weights(t, converted(t, path, "b.safetensors", convert.Options{Names: convert.Swin, Precision: p}), "")
			same(t, "f16 twice", twice, once)
		}
	}
	large := edited(t, nano, nil, func(list []loader.Saved) []loader.Saved {
		for _, i := range []int{3, 8} {
			_, data, _ := opened(t, nano, "").Tensor(list[i].Name)
			data[1] = 70000
			list[i] = saved(list[i].Name, list[i].Shape, data)
		}
		return list
	})
	refused(t, "16 bits do not hold all weights: ", large, "a.pth", convert.Options{Precision: convert.F16})
	refused(t, " reaches 70000, stages.0.", large, "a.pth", convert.Options{Precision: convert.F16})
	converted(t, large, "a.pth", convert.Options{Precision: convert.BF16})
	refused(t, `precision "int8", want one of ["f32" "f16" "bf16"]`, nano, "a.pth", convert.Options{Precision: "int8"})
}

// TestEntries: of a training's file one set of weights is taken, and its state is left out.
func TestEntries(t *testing.T) {
	src := opened(t, nano, "")
	var raw, average, state []loader.Saved
	for _, name := range src.Names() {
		shape, data, err := src.Tensor(name)
		if err != nil || src.DType(name) != "float32" {
			continue
		}
		less := slices.Clone(data)
		less[0]++
		raw, average, state = append(raw, saved(name, shape, data)), append(average, saved(name, shape, less)), append(state, saved(name+".exp_avg", shape, data))
	}
	var b bytes.Buffer
	if err := loader.SavePickle(&b, nil, loader.SavedEntry{Name: "model", Tensors: raw}, loader.SavedEntry{Name: "model_ema", Tensors: average}, loader.SavedEntry{Name: "optimizer", Tensors: state}); err != nil {
		t.Fatal(err)
	}
	both := filepath.Join(t.TempDir(), "both.pth")
	if err := os.WriteFile(both, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, entry := range []string{"", "model_ema"} {
		_, want := weights(t, both, entry)
		out := filepath.Join(t.TempDir(), "a.pth")
		r, err := convert.File(t.Context(), both, out, convert.Options{Entry: entry, Names: convert.Microsoft})
		if err != nil {
			t.Fatal(err)
		}
		_, got := weights(t, out, "")
		if same(t, "entry "+entry, got, want); r.Bytes > int64(b.Len())/2 {
			t.Errorf("%d bytes of %d", r.Bytes, b.Len())
		}
		if others := opened(t, out, "").Others(); len(others) > 0 {
			t.Errorf("beside the weights are %q", others)
		}
		if noted := strings.Contains(strings.Join(r.Notes, "\n"), "the file has model_ema"); noted != (entry == "") {
			t.Errorf("entry %q: notes %q", entry, r.Notes)
		}
	}
	refused(t, `no entry called "ema"`, both, "a.pth", convert.Options{Entry: "ema"})
}
