package executor

import (
	"fmt"
	"strings"

	"github.com/glipvk/glipvk/internal/compare"
)

// Precision is the width of weights and activations in memory. Products are added
// up, and norms and softmax computed, in 32 bits whatever it is; maps are float32.
type Precision string

// The precisions that [Options] may ask for.
const (
	F32           Precision = "f32"
	F16           Precision = "f16"  // 16 bits: half the memory
	AutoPrecision Precision = "auto" // F16 where the device has 16-bit storage and gains by it, else F32
)

// ParsePrecision reads the name of a precision; "" is [F32]. The error wraps [ErrInput].
func ParsePrecision(s string) (Precision, error) {
	switch p := Precision(strings.ToLower(strings.TrimSpace(s))); p {
	case "":
		return F32, nil
	case F32, F16, AutoPrecision:
		return p, nil
	}
	return "", Blame(fmt.Errorf("glipvk: precision %q: want f32, f16 or auto", s))
}

// Bounds of [Difference.OK] for a precision.
//
// In f32: on the reference cases PyTorch's own float32 lies 3e-7 to 7e-6 (relative
// L2) from its float64 result, and its largest difference is at most 6e-6 of the
// largest value. Ours and the oracle, which adds up in float64 but rounds after each
// operation, are two more such computations, and were seen 5e-7 to 7e-6 apart. The
// bounds leave room for four to ten times that. They reject the tanh form of GELU
// (1e-4 and more on every case) and an eps of 1e-4 in the norms (4e-5 and more); an
// eps of 1e-6 moves some models by less than float32 does and is left to the
// reference cases.
//
// In f16: a value of 11 significant bits is off by up to 4.9e-4 of itself, and layer
// after layer that adds up. GLIP-T at 224x224 with synthetic weights was seen at 1.6e-3;
// there rounding the weights of its products alone, everything else in 32 bits, moves the
// last map by 1.2e-3. The bound of a relative L2 of 2e-3 leaves little room above that,
// and the largest difference, of a single element, gets twice the same share, as in f32.
// How far rounding moves maps is a property of the model: a network of 8 channels
// (testdata's nano) is moved by 8.6e-3 by the weights alone, so it cannot pass. What f16
// hides (GELU's form, an eps) the f32 run of the same graph shows.
func (p Precision) Bounds() compare.Bounds {
	if p == F16 {
		return compare.Bounds{RelativeL2: 2e-3, RelativeAbsolute: 4e-3}
	}
	return compare.Bounds{RelativeL2: 3e-5, RelativeAbsolute: 6e-5}
}
