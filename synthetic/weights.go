package synthetic

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// ErrUnknownTensor says that no rule of synthetic-v1 covers a tensor name: it
// is misspelled, carries a prefix, or is computed rather than stored (such as
// relative_position_index).
var ErrUnknownTensor = errors.New("no synthetic rule for this tensor name")

const (
	fnvOffset = 0xCBF29CE484222325
	fnvPrime  = 0x100000001B3
	gamma     = 0x9E3779B97F4A7C15 // increment of splitmix64
)

// maxElements bounds one tensor, so that a nonsensical shape is an error and
// not an attempt to take all memory. GLIP-L's largest tensor has 9,437,184.
const maxElements = 1 << 31

// start is the state of the stream (name, seed) before its first word:
// FNV-1a 64 of the name, exclusive-or the seed.
func start(name string, seed uint64) uint64 {
	h := uint64(fnvOffset)
	for k := 0; k < len(name); k++ {
		h = (h ^ uint64(name[k])) * fnvPrime
	}
	return h ^ seed
}

// mix is the output function of splitmix64.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// Word is word i, counted from 0, of the splitmix64 stream of (name, seed).
func Word(name string, seed, i uint64) uint64 {
	return mix(start(name, seed) + (i+1)*gamma)
}

// Value is element i, in row-major order, of the tensor called name.
func Value(name string, seed, i uint64, offset, scale float32) float32 {
	return value(Word(name, seed, i), offset, scale)
}

// value maps a word to offset + scale*r with r in [-1, 1). The product has at
// most 48 significant bits and is exact in float64, so a fused multiply-add
// gives the same bits.
func value(word uint64, offset, scale float32) float32 {
	r := float64(int64(word>>40)-1<<23) / (1 << 23)
	return float32(float64(offset) + float64(scale)*r)
}

// Rule gives offset and scale of the values of a canonical name. fanIn is the
// product of all dimensions but the first. ok is false for an unknown name.
// Matrices get uniform values of variance gain²/fanIn.
func Rule(name string, fanIn int) (offset, scale float32, ok bool) {
	owner, leaf := split(name)
	norm := strings.HasPrefix(owner, "norm")
	switch {
	case leaf == "relative_position_bias_table":
		return 0, 2, true
	case norm && leaf == "weight":
		return 1, 0.25, true
	case leaf == "bias" && owner == "qkv":
		return 0, 0.5, true
	case leaf == "bias":
		return 0, 0.125, true
	}
	g := backboneGains.of(name, 0)
	return 0, float32(g * math.Sqrt(3/float64(fanIn))), g > 0
}

// split returns the last two dotted parts of a name; owner is empty for a name
// of one part.
func split(name string) (owner, leaf string) {
	parts := strings.Split("."+name, ".")
	return parts[len(parts)-2], parts[len(parts)-1]
}

// endsIn says whether a name ends with whole dotted parts.
func endsIn(name, suffix string) bool {
	rest, ok := strings.CutSuffix(name, suffix)
	return ok && (rest == "" || strings.HasSuffix(rest, "."))
}

// gains are the standard deviations of matrices' outputs for inputs of unit
// variance, by the end of their names.
type gains []struct {
	suffix string
	gain   float64
}

// of is the gain of a matrix, otherwise that of one that is not listed.
func (list gains) of(name string, otherwise float64) float64 {
	for _, row := range list {
		if endsIn(name, row.suffix) {
			return row.gain
		}
	}
	return otherwise
}

var backboneGains = gains{
	{"projection.weight", 1},
	{"qkv.weight", 1.75},
	{"proj.weight", 1},
	{"ffn.layers.0.0.weight", 1.25},
	{"ffn.layers.1.weight", 1},
	{"reduction.weight", 1},
	{"fc.weight", 1},
}

// Weights is a source of model weights that needs no file. The zero value is
// seed 0.
type Weights struct {
	Seed uint64 // chooses the stream; any 64-bit number
}

// Tensor returns the values of one parameter in row-major order. name is the
// canonical mmpretrain name without prefix; shape is the one PyTorch states,
// which decides the fan-in of a matrix. An unknown name gives an error that
// wraps ErrUnknownTensor.
func (w Weights) Tensor(name string, shape []int) ([]float32, error) {
	total, fanIn, err := elements(shape)
	if err != nil {
		return nil, fmt.Errorf("synthetic: %s: %w", name, err)
	}
	offset, scale, ok := Rule(name, fanIn)
	if !ok {
		return nil, fmt.Errorf("synthetic: %q: %w; use mmpretrain's names without a prefix", name, ErrUnknownTensor)
	}
	data := make([]float32, total)
	Fill(data, Stream{Name: name, Seed: w.Seed}, offset, scale)
	return data, nil
}

// elements multiplies the dimensions of a shape: all of them, and all but the
// first.
func elements(shape []int) (total, fanIn int, err error) {
	total, fanIn = 1, 1
	for axis, n := range shape {
		if n < 0 || (n > 0 && int64(total) > maxElements/int64(n)) {
			return 0, 0, fmt.Errorf("shape %v has a negative side or more than %d elements", shape, int64(maxElements))
		}
		total *= n
		if axis > 0 {
			fanIn *= n
		}
	}
	return total, fanIn, nil
}

// Stream names a place in a word stream: the words of (Name, Seed) from index
// First on.
type Stream struct {
	Name  string
	Seed  uint64
	First uint64
}

// Fill writes consecutive values of a stream to dst, so that a large tensor
// can be made piece by piece. offset and scale come from Rule.
func Fill(dst []float32, s Stream, offset, scale float32) {
	state := start(s.Name, s.Seed) + s.First*gamma
	parallel(len(dst), 1<<16, func(from, to int) {
		z := state + uint64(from)*gamma
		for i := range dst[from:to] {
			z += gamma
			dst[from+i] = value(mix(z), offset, scale)
		}
	})
}
