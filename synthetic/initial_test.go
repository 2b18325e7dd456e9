package synthetic_test

import (
	"math"
	"testing"

	"github.com/glipvk/glipvk/synthetic"
)

// TestInitial holds the spread of what a training begins with to the constructors of microsoft/GLIP: what is even has its
// bound reached and not passed, and a deviation of a root of three less.
func TestInitial(t *testing.T) {
	d := synthetic.Detector{Seed: 3, Initial: true}
	for _, row := range []struct {
		name  string
		shape []int
		mean  float64
		bound float64 // of the distance from it
	}{
		{"backbone.body.layers.0.blocks.0.attn.qkv.weight", []int{288, 96}, 0, 0.02 * math.Sqrt(3)},
		{"backbone.body.layers.0.blocks.0.attn.qkv.bias", []int{288}, 0, 0},
		{"backbone.body.layers.0.blocks.0.attn.relative_position_bias_table", []int{169, 3}, 0, 0.02 * math.Sqrt(3)},
		{"backbone.body.patch_embed.proj.weight", []int{96, 3, 4, 4}, 0, math.Sqrt(1. / 48)},
		{"backbone.fpn.fpn_inner3.weight", []int{256, 384, 1, 1}, 0, math.Sqrt(3. / 384)},
		{"language_backbone.body.model.embeddings.word_embeddings.weight", []int{1000, 64}, 0, 0.02 * math.Sqrt(3)},
		{"language_backbone.body.model.embeddings.LayerNorm.weight", []int{64}, 1, 0},
		{"rpn.head.dyhead_tower.0.b_attn.attn.values_v_proj.weight", []int{2048, 256}, 0, math.Sqrt(6. / 2304)},
		{"rpn.head.dyhead_tower.0.b_attn.gamma_l", []int{64}, 1. / 6, 0},
		{"rpn.head.dyhead_tower.2.DyConv.1.conv.weight", []int{64, 64, 3, 3}, 0, 0.01 * math.Sqrt(3)},
		{"rpn.head.dyhead_tower.2.DyConv.1.bn.bias", []int{64}, 0, 0},
		{"rpn.head.dyhead_tower.2.relu.fc.0.weight", []int{64, 256}, 0, 1. / 16},
		{"rpn.head.bias0", []int{1}, math.Log(0.01 / 0.99), 0},
		{"rpn.head.log_scale", []int{1}, -3, 0},
		{"rpn.head.scales.2.scale", []int{1}, 1, 0},
	} {
		data, err := d.Tensor(row.name, row.shape)
		if err != nil {
			t.Fatal(err)
		}
		far, square := 0.0, 0.0
		for _, v := range data {
			far, square = max(far, math.Abs(float64(v)-row.mean)), square+(float64(v)-row.mean)*(float64(v)-row.mean)
		}
		spread := math.Sqrt(square / float64(len(data)))
		if !(far <= row.bound+1e-6 && far >= 0.9*row.bound) || !(math.Abs(spread-row.bound/math.Sqrt(3)) <= 0.05*row.bound+1e-6) {
			t.Errorf("%s: at most %g from %g, deviation %g; want %g and %g", row.name, far, row.mean, spread, row.bound, row.bound/math.Sqrt(3))
		}
	}
	if _, err := d.Tensor("rpn.head.nonsense", []int{1}); err == nil {
		t.Error("an unknown tensor has initial values")
	}
}
