package synthetic_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/synthetic"
)

// The vectors of the specification synthetic-glip, which the golden manifest repeats.
func TestDetectorVectors(t *testing.T) {
	for _, row := range []struct {
		name          string
		shape         []int
		seed          uint64
		words         [2]uint64
		offset, scale float32
		scaleBits     uint32
		first         []uint32
		last          uint32
	}{
		{"rpn.head.dyhead_tower.0.b_attn.gamma_v", []int{256}, 1, [2]uint64{0xeb5095d3038eb0e8, 0xad2d7866324d96c9},
			0.375, 0.25, 0x3e800000, []uint32{0x3f15a84a, 0x3eed2d78, 0x3e98a17f, 0x3f04ce4c}, 0x3e321b34},
		{"rpn.head.dyhead_tower.2.DyConv.0.conv.weight", []int{256, 256, 3, 3}, 1, [2]uint64{0x88e23852398f2bf0, 0xef187c0bdb3fb084},
			0, 0.0360843912, 0x3d13cd3a, []uint32{0x3b2420aa, 0x3d00483e, 0x3ca73f1b, 0x3c2f560f}, 0x3d0204bf},
		{"rpn.head.bias0", []int{1}, 1, [2]uint64{0x2bd2eac1f3568769, 0xf2439774eea3f0ca}, -3, 0.25, 0x3e800000, []uint32{0xc04a85a3}, 0xc04a85a3},
		{"rpn.head.scales.4.scale", []int{1}, 7, [2]uint64{0x0666f5b7c6f89d16, 0xe401b8d99172a57a}, 1, 0.25, 0x3e800000, []uint32{0x3f43337a}, 0x3f43337a},
		{"backbone.body.layers.3.blocks.1.mlp.fc1.weight", []int{3072, 768}, 1, [2]uint64{0xc947bbe04af7b049, 0xdd0a05aa595beb24},
			0, 0.078125, 0x3da00000, []uint32{0x3d373354, 0x3d68990c, 0xbc26d60a, 0xbcf4c9b4}, 0xbd3a28cc},
		{"backbone.fpn.top_blocks.p7.weight", []int{256, 256, 3, 3}, 1, [2]uint64{0x44649c9731481da1, 0x49bb70f845a87f25},
			0, 0.0541265868, 0x3d5db3d7, []uint32{0xbcce7c14, 0xbcbbfd3f, 0x3c3c816d, 0xbbb672b3}, 0x3d2fdf42},
		{"language_backbone.body.model.embeddings.word_embeddings.weight", []int{30522, 768}, 1, [2]uint64{0x4ca7558c89ccc0b7, 0x17a92cbdeae7da1c},
			0, 1, 0x3f800000, []uint32{0xbecd62ac, 0xbf50ada8, 0x3f758082, 0x3eaeb41c}, 0xbec42f44},
		{"language_backbone.body.model.encoder.layer.11.output.LayerNorm.bias", []int{768}, 3, [2]uint64{0x50a9bc7e3f114abb, 0x75071bf32ce2ae92},
			0, 0.125, 0x3e000000, []uint32{0xbd3d5910, 0xbc2f8e50, 0xbd1f2624, 0xbda9c154}, 0x3d351260},
		{"rpn.head.dot_product_projection_text.weight", []int{256, 768}, lastSeed, [2]uint64{0xb62950e6435fadee, 0x59fab79cdbfd7565},
			0, 1.25, 0x3fa00000, []uint32{0x3f076748, 0xbebe1a6d, 0x3ef01928, 0x3e82caee}, 0x3f01eec4},
	} {
		t.Run(row.name, func(t *testing.T) {
			for i, want := range row.words {
				if got := synthetic.Word(row.name, row.seed, uint64(i)); got != want {
					t.Errorf("word %d is %016x, want %016x", i, got, want)
				}
			}
			data, err := synthetic.Detector{Seed: row.seed}.Tensor(row.name, row.shape)
			if err != nil {
				t.Fatal(err)
			}
			offset, scale, ok := synthetic.DetectorRule(row.name, len(data)/row.shape[0])
			if !ok || offset != row.offset || scale != row.scale || math.Float32bits(scale) != row.scaleBits {
				t.Errorf("offset %v, scale %v (%08x), want %v, %v (%08x)", offset, scale, math.Float32bits(scale), row.offset, row.scale, row.scaleBits)
			}
			for i, want := range row.first {
				if got := math.Float32bits(data[i]); got != want {
					t.Errorf("element %d is %08x, want %08x", i, got, want)
				}
			}
			if got := math.Float32bits(data[len(data)-1]); got != row.last {
				t.Errorf("the last element is %08x, want %08x", got, row.last)
			}
		})
	}
}

// The vectors that the golden set carries were computed by the recipe that made it.
func TestDetectorManifest(t *testing.T) {
	text, err := os.ReadFile("../testdata/glip/manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Synthetic struct {
			Vectors []struct {
				Name      string
				Shape     []int
				Seed      uint64
				FirstBits []string `json:"first_bits"`
				LastBits  string   `json:"last_bits"`
			}
		}
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	if len(manifest.Synthetic.Vectors) < 9 {
		t.Errorf("%d vectors, want at least 9", len(manifest.Synthetic.Vectors))
	}
	for _, v := range manifest.Synthetic.Vectors {
		data, err := synthetic.Detector{Seed: v.Seed}.Tensor(v.Name, v.Shape)
		if err != nil {
			t.Fatal(err)
		}
		bits := func(x float32) string { return fmt.Sprintf("%08x", math.Float32bits(x)) }
		for i, want := range v.FirstBits {
			if got := bits(data[i]); got != want {
				t.Errorf("%s: element %d is %s, want %s", v.Name, i, got, want)
			}
		}
		if got := bits(data[len(data)-1]); got != v.LastBits {
			t.Errorf("%s: the last element is %s, want %s", v.Name, got, v.LastBits)
		}
	}
}

// Suffixes end whole parts of a name, and the first rule that fits counts.
func TestDetectorRules(t *testing.T) {
	const tower = "rpn.head.dyhead_tower.0.b_attn.attn."
	for _, row := range []struct {
		name          string
		offset, scale float32
		ok            bool
	}{
		{tower + "v_proj.bias", 0, 0.5, true},
		{tower + "values_v_proj.bias", 0, 0.125, true}, // ends in v_proj.bias, but inside a part
		{tower + "v_proj.weight", 0, 1.5, true},
		{tower + "values_v_proj.weight", 0, 1, true},
		{"rpn.head.log_scale", 0.125, 0.0625, true},
		{"scale", 1, 0.25, true},
		{"rpn.head.dyhead_tower.2.DyConv.1.bn.weight", 1, 0.25, true},
		{"rpn.head.dyhead_tower.2.DyConv.1.bn.bias", 0, 0.125, true},
		{"backbone.body.layers.0.downsample.norm.weight", 1, 0.25, true},
		{"backbone.body.layers.0.downsample.reduction.weight", 0, 1, true},
		{"backbone.body.norm4.weight", 0, 1, true}, // no norm of the list: a matrix
		{"rpn.head.centerness.bias", 0.5, 0.25, true},
		{"backbone.body.layers.0.blocks.0.attn.relative_position_index", 0, 0, false},
		{"language_backbone.body.model.embeddings.position_ids", 0, 0, false},
		{"rpn.anchor_generator.cell_anchors.0", 0, 0, false},
		{"", 0, 0, false},
	} {
		offset, scale, ok := synthetic.DetectorRule(row.name, 3) // so that the scale of a matrix is its gain
		if offset != row.offset || scale != row.scale || ok != row.ok {
			t.Errorf("%q: %v, %v, %v, want %v, %v, %v", row.name, offset, scale, ok, row.offset, row.scale, row.ok)
		}
	}
}

func TestCheckpoint(t *testing.T) {
	tensors := []synthetic.Declared{
		{"rpn.head.bias0", []int{1}}, {"rpn.head.bias_lang", []int{5}}, {"backbone.fpn.fpn_inner2.weight", []int{4, 3, 1, 1}},
	}
	c, err := synthetic.NewCheckpoint(tensors, synthetic.Detector{Seed: 2, Overrides: map[string]float32{"rpn.head.bias_lang": -6.25}})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%v %s %q %q", c.Names(), c.Path(), c.DType("rpn.head.bias0"), c.DType("x")); got !=
		`[rpn.head.bias0 rpn.head.bias_lang backbone.fpn.fpn_inner2.weight] synthetic:2 "float32" ""` {
		t.Error(got)
	}
	for _, d := range tensors {
		shape, data, err := c.Tensor(d.Name)
		want, ruleErr := synthetic.Detector{Seed: 2}.Tensor(d.Name, d.Shape)
		if err != nil || ruleErr != nil || fmt.Sprint(shape) != fmt.Sprint(d.Shape) {
			t.Fatalf("%s: shape %v, %v, %v", d.Name, shape, err, ruleErr)
		}
		if d.Name == "rpn.head.bias_lang" {
			want = []float32{-6.25, -6.25, -6.25, -6.25, -6.25}
		}
		if fmt.Sprint(data) != fmt.Sprint(want) {
			t.Errorf("%s is %v, want %v", d.Name, data, want)
		}
	}
	if _, _, err := c.Tensor("rpn.head.bias1"); !errors.Is(err, synthetic.ErrUnknownTensor) || !strings.Contains(err.Error(), "rpn.head.bias0") {
		t.Errorf("a name that is none: %v", err)
	}
	if _, ok := c.Shape("rpn.head.bias1"); ok {
		t.Error("a name that is none has a shape")
	}
}

func TestCheckpointRefusals(t *testing.T) {
	good := synthetic.Declared{Name: "rpn.head.bias0", Shape: []int{1}}
	for _, row := range []struct {
		what      string
		tensors   []synthetic.Declared
		overrides map[string]float32
		want      string
	}{
		{"twice", []synthetic.Declared{good, good}, nil, "twice"},
		{"negative", []synthetic.Declared{{"rpn.head.bias0", []int{-1}}}, nil, "[-1]"},
		{"huge", []synthetic.Declared{{"rpn.head.bias0", []int{math.MaxInt, math.MaxInt}}}, nil, "elements"},
		{"no rule", []synthetic.Declared{{"steps", []int{1}}}, nil, "steps"},
		{"override", []synthetic.Declared{good}, map[string]float32{"rpn.head.bias_0": 1}, "similar are rpn.head.bias0"},
		{"strange override", []synthetic.Declared{good}, map[string]float32{"x": 1}, "no such tensor"},
	} {
		_, err := synthetic.NewCheckpoint(row.tensors, synthetic.Detector{Overrides: row.overrides})
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v, want %q", row.what, err, row.want)
		}
	}
}

// The largest tensor of the detector: 23 million elements.
func BenchmarkWordEmbeddings(b *testing.B) {
	shape := []int{30522, 768}
	b.SetBytes(4 * 30522 * 768)
	for b.Loop() {
		if _, err := (synthetic.Detector{}).Tensor("language_backbone.body.model.embeddings.word_embeddings.weight", shape); err != nil {
			b.Fatal(err)
		}
	}
}
