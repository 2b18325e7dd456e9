package difftest

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/glipvk/glipvk/synthetic"
)

// MakeInput builds the case's input [batch, 3, height, width]. Its digest must
// match the manifest's, else nothing that follows would mean anything.
func (c *Case) MakeInput() ([]float32, error) {
	in := c.Input
	x := synthetic.Input(in.Batch, in.Height, in.Width, in.PictureSeed)
	if got := digest(float32Bytes(x)); got != in.SHA256 {
		return nil, fmt.Errorf("difftest: the input of %s has digest %s, the manifest says %s", c.ID, got, in.SHA256)
	}
	return x, nil
}

// Weights supplies parameters by canonical checkpoint key.
type Weights interface {
	Tensor(name string, shape []int) ([]float32, error)
}

// WeightsFunc is a function that is [Weights].
type WeightsFunc func(name string, shape []int) ([]float32, error)

// Tensor implements [Weights].
func (f WeightsFunc) Tensor(name string, shape []int) ([]float32, error) { return f(name, shape) }

// Weights are the case's synthetic weights, rounded if it says so.
func (c *Case) Weights() (Weights, error) {
	w := synthetic.Weights{Seed: c.WeightsSeed}
	switch c.Rounding {
	case "":
		return w, nil
	case "float16":
		return rounded(w, synthetic.RoundFloat16), nil
	case "bfloat16":
		return rounded(w, synthetic.RoundBFloat16), nil
	}
	return nil, fmt.Errorf("difftest: %s: weights rounded to %q are not known", c.ID, c.Rounding)
}

func rounded(w Weights, round func([]float32)) Weights {
	return WeightsFunc(func(name string, shape []int) ([]float32, error) {
		data, err := w.Tensor(name, shape)
		if err == nil {
			round(data)
		}
		return data, err
	})
}

// float32Bytes are the little-endian bytes of x, as files and digests have them.
func float32Bytes(x []float32) []byte {
	data := make([]byte, 0, 4*len(x))
	for _, v := range x {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	return data
}
