package synthetic

import (
	"fmt"
	"math"
	"slices"
)

// Detector is a source of weights of GLIP's whole detector that needs no file: the
// rules of the specification synthetic-glip, for the names of official checkpoints
// without "module.". The zero value is seed 0.
type Detector struct {
	Seed uint64 // chooses the stream; any 64-bit number

	// Overrides gives every element of a tensor one value in place of its rule's. In
	// practice that is rpn.head.bias0, which decides how many boxes pass the threshold.
	Overrides map[string]float32

	// Initial makes the weights that a training from nothing begins with, instead of those of the specification, which
	// make every part of the model speak up.
	Initial bool
}

// Tensor returns the values of one parameter in row-major order. name is the official
// one without prefix, shape the one PyTorch states. An unknown name gives an error
// that wraps [ErrUnknownTensor]; so does one with an override, whatever its value.
func (d Detector) Tensor(name string, shape []int) ([]float32, error) {
	total, fanIn, err := elements(shape)
	if err != nil {
		return nil, fmt.Errorf("synthetic: %s: %w", name, err)
	}
	data := make([]float32, total)
	return data, d.fill(data, name, fanIn)
}

// fill computes a parameter of any number of elements.
func (d Detector) fill(into []float32, name string, fanIn int) error {
	offset, scale, ok := DetectorRule(name, fanIn)
	if d.Initial {
		offset, scale, ok = initialRule(name, fanIn, len(into)/fanIn)
	}
	if !ok {
		return fmt.Errorf("synthetic: %q: %w; use the names of GLIP's official checkpoints without a prefix", name, ErrUnknownTensor)
	}
	if value, ok := d.Overrides[name]; ok {
		for i := range into {
			into[i] = value
		}
		return nil
	}
	Fill(into, Stream{Name: name, Seed: d.Seed}, offset, scale)
	return nil
}

// DetectorRule gives offset and scale of the values of an official name. fanIn is the
// product of all dimensions but the first. ok is false for an unknown name.
func DetectorRule(name string, fanIn int) (offset, scale float32, ok bool) {
	for _, row := range detectorRules {
		if endsIn(name, row.suffix) {
			return row.offset, row.scale, true
		}
	}
	owner, leaf := split(name)
	switch {
	case leaf == "weight" && slices.Contains(detectorNorms, owner):
		return 1, 0.25, true
	case leaf == "bias": // those of norms too
		return 0, 0.125, true
	case leaf != "weight":
		return 0, 0, false
	}
	return 0, float32(detectorGains.of(name, 1) * math.Sqrt(3/float64(fanIn))), true
}

// detectorRules are tried in this order.
var detectorRules = [...]struct {
	suffix        string
	offset, scale float32
}{
	{"relative_position_bias_table", 0, 2},
	{"word_embeddings.weight", 0, 1},
	{"position_embeddings.weight", 0, 0.5},
	{"token_type_embeddings.weight", 0, 0.25},
	{"gamma_v", 0.375, 0.25},
	{"gamma_l", 0.375, 0.25},
	{"scale", 1, 0.25},
	{"log_scale", 0.125, 0.0625},
	{"bias_lang", 0, 4},
	{"bias0", -3, 0.25},
	{"qkv.bias", 0, 0.5},
	{"query.bias", 0, 0.5},
	{"key.bias", 0, 0.5},
	{"v_proj.bias", 0, 0.5},
	{"l_proj.bias", 0, 0.5},
	{"offset.bias", 0, 0.5},
	{"AttnConv.1.bias", 0.5, 0.25},
	{"relu.fc.0.bias", 0, 0.5},
	{"relu.fc.2.bias", 0, 0.5},
	{"centerness.bias", 0.5, 0.25},
	{"bbox_pred.bias", 0, 1},
}

// detectorGains are those of matrices that have not 1.
var detectorGains = gains{
	{"attn.qkv.weight", 1.75},
	{"mlp.fc1.weight", 1.25},
	{"self.query.weight", 1.5},
	{"self.key.weight", 1.5},
	{"self.value.weight", 0.5},
	{"attention.output.dense.weight", 0.5},
	{"attn.v_proj.weight", 1.5},
	{"attn.l_proj.weight", 1.5},
	{"AttnConv.1.weight", 3},
	{"relu.fc.0.weight", 3},
	{"relu.fc.2.weight", 2},
	{"top_blocks.p7.weight", 1.5},
	{"head.bbox_pred.weight", 2},
	{"head.dot_product_projection_text.weight", 20},
}
