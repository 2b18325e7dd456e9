package swin_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/bind"
	"github.com/glipvk/glipvk/loader"
	"github.com/glipvk/glipvk/swin"
)

// memory is a checkpoint held in maps.
type memory struct {
	names  []string
	shapes map[string][]int
	dtypes map[string]string
	data   map[string][]float32
}

func newMemory() *memory {
	return &memory{shapes: map[string][]int{}, dtypes: map[string]string{}, data: map[string][]float32{}}
}

func (m *memory) Names() []string                 { return m.names }
func (m *memory) Shape(name string) ([]int, bool) { s, ok := m.shapes[name]; return s, ok }
func (m *memory) DType(name string) string        { return m.dtypes[name] }
func (m *memory) Read(name string, into []float32) error {
	if n := copy(into, m.data[name]); n != len(into) || n != len(m.data[name]) {
		return fmt.Errorf("%s has %d elements, %d were asked for", name, len(m.data[name]), len(into))
	}
	return nil
}

// tensorOf reads a parameter in the shape that it was bound in.
func tensorOf(w *bind.Weights, name string) (shape []int, data []float32, err error) {
	shape, _ = w.Shape(name)
	data, err = w.Tensor(name, shape)
	return shape, data, err
}

// add enters a tensor of zeros, or of the given values.
func (m *memory) add(name string, shape []int, data ...float32) {
	n := 1
	for _, s := range shape {
		n *= s
	}
	if data == nil {
		data = make([]float32, n)
	}
	m.names = append(m.names, name)
	m.shapes[name], m.dtypes[name], m.data[name] = shape, "float32", data
}

func (m *memory) drop(names ...string) {
	m.names = slices.DeleteFunc(m.names, func(n string) bool { return slices.Contains(names, n) })
}

func nanoConfig() swin.Config {
	return swin.Config{
		EmbedDims: 8, Depths: []int{2, 2, 2, 2}, NumHeads: []int{1, 2, 4, 8}, WindowSize: 4,
		OutIndices: []int{1, 2, 3}, ImageSize: 128, PatchSize: 4, MLPRatio: 4, Eps: 1e-5, QKVBias: true,
	}
}

// fromNano holds the canonical tensors of the nano model under other names; a
// name that becomes empty is left out.
func fromNano(t *testing.T, rename func(string) string) *memory {
	t.Helper()
	src, err := loader.Open("../testdata/checkpoints/mmpretrain-nano.pth")
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	m := newMemory()
	for _, key := range src.Names() {
		name := strings.TrimPrefix(key, "backbone.")
		shape, data, err := src.Tensor(key)
		if err != nil {
			t.Fatal(err)
		}
		if renamed := rename(name); renamed != "" && !strings.HasSuffix(name, "relative_position_index") {
			m.add(renamed, shape, data...)
		}
	}
	return m
}

// blockOrder rewrites merges from 4c + 2ky + kx to (ky + 2kx)·C + c, by a gather
// where the package scatters.
func (m *memory) blockOrder() *memory {
	for name, shape := range m.shapes {
		isNorm := strings.Contains(name, "downsample.norm") || regexp.MustCompile(`features\.[246]\.norm`).MatchString(name)
		if !isNorm && !strings.Contains(name, "reduction") {
			continue
		}
		width := shape[len(shape)-1]
		old, c := slices.Clone(m.data[name]), width/4
		for i := range old {
			row, k := i/width*width, i%width
			block, channel := k/c, k%c // blocks are (0,0), (1,0), (0,1), (1,1) as (ky, kx)
			ky, kx := block%2, block/2
			m.data[name][i] = old[row+4*channel+2*ky+kx]
		}
	}
	return m
}

func replaceAll(pairs ...string) func(string) string {
	return strings.NewReplacer(pairs...).Replace
}

func toMicrosoft(s string) string {
	return replaceAll("stages.", "layers.", "patch_embed.projection", "patch_embed.proj", "attn.w_msa", "attn",
		"ffn.layers.0.0", "mlp.fc1", "ffn.layers.1", "mlp.fc2", "norm3.", "norm.")(s)
}

func toTimm(s string) string {
	s = toMicrosoft(s)
	for i := 2; i >= 0; i-- {
		s = strings.Replace(s, fmt.Sprintf("layers.%d.downsample", i), fmt.Sprintf("layers.%d.downsample", i+1), 1)
	}
	return s
}

func toTorchvision(s string) string {
	s = replaceAll("patch_embed.projection", "features.0.0", "patch_embed.norm", "features.0.2", "attn.w_msa", "attn",
		"ffn.layers.0.0", "mlp.0", "ffn.layers.1", "mlp.3", "norm3.", "norm.")(s)
	for i := range 4 {
		s = strings.Replace(s, fmt.Sprintf("stages.%d.blocks", i), fmt.Sprintf("features.%d", 2*i+1), 1)
		s = strings.Replace(s, fmt.Sprintf("stages.%d.downsample", i), fmt.Sprintf("features.%d", 2*i+2), 1)
	}
	return s
}

func toHuggingFace(s string) string {
	outputNorm := regexp.MustCompile(`^norm([123])`)
	if m := outputNorm.FindStringSubmatch(s); m != nil {
		return fmt.Sprintf("hidden_states_norms.stage%d%s", m[1][0]-'0'+1, s[len(m[0]):])
	}
	return replaceAll("patch_embed.projection", "embeddings.patch_embeddings.projection", "patch_embed.norm", "embeddings.norm",
		"stages.", "encoder.layers.", ".norm1.", ".layernorm_before.", ".norm2.", ".layernorm_after.",
		"attn.w_msa.proj", "attention.output.dense", "attn.w_msa.", "attention.self.",
		"ffn.layers.0.0", "intermediate.dense", "ffn.layers.1", "output.dense")(s)
}

// splitQKV does as transformers: query, key and value apart.
func (m *memory) splitQKV() *memory {
	for _, name := range slices.Clone(m.names) {
		if before, leaf, ok := strings.Cut(name, "qkv."); ok {
			shape, data := slices.Clone(m.shapes[name]), m.data[name]
			shape[0] /= 3
			n := len(data) / 3
			m.drop(name)
			for i, part := range []string{"query.", "key.", "value."} {
				m.add(before+part+leaf, shape, data[i*n:(i+1)*n]...)
			}
		}
	}
	return m
}

// prefixed puts a prefix before every name.
func prefixed(prefix string, rename func(string) string) func(string) string {
	return func(s string) string { return prefix + rename(s) }
}

func canonical(s string) string { return s }

// TestFamilies renames the nano model into every family and binds it back.
func TestFamilies(t *testing.T) {
	want := fromNano(t, canonical)
	with := func(m *memory, names ...string) *memory {
		for _, n := range names {
			m.add(n, []int{2})
		}
		return m
	}
	for _, tc := range []struct {
		name   string
		src    *memory
		family bind.Family
	}{
		{"canonical", want, swin.MMPretrain},
		{"mmpretrain classifier", with(fromNano(t, prefixed("backbone.", canonical)), "head.fc.weight", "data_preprocessor.mean"), swin.MMPretrain},
		{"old mmclassification", with(fromNano(t, prefixed("backbone.", replaceAll("norm3.", "norm."))), "backbone.stages.0.blocks.1.attn.attn_mask"), swin.MMPretrain},
		{"averaged mmpretrain", fromNano(t, prefixed("module.backbone.", canonical)), swin.MMPretrain},
		{"Microsoft", with(fromNano(t, toMicrosoft).blockOrder(), "head.weight", "layers.0.blocks.1.attn_mask"), swin.Microsoft},
		{"old detector", fromNano(t, prefixed("backbone.", toMicrosoft)).blockOrder(), swin.Microsoft},
		{"GLIP detector", with(fromNano(t, prefixed("module.backbone.body.", toMicrosoft)).blockOrder(),
			"module.backbone.fpn.fpn_inner2.weight", "module.language_backbone.body.model.embeddings.norm.weight", "module.rpn.head.log_scale"), swin.GLIPDetector},
		{"timm", with(fromNano(t, toTimm).blockOrder(), "head.fc.weight"), swin.Timm},
		{"torchvision", with(fromNano(t, toTorchvision).blockOrder(), "head.bias"), swin.Torchvision},
		{"Hugging Face", with(fromNano(t, prefixed("swin.", toHuggingFace)).blockOrder().splitQKV(), "classifier.weight", "swin.embeddings.mask_token"), swin.HuggingFace},
		{"Hugging Face backbone", fromNano(t, toHuggingFace).blockOrder().splitQKV(), swin.HuggingFace},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := nanoConfig()
			if tc.family == swin.Torchvision { // has no names for the inner norms
				tc.src.drop("norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias")
				cfg.OutIndices = []int{3}
			}
			w, err := swin.Bind(tc.src, cfg, bind.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if w.Family() != tc.family {
				t.Errorf("family %s, want %s", w.Family(), tc.family)
			}
			for _, name := range w.Names() {
				shape, data, err := tensorOf(w, name)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(shape, want.shapes[name]) || !slices.Equal(data, want.data[name]) {
					t.Errorf("%s is wrong", name)
				}
			}
			if got, _, err := swin.Infer(tc.src); err != nil || swin.Differences(got, cfg) != nil {
				t.Errorf("inferred %+v, %v", got, err)
			}
		})
	}
}

// TestMergeOrderMatters: without the permutation the same file is another model,
// so a wrong family would be seen.
func TestMergeOrderMatters(t *testing.T) {
	want := fromNano(t, canonical)
	moved := fromNano(t, canonical).blockOrder()
	const name = "stages.1.downsample.reduction.weight"
	if slices.Equal(want.data[name], moved.data[name]) {
		t.Fatal("the permutation moves nothing")
	}
}

// TestDetectRefuses names what must not be bound as a Swin.
func TestDetectRefuses(t *testing.T) {
	for _, tc := range []struct{ key, want string }{
		{"layers.0.blocks.0.attn.logit_scale", "Swin V2"},
		{"features.1.0.attn.cpb_mlp.0.weight", "Swin V2"},
		{"encoder.layers.0.blocks.0.attn.relative_coords_table", "Swin V2"},
		{"backbone.layers.0.blocks.0.attn.q_bias", "Swin V2"},
		{"module.backbone.body.layers.0.blocks.0.attn.qkv_text.weight", "vision-language"},
		{"backbone.body.layers.0.blocks.0.attn.i2t_relative_position_bias", "vision-language"},
		{"module.backbone.body.layers.0.blocks.0.gamma", "swint_v2"},
		{"swin.embeddings.position_embeddings", "class token"},
	} {
		src := fromNano(t, toMicrosoft).blockOrder()
		src.add(tc.key, []int{1})
		if _, err := swin.Detect(src); !errors.Is(err, swin.ErrFamily) || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), tc.key) {
			t.Errorf("%s: %v", tc.key, err)
		}
	}
	seven := newMemory()
	seven.add("backbone.body.patch_embed.proj.weight", []int{8, 3, 7, 7})
	if _, err := swin.Detect(seven); !errors.Is(err, swin.ErrFamily) || !strings.Contains(err.Error(), "swint_v2") {
		t.Errorf("7x7 patches: %v", err)
	}
	other := newMemory()
	for _, name := range []string{"conv1.weight", "bn1.weight", "layer1.0.conv1.weight", "fc.weight", "fc.bias", "sixth.weight"} {
		other.add(name, []int{1})
	}
	if _, err := swin.Detect(other); !errors.Is(err, swin.ErrFamily) || !strings.Contains(err.Error(), "fc.bias") || strings.Contains(err.Error(), "sixth") {
		t.Errorf("another network: %v", err)
	}
	if _, err := swin.Detect(newMemory()); !errors.Is(err, bind.ErrMissing) {
		t.Errorf("no tensors: %v", err)
	}
}

// TestInferRefuses: shapes that do not add up.
func TestInferRefuses(t *testing.T) {
	const table = "stages.1.blocks.0.attn.w_msa.relative_position_bias_table"
	for _, tc := range []struct {
		name   string
		change func(*memory)
		want   error
		text   string
	}{
		{"no patch weight", func(m *memory) { m.drop("patch_embed.projection.weight") }, bind.ErrMissing, "patch_embed"},
		{"grey pictures", func(m *memory) { m.shapes["patch_embed.projection.weight"] = []int{8, 1, 4, 4} }, swin.ErrConfig, "[C, 3, P, P]"},
		{"even table", func(m *memory) { m.shapes[table] = []int{64, 2} }, swin.ErrConfig, "64 rows"},
		{"other window", func(m *memory) { m.shapes[table] = []int{25, 2} }, swin.ErrConfig, "windows of 3"},
		{"odd heads", func(m *memory) { m.shapes[table] = []int{49, 3} }, swin.ErrConfig, "3 heads"},
		{"tables lost", func(m *memory) { m.drop(table, strings.Replace(table, "blocks.0", "blocks.1", 1)) }, bind.ErrMissing, "stage 1"},
	} {
		src := fromNano(t, canonical)
		tc.change(src)
		if _, _, err := swin.Infer(src); !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.text) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	src := fromNano(t, canonical)
	cfg := nanoConfig()
	cfg.Depths, cfg.EmbedDims, cfg.WindowSize, cfg.OutIndices = []int{2, 2, 6, 2}, 16, 7, []int{0, 3}
	got, _, err := swin.Infer(src)
	if diff := swin.Differences(got, cfg); err != nil || len(diff) != 4 {
		t.Errorf("differences %q, %v", diff, err)
	}
}

// TestPositionEmbedding: [1, L, C] as mmpretrain has it, [1, C, H, W] as GLIP.
func TestPositionEmbedding(t *testing.T) {
	const side, channels = 32, 8
	flat, plane := make([]float32, side*side*channels), make([]float32, side*side*channels)
	for l := range side * side {
		for c := range channels {
			flat[l*channels+c] = float32(l*channels + c)
			plane[c*side*side+l] = flat[l*channels+c]
		}
	}
	a := fromNano(t, canonical)
	a.add("absolute_pos_embed", []int{1, side * side, channels}, flat...)
	b := fromNano(t, prefixed("backbone.body.", toMicrosoft)).blockOrder()
	b.add("backbone.body.absolute_pos_embed", []int{1, channels, side, side}, plane...)
	for _, src := range []*memory{a, b} {
		cfg, family, err := swin.Infer(src)
		if err != nil || !cfg.AbsPosEmbed || cfg.ImageSize != 128 {
			t.Fatalf("%+v, %v", cfg, err)
		}
		w, err := swin.Bind(src, cfg, bind.Options{})
		if err != nil {
			t.Fatal(err)
		}
		shape, data, err := tensorOf(w, "absolute_pos_embed")
		if err != nil || !slices.Equal(shape, []int{1, side * side, channels}) || !slices.Equal(data, flat) {
			t.Errorf("%s: %v, %v", family, shape, err)
		}
		if _, err := swin.Bind(src, nanoConfig(), bind.Options{}); !errors.Is(err, bind.ErrUnexpected) {
			t.Errorf("%s: a model without embedding took it: %v", family, err)
		}
	}
}
