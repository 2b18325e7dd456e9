package swin_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/bind"
	"github.com/glipvk/glipvk/loader"
	"github.com/glipvk/glipvk/swin"
)

var (
	_ bind.Source = (*loader.Checkpoint)(nil)
	_ bind.Source = (*memory)(nil)
)

// row is a line of checkpoints/manifest.json.
type row struct {
	File, Expect, Level, Tensor string
	Naming, Arch, Canonical     string
	Error, Taps, Absent, Ignore []string
	Also                        []string `json:"may_also"`
}

// golden is a folder of checkpoints with what must come of them.
type golden struct {
	folder    string
	Files     []row
	Archs     map[string]json.RawMessage
	canonical map[string]map[string]digest
}

// digest identifies a tensor after renaming.
type digest struct {
	Shape  []int
	SHA256 string
}

// goldens reads the project's own folder and, if it is there, the full one.
func goldens(t *testing.T) []golden {
	t.Helper()
	folders := []string{"../testdata/checkpoints"}
	const shared = "../../shared/golden/swin/checkpoints"
	if _, err := os.Stat(shared); err == nil {
		folders = append(folders, shared)
	} else {
		t.Logf("%s is absent: only the project's own files are tested", shared)
	}
	var list []golden
	for _, folder := range folders {
		g := golden{folder: folder, canonical: map[string]map[string]digest{}}
		decode(t, filepath.Join(folder, "manifest.json"), &g)
		var raw map[string]json.RawMessage
		decode(t, filepath.Join(folder, "canonical.json"), &raw)
		for name, text := range raw {
			var tensors map[string]digest
			if name != "about" {
				if err := json.Unmarshal(text, &tensors); err != nil {
					t.Fatal(err)
				}
				g.canonical[name] = tensors
			}
		}
		list = append(list, g)
	}
	return list
}

func decode(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// config is the architecture a row names; files without inner norms serve the
// last output alone.
func (g golden) config(t *testing.T, r row) swin.Config {
	t.Helper()
	arch := r.Arch
	if arch == "" {
		arch = "pico" // the damaged files were made from pico.pth
	}
	cfg, err := swin.ParseConfig(g.Archs[arch])
	if err != nil {
		t.Fatal(err)
	}
	if slices.Equal(r.Taps, []string{"out.3"}) {
		cfg.OutIndices = []int{3}
	}
	return cfg
}

// digestOf is the sha256 of little-endian float32.
func digestOf(data []float32) string {
	var buf []byte
	for _, v := range data {
		buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
	}
	sum := sha256.Sum256(buf)
	return hex.EncodeToString(sum[:])
}

// TestGoldenBind: every sound checkpoint gives the canonical tensors bit for bit.
func TestGoldenBind(t *testing.T) {
	for _, g := range goldens(t) {
		for _, r := range g.Files {
			if r.Expect != "ok" || r.Canonical == "" {
				continue
			}
			t.Run(filepath.Base(filepath.Dir(g.folder))+"/"+r.File, func(t *testing.T) {
				src, err := loader.Open(filepath.Join(g.folder, r.File))
				if err != nil {
					t.Fatal(err)
				}
				defer src.Close()
				cfg := g.config(t, r)
				w, err := swin.Bind(src, cfg, bind.Options{})
				if err != nil {
					t.Fatal(err)
				}
				want := g.canonical[r.Canonical]
				if len(w.Names())+len(r.Absent) != len(want) {
					t.Errorf("%d tensors bound and %d absent, want %d in all", len(w.Names()), len(r.Absent), len(want))
				}
				for _, name := range w.Names() {
					shape, data, err := tensorOf(w, name)
					if err != nil {
						t.Fatal(err)
					}
					if !slices.Equal(shape, want[name].Shape) || digestOf(data) != want[name].SHA256 {
						t.Errorf("%s %v is not the canonical tensor %v", name, shape, want[name].Shape)
					}
				}
				checkIgnored(t, r, w)
				checkInference(t, r, src, cfg)
				if _, err := w.Check(context.Background()); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// checkIgnored: what the row lists as ignored is, and nothing else but buffers.
func checkIgnored(t *testing.T, r row, w *bind.Weights) {
	t.Helper()
	hits := map[string]int{}
	for _, ignored := range w.Ignored() {
		listed := strings.HasSuffix(ignored.Key, "relative_position_index")
		for _, pattern := range r.Ignore {
			if ok, err := path.Match(pattern, ignored.Key); err != nil {
				t.Fatal(err)
			} else if ok {
				listed = true
				hits[pattern]++
			}
		}
		if !listed || ignored.Reason == "" {
			t.Errorf("%s is ignored (%q), the manifest does not say so", ignored.Key, ignored.Reason)
		}
	}
	for _, pattern := range r.Ignore {
		if hits[pattern] == 0 {
			t.Errorf("nothing that matches %s was ignored", pattern)
		}
	}
}

// checkInference: the architecture read off the shapes is the row's.
func checkInference(t *testing.T, r row, src bind.Source, cfg swin.Config) {
	t.Helper()
	families := map[string]bind.Family{"mmpretrain": swin.MMPretrain, "microsoft": swin.Microsoft, "torchvision": swin.Torchvision, "glip": swin.GLIPDetector}
	got, family, err := swin.Infer(src)
	if err != nil || family != families[r.Naming] {
		t.Errorf("family %q (%v), want %q", family, err, families[r.Naming])
	}
	if diff := swin.Differences(got, cfg); diff != nil {
		t.Errorf("inferred another architecture: %v", diff)
	}
	if got.Eps != cfg.Eps || got.MLPRatio != cfg.MLPRatio || !got.QKVBias || got.ImageSize != cfg.ImageSize || !slices.Equal(got.OutIndices, cfg.OutIndices) {
		t.Errorf("inferred %+v, want %+v", got, cfg)
	}
}

// kindsOf lists the manifest's words for an error.
func kindsOf(err error) []string {
	var kinds []string
	for word, kind := range map[string]error{
		"shape": bind.ErrShape, "missing": bind.ErrMissing, "unexpected": bind.ErrUnexpected,
		"nonfinite": bind.ErrNonFinite, "format": loader.ErrFormat,
	} {
		if errors.Is(err, kind) {
			kinds = append(kinds, word)
		}
	}
	return kinds
}

// TestGoldenRefused: every checkpoint that does not fit is refused with an error
// of a listed kind that names file and tensor.
func TestGoldenRefused(t *testing.T) {
	for _, g := range goldens(t) {
		for _, r := range g.Files {
			if r.Expect != "error" || r.Level != "bind" {
				continue
			}
			t.Run(filepath.Base(filepath.Dir(g.folder))+"/"+r.File, func(t *testing.T) {
				src, err := loader.Open(filepath.Join(g.folder, r.File))
				if err != nil {
					t.Fatal(err)
				}
				defer src.Close()
				w, err := swin.Bind(src, g.config(t, r), bind.Options{})
				if err == nil {
					_, err = w.Check(context.Background())
				}
				kinds := kindsOf(err)
				if !slices.ContainsFunc(kinds, func(k string) bool { return slices.Contains(r.Error, k) }) {
					t.Fatalf("got %v (%v), want one of %v", kinds, err, r.Error)
				}
				if !strings.Contains(err.Error(), r.Tensor) || !strings.Contains(err.Error(), r.File) {
					t.Errorf("the error does not name %s and %s: %v", r.File, r.Tensor, err)
				}
				t.Log(err)
			})
		}
	}
}

// TestInnerNorms: a classifier's file has only the last norm; asking for more
// lists exactly what is absent and says what to ask for.
func TestInnerNorms(t *testing.T) {
	src := fromNano(t, toMicrosoft)
	for _, norm := range []string{"norm1", "norm2"} {
		src.drop(norm+".weight", norm+".bias")
	}
	cfg := nanoConfig()
	_, err := swin.Bind(src, cfg, bind.Options{})
	var problems *bind.Error
	if !errors.As(err, &problems) {
		t.Fatal(err)
	}
	want := []string{"norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias"}
	if !slices.Equal(problems.Missing, want) || !strings.Contains(err.Error(), "OutIndices 3") {
		t.Errorf("missing %v: %v", problems.Missing, err)
	}
	cfg.OutIndices = []int{3}
	if _, err := swin.Bind(src, cfg, bind.Options{}); err != nil {
		t.Error(err)
	}
	cfg.OutIndices = []int{2} // then norm3 is there for nothing, and that is no mistake
	src.add("norm2.weight", []int{32})
	src.add("norm2.bias", []int{32})
	if w, err := swin.Bind(src, cfg, bind.Options{}); err != nil {
		t.Error(err)
	} else if !slices.ContainsFunc(w.Ignored(), func(k bind.IgnoredKey) bool { return k.Key == "norm.weight" }) {
		t.Errorf("ignored %v", w.Ignored())
	}
}

// TestAllProblemsAtOnce: one error lists every kind.
func TestAllProblemsAtOnce(t *testing.T) {
	src := fromNano(t, func(s string) string { return s })
	const block = "stages.2.blocks.1."
	src.drop(block + "norm1.weight")
	src.drop(block + "attn.w_msa.proj.bias")
	src.add("stages.9.strange", []int{1})
	src.add("model.stages.0.blocks.0.norm1.weight", []int{8})
	src.shapes[block+"ffn.layers.1.weight"] = []int{1, 2, 3}
	src.dtypes[block+"norm2.bias"] = "int64"
	_, err := swin.Bind(src, nanoConfig(), bind.Options{})
	var problems *bind.Error
	if !errors.As(err, &problems) {
		t.Fatal(err)
	}
	if !slices.Equal(problems.Missing, []string{block + "norm1.weight", block + "attn.w_msa.proj.bias"}) {
		t.Errorf("missing %v", problems.Missing)
	}
	if len(problems.Unexpected) != 2 || len(problems.Mismatched) != 2 {
		t.Errorf("unexpected %v, mismatched %v", problems.Unexpected, problems.Mismatched)
	}
	if kinds := kindsOf(err); len(kinds) != 3 {
		t.Errorf("kinds %v", kinds)
	}
}

// TestCheck lists every tensor that is not finite, stops with its context, and
// can be told to let values pass.
func TestCheck(t *testing.T) {
	src := fromNano(t, func(s string) string { return s })
	src.data["norm1.bias"][3] = float32(math.NaN())
	src.data["norm3.weight"][5] = float32(math.Inf(-1))
	src.data["norm3.weight"][6] = float32(math.Inf(1))
	w, err := swin.Bind(src, nanoConfig(), bind.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Check(context.Background())
	var problems *bind.Error
	if !errors.As(err, &problems) || len(problems.NonFinite) != 2 || !errors.Is(err, bind.ErrNonFinite) {
		t.Fatalf("%v", err)
	}
	if n := problems.NonFinite[1]; n.Name != "norm3.weight" || n.Index != 5 || n.Count != 2 || !math.IsInf(float64(n.Value), -1) {
		t.Errorf("%+v", n)
	}
	if _, _, err := tensorOf(w, "norm1.bias"); !errors.Is(err, bind.ErrNonFinite) {
		t.Errorf("reading a NaN: %v", err)
	}
	if _, _, err := tensorOf(w, "norm0.bias"); !errors.Is(err, bind.ErrMissing) {
		t.Errorf("reading no parameter: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := w.Check(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	w, err = swin.Bind(src, nanoConfig(), bind.Options{AllowNonFinite: true})
	if err == nil {
		_, err = w.Check(context.Background())
	}
	if err != nil {
		t.Errorf("allowed: %v", err)
	}
}

// TestTablesOfAnotherWindow: refused with a remedy, resized when asked for.
func TestTablesOfAnotherWindow(t *testing.T) {
	src := fromNano(t, func(s string) string { return s })
	cfg := nanoConfig()
	cfg.WindowSize = 6
	_, err := swin.Bind(src, cfg, bind.Options{})
	if !errors.Is(err, bind.ErrShape) || !strings.Contains(err.Error(), "window_size: the file has 4, the model 6") {
		t.Errorf("refusing: %v", err)
	}
	const name = "stages.3.blocks.1.attn.w_msa.relative_position_bias_table"
	for rule, resize := range map[bind.Resize]func([]float32, int, int, int) []float32{
		bind.Geometric: swin.ResizeTableGeometric, bind.Bicubic: swin.ResizeTableBicubic,
	} {
		w, err := swin.Bind(src, cfg, bind.Options{Resize: rule})
		if err != nil {
			t.Fatal(err)
		}
		shape, data, err := tensorOf(w, name)
		if err != nil || !slices.Equal(shape, []int{121, 8}) || !slices.Equal(data, resize(src.data[name], 8, 7, 11)) {
			t.Errorf("rule %d: shape %v, %v", rule, shape, err)
		}
	}
}

func ExampleBind() {
	ckpt, err := loader.Open("../testdata/checkpoints/glip-detector-nano.pth")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer ckpt.Close()
	cfg, family, err := swin.Infer(ckpt)
	if err != nil {
		fmt.Println(err)
		return
	}
	weights, err := swin.Bind(ckpt, cfg, bind.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := weights.Tensor("stages.0.blocks.1.attn.w_msa.qkv.weight", []int{24, 8})
	fmt.Println(family, cfg.EmbedDims, cfg.Depths, len(data), err)
	// Output: GLIP detector 8 [2 2 2 2] 192 <nil>
}
