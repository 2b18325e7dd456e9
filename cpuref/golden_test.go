package cpuref_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/synthetic"
)

// goldenFolder holds outputs of the original's modules, where it is present.
const goldenFolder = "../../shared/golden/glip"

// goldenTensor is a tensor of a golden case. Distance is how far the original in
// float32 was from itself in float64.
type goldenTensor struct {
	Name, File string
	Shape      []int
	Distance   struct{ Max float64 } `json:"float32_vs_float64"`
	data       []float32
}

type goldenCase struct {
	ID          string
	Stride      int
	PositiveMap map[string][]int `json:"positive_map"`
	Tensors     []goldenTensor
}

// golden reads the case of that name from group modules, or skips.
func golden(t *testing.T, id string) goldenCase {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(goldenFolder, "manifest.json"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("no golden outputs of the original's modules: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Groups []struct {
			Group string
			Cases []json.RawMessage
		}
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	for _, group := range manifest.Groups {
		for _, raw := range group.Cases {
			var name struct{ ID string }
			if group.Group != "modules" || json.Unmarshal(raw, &name) != nil || name.ID != id {
				continue
			}
			var c goldenCase
			if err := json.Unmarshal(raw, &c); err != nil {
				t.Fatal(err)
			}
			for i := range c.Tensors {
				c.Tensors[i].data = float32File(t, c.Tensors[i])
			}
			return c
		}
	}
	t.Fatalf("the manifest has no case %q", id)
	return goldenCase{}
}

// float32File reads a .npy file of version 1 with little-endian float32 in C order.
func float32File(t *testing.T, want goldenTensor) []float32 {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(goldenFolder, want.File))
	if err != nil {
		t.Fatal(err)
	}
	if len(raw) < 10 || string(raw[:7]) != "\x93NUMPY\x01" {
		t.Fatalf("%s is no .npy file of version 1", want.File)
	}
	start := 10 + int(binary.LittleEndian.Uint16(raw[8:]))
	n := graph.Shape(want.Shape).Elements()
	if len(raw) != start+4*n || !strings.Contains(string(raw[10:start]), "'<f4', 'fortran_order': False") {
		t.Fatalf("%s: %d bytes for %v, header %q", want.File, len(raw), want.Shape, raw[10:start])
	}
	data := make([]float32, n)
	for i := range data {
		data[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[start+4*i:]))
	}
	return data
}

func (c goldenCase) tensor(t *testing.T, name string) goldenTensor {
	t.Helper()
	for _, x := range c.Tensors {
		if x.Name == name {
			return x
		}
	}
	t.Fatalf("%s has no tensor %q", c.ID, name)
	return goldenTensor{}
}

// channelsLast changes a map [B, C, H, W] to [B, H, W, C].
func (x goldenTensor) channelsLast() goldenTensor {
	b, c, positions := x.Shape[0], x.Shape[1], x.Shape[2]*x.Shape[3]
	data := make([]float32, len(x.data))
	for i, v := range x.data {
		data[(i/positions/c*positions+i%positions)*c+i/positions%c] = v
	}
	x.Shape, x.data = []int{b, x.Shape[2], x.Shape[3], c}, data
	return x
}

// channels puts the channels of two maps [B, H, W, C] one after the other.
func channels(x, y goldenTensor) goldenTensor {
	c, d := x.Shape[3], y.Shape[3]
	var data []float32
	for i := range len(x.data) / c {
		data = append(append(data, x.data[i*c:][:c]...), y.data[i*d:][:d]...)
	}
	x.Shape, x.data = []int{x.Shape[0], x.Shape[1], x.Shape[2], c + d}, data
	return x
}

// tolerance is ten times the distance that rounding moved the original.
func (x goldenTensor) tolerance() float64 { return 10 * x.Distance.Max }

// farthest is the largest difference from want, and infinite for NaN or other lengths.
func farthest(got []float32, want goldenTensor) float64 {
	if len(got) != len(want.data) {
		return math.Inf(1)
	}
	largest := 0.0
	for i, w := range want.data {
		d := math.Abs(float64(got[i]) - float64(w))
		if !(d <= largest) {
			largest = d
		}
		if math.IsNaN(d) {
			return math.Inf(1)
		}
	}
	return largest
}

// formula gives the weights that the golden modules had: the stream of their names,
// seed 1, with these offsets and scales.
type formula struct{}

func (formula) Tensor(name string, shape []int) ([]float32, error) {
	parts := strings.Split(name, ".")
	owner, leaf := parts[len(parts)-2], parts[len(parts)-1]
	gain := 1.0
	offset, scale := 0.0, 0.125
	switch {
	case strings.HasSuffix(name, "relu.fc.0.bias"), strings.HasSuffix(name, "relu.fc.2.bias"):
		scale = 0.5
	case leaf == "bias":
	case leaf != "weight":
		return nil, fmt.Errorf("no rule for %q", name)
	case owner == "bn":
		offset, scale = 1, 0.25
	default:
		if strings.HasSuffix(name, "relu.fc.0.weight") {
			gain = 3
		} else if strings.HasSuffix(name, "relu.fc.2.weight") {
			gain = 2
		}
		scale = gain * math.Sqrt(3/float64(graph.Shape(shape[1:]).Elements()))
	}
	data := make([]float32, graph.Shape(shape).Elements())
	for i := range data {
		data[i] = synthetic.Value(name, 1, uint64(i), float32(offset), float32(scale))
	}
	return data, nil
}
