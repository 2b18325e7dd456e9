package synthetic

import (
	"math"
	"slices"
)

// initialRule gives offset and scale of the values that microsoft/GLIP begins a training with where it loads none: the
// spreads of its constructors (swint.py, fpn.py, dyrelu.py, vldyhead.py, fuse_helper.py, and BERT's initializer_range), drawn
// evenly instead of from a bell. Residual branches begin small, every anchor as background with a probability of 0.99.
// fanOut is the first dimension, fanIn the product of the others.
func initialRule(name string, fanIn, fanOut int) (offset, scale float32, ok bool) {
	for _, row := range initialRules {
		if endsIn(name, row.suffix) {
			return row.offset, row.scale, true
		}
	}
	owner, leaf := split(name)
	switch {
	case leaf == "weight" && slices.Contains(detectorNorms, owner):
		return 1, 0, true
	case leaf == "bias":
		return 0, 0, true
	case leaf != "weight" && leaf != "relative_position_bias_table":
		return 0, 0, false
	}
	for _, row := range initialSpreads {
		if slices.ContainsFunc(row.suffixes, func(suffix string) bool { return endsIn(name, suffix) }) {
			return 0, float32(row.bound(float64(fanIn), float64(fanOut))), true
		}
	}
	return 0, float32(0.02 * math.Sqrt(3)), true // a deviation of 0.02
}

// initialRules are the values that are all alike.
var initialRules = [...]struct {
	suffix        string
	offset, scale float32
}{
	{"gamma_v", 1. / 6, 0},
	{"gamma_l", 1. / 6, 0},
	{"scale", 1, 0},
	{"log_scale", -3, 0}, // 0 in the original, which begins with trained encoders: from nothing, names are not learned so
	{"bias_lang", 0, 0},
	{"bias0", -4.59512, 0}, // -log(0.99 / 0.01)
}

// initialSpreads are the bounds of matrices that are not of backbone or text.
var initialSpreads = [...]struct {
	bound    func(in, out float64) float64
	suffixes []string
}{
	{func(in, _ float64) float64 { return math.Sqrt(1 / in) }, // PyTorch's own
		[]string{"patch_embed.proj.weight", "relu.fc.0.weight", "relu.fc.2.weight", "dot_product_projection_text.weight"}},
	{func(in, out float64) float64 { return math.Sqrt(6 / (in + out)) }, // xavier_uniform_
		[]string{"v_proj.weight", "l_proj.weight", "values_v_proj.weight", "values_l_proj.weight", "out_v_proj.weight", "out_l_proj.weight"}},
	{func(_, _ float64) float64 { return 0.01 * math.Sqrt(3) },
		[]string{"offset.weight", "conv.weight", "AttnConv.1.weight", "bbox_pred.weight", "centerness.weight"}},
	{func(in, _ float64) float64 { return math.Sqrt(3 / in) }, // kaiming_uniform_ with a = 1
		[]string{"fpn_inner2.weight", "fpn_inner3.weight", "fpn_inner4.weight", "fpn_layer2.weight", "fpn_layer3.weight", "fpn_layer4.weight", "top_blocks.p6.weight", "top_blocks.p7.weight"}},
}

// detectorNorms own the weights of norms; bn is the tower's group norm.
var detectorNorms = []string{"norm", "norm0", "norm1", "norm2", "norm3", "LayerNorm", "layer_norm_v", "layer_norm_l", "bn"}
