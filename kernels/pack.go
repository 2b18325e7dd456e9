package kernels

import (
	"fmt"
	"maps"
	"math"
	"unsafe"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
)

// Layout says how weights lie in memory, and so which shaders can read them. Programs are
// lowered for the layout of their weights.
type Layout struct {
	Style     Style
	Precision Precision // F32 or F16
}

// LayoutOf is what a device gets; the variant is that of [StyleOf].
func LayoutOf(info engine.Info, p Precision, variant string) (Layout, error) {
	s, err := StyleOf(info, variant)
	if err != nil {
		return Layout{}, err
	}
	p, _, err = Settle(info, p)
	return Layout{s, p}, err
}

// Packer lays the weights of a graph out. The matrices of linear layers and convolutions are
// packed for the kernel that reads them; the others stay as they are.
type Packer struct {
	g      *graph.Graph
	layout Layout
	matrix map[graph.ID]string // of what: ofLinear, ofConvolution
}

// Packer lays out the weights of one graph: what is packed depends on all that reads it.
func (l Layout) Packer(g *graph.Graph) *Packer { return &Packer{g, l, matrixWeights(g)} }

// Packed says as what matrix a weight is packed, "" for one that stays as it is.
func (p *Packer) Packed(id graph.ID) string { return p.matrix[id] }

// Bytes is what a weight takes.
func (p *Packer) Bytes(id graph.ID) int64 {
	shape := p.g.Nodes[id].Shape
	return p.layout.packing(p.matrix[id], shape).bytes(shape)
}

// Pack returns the bytes of a weight, given row-major. It may be the same memory. What a
// matrix of 16-bit floats cannot hold is an error.
func (p *Packer) Pack(id graph.ID, data []float32) ([]byte, error) {
	shape := p.g.Nodes[id].Shape
	if len(data) != shape.Elements() {
		return nil, fmt.Errorf("%w: source gave %d elements, want %v", graph.ErrShape, len(data), shape)
	}
	if p.matrix[id] == "" {
		return floatBytes(data), nil
	}
	pack := p.layout.packing(p.matrix[id], shape)
	if pack.half {
		for i, x := range data {
			if a := math.Abs(float64(x)); a > mostHalf && !math.IsInf(a, 0) {
				return nil, fmt.Errorf("element %d is %g, beyond the %g that 16 bits hold; store weights in precision %q", i, x, float64(mostHalf), F32)
			}
		}
	}
	return pack.pack(data, shape[0]), nil
}

// packing is how the matrix of a linear or a convolution, [N, K], lies in memory: as [K, N],
// so that neighbouring outputs lie side by side, or in panels (shaders/gemm_uniform.comp).
type packing struct {
	panels, half bool
	taps         int // of a convolution, [N, C, taps]: k is tap*C + channel; 0 of a linear
	cols         int // to which rows of [K, N] are padded with zeros, 0 for N
}

// packing of a matrix by what it is of: none of what is not packed.
func (l Layout) packing(of string, w graph.Shape) packing {
	switch of {
	case ofConvolution:
		return l.Style.convPacking(w, l.Precision)
	case ofLinear:
		return l.Style.packing(w, l.Precision)
	}
	return packing{}
}

// packing of the matrix of a linear. Rows that are no whole vec4s keep to 32-bit floats.
func (s Style) packing(w graph.Shape, p Precision) packing {
	n := w[0]
	k := w.Elements() / n
	return packing{panels: s.Gemm == uniform && k%8 == 0 && n%4 == 0, half: p == F16 && k%4 == 0 && n%4 == 0}
}

// bytes that a matrix takes.
func (p packing) bytes(w graph.Shape) int64 {
	n := w[0]
	k, size := w.Elements()/n, int64(4)
	if p.half {
		size = 2
	}
	switch {
	case p.panels:
		n = ceilDiv(n, uniformPanel) * uniformPanel
	case p.cols > 0:
		n = p.cols
	}
	return size * int64(n) * int64(k)
}

// What a matrix is of.
const (
	ofLinear      = "a linear"
	ofConvolution = "a convolution"
)

// matrixOperand is which operand of an operation is packed as a matrix, and of what; -1 where none is.
func matrixOperand(op graph.Op) (k int, of string) {
	switch op.(type) {
	case graph.Linear:
		return 1, ofLinear
	case graph.Conv:
		return 1, ofConvolution
	case graph.DeformConv:
		return 2, ofConvolution
	}
	return -1, ""
}

// matrixWeights says of the parameters that are packed as a matrix of what it is: those that nothing reads in another
// way, and no caller wants to see.
func matrixWeights(g *graph.Graph) map[graph.ID]string {
	packed, other := map[graph.ID]string{}, map[graph.ID]bool{}
	for _, n := range g.Nodes {
		matrix, of := matrixOperand(n.Op)
		for k, id := range n.Inputs {
			_, param := g.Nodes[id].Op.(graph.Param)
			if before := packed[id]; !param || k != matrix || before != "" && before != of {
				other[id] = true
			} else {
				packed[id] = of
			}
		}
	}
	for _, id := range g.Outputs {
		other[id] = true
	}
	maps.DeleteFunc(packed, func(id graph.ID, _ string) bool { return other[id] })
	return packed
}

// pack lays a matrix [n, K] out.
func (p packing) pack(x []float32, n int) []byte {
	x, n = p.channelsLast(x, n)
	switch {
	case p.panels:
		x = panels(x, n, p.half)
	default:
		x = transpose(x, n)
	}
	if p.half {
		return halfBytes(x)
	}
	return floatBytes(x)
}

// panels turns [n, K] into panels of 32 rows, each [K, 32], zeros beyond n. The order in a
// row of a panel is that of gemm_uniform.comp: 16-bit floats as they come, of 32-bit floats first
// the even ones of sixteen, then the odd.
func panels(x []float32, n int, half bool) []float32 {
	k := len(x) / n
	y := make([]float32, ceilDiv(n, uniformPanel)*uniformPanel*k)
	for row := range n {
		panel, column := row/uniformPanel, row%uniformPanel
		if !half {
			column = column/16*16 + column%2*8 + column%16/2
		}
		to := y[panel*uniformPanel*k+column:]
		for i, v := range x[row*k : (row+1)*k] {
			to[i*uniformPanel] = v
		}
	}
	return y
}

// transpose turns [rows, cols] into [cols, rows], in blocks that stay in the cache.
func transpose(x []float32, rows int) []float32 {
	const block = 32
	cols := len(x) / rows
	y := make([]float32, len(x))
	for r0 := 0; r0 < rows; r0 += block {
		for c0 := 0; c0 < cols; c0 += block {
			for r := r0; r < min(r0+block, rows); r++ {
				for c := c0; c < min(c0+block, cols); c++ {
					y[c*rows+r] = x[r*cols+c]
				}
			}
		}
	}
	return y
}

// floatBytes views the same memory as bytes. All devices and hosts that Vulkan and Go
// share are little-endian.
func floatBytes(f []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(f))), 4*len(f))
}
