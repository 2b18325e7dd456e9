package cpu

import (
	"errors"
	"fmt"
	"slices"
)

// Instructions is a set of vector instructions that products and row operations are
// written in. The zero value is the best that the processor has.
type Instructions string

// The sets of instructions. Which of them a processor has, [Available] tells.
const (
	Best     Instructions = ""
	Portable Instructions = "portable" // plain Go, on every processor
	AVX2     Instructions = "avx2"     // amd64 with AVX2 and FMA
	AVX512   Instructions = "avx512"   // amd64 with AVX-512 F, DQ, BW and VL
	NEON     Instructions = "neon"     // every arm64, the products only
)

// ErrInstructions is wrapped where instructions are asked for that the processor, or
// this build, does not have. Remedy: leave the choice to [Best].
var ErrInstructions = errors.New("no such instructions here")

// chunk is the number of floats that vectorised row operations take at once.
const chunk = 16

// kernels are the inner loops in one set of instructions. Slices reach to the last
// element that the strides and counts imply; nothing checks that in assembly.
type kernels struct {
	name    Instructions
	columns int // of a panel of packed weights

	// product is c = start + a b for any number of rows of a and one panel b [k, columns]; lda,
	// lds and ldc are the distances of rows. With lds 0 all rows start alike. It is fastest with
	// multiples of rows.
	product func(a []float32, lda int, b []float32, k int, start []float32, lds int, c []float32, ldc int, rows int)
	rows    int
	// turned is product of a that is [k, rows], lda being the distance of its columns; nil where there is none.
	turned func(a []float32, lda int, b []float32, k int, start []float32, lds int, c []float32, ldc int, rows int)

	// The others work on rows of n floats, whole chunks; see [kernels.of].
	gelu      func(y []float32, ldy int, rows, n int)
	add       func(y []float32, ldy int, a []float32, lda int, b []float32, ldb int, rows, n int)
	softmax   func(y []float32, ldy int, mask []float32, ldm int, rows, n int)
	layerNorm func(y []float32, ldy int, x []float32, ldx int, weight, bias []float32, eps float32, rows, n int)

	// softmaxColumns is softmax down the columns of so many rows.
	softmaxColumns func(y []float32, ldy int, rows, n int)
	// clamp is y = min(max(y, -limit), limit).
	clamp func(y []float32, ldy int, limit float32, rows, n int)
	// blend is y = factor (w[0] a + w[1] b + w[2] c + w[3] d) on one row.
	blend func(y, a, b, c, d []float32, w [4]float32, factor float32, n int)
	// affine is y = (x - m) a + b with m, a and b of one row; an empty b is y.
	affine func(y []float32, ldy int, x []float32, ldx int, m, a, b []float32, rows, n int)
	// bend is y = max(x l0 + l1, x l2 + l3) with the four rows of lines, n apart.
	bend func(y []float32, ldy int, x []float32, ldx int, lines []float32, rows, n int)
	// moments is, of each column, in four rows of y: the mean as a float has it, the sums of
	// distances from that, of their squares and of their products with w, the last unless w is empty.
	moments func(y []float32, ldy int, x []float32, ldx int, w []float32, rows, n int)

	// Of training, on one row of n floats: layerNormGrad is y = f (u - mean u - h mean(u h)) with u = g weight, h = f (x - mean x)
	// and f = 1/sqrt(variance of x + eps); geluGrad is y = g gelu'(x); mulAdd is y += a b; sumSquares is in float64; spread
	// adds x times w[0] to a and so on; dots are the products of x with a to d; adamW is a step with the constants
	// of updateConstants.
	layerNormGrad func(y []float32, ldy int, g []float32, ldg int, x []float32, ldx int, weight []float32, eps float32, rows, n int)
	geluGrad      func(y, g, x []float32, n int)
	mulAdd        func(y, a, b []float32, n int)
	sumSquares    func(x []float32, n int) float64
	spread        func(a, b, c, d []float32, w [4]float32, x []float32, n int)
	dots          func(y *[4]float32, a, b, c, d, x []float32, n int)
	adamW         func(x, m, v, toX, toM, toV, g []float32, c *[9]float32, n int)

	// squares is y[j, i] = factor * x[i, j] for rows*square rows and columns*square columns
	// of x; nil where plain loops are as good.
	squares func(y []float32, ldy int, x []float32, ldx int, rows, columns int, factor float32)

	plain *kernels // in plain Go
}

// of are the kernels for rows of n floats: plain Go where these are not whole chunks.
func (k *kernels) of(n int) *kernels {
	if n%chunk == 0 {
		return k
	}
	return k.plain
}

// along hands whole chunks to these instructions and what is left to plain Go, so that an element is computed in one way
// whatever task it falls to; tasks begin at chunks.
func (k *kernels) along(y []float32, f func(k *kernels, y []float32)) {
	k.parts(len(y), func(k *kernels, from, n int) { f(k, y[from:][:n]) })
}

// parts is along for n elements of several operands.
func (k *kernels) parts(n int, f func(k *kernels, from, n int)) {
	whole := n / chunk * chunk
	if whole > 0 {
		f(k, 0, whole)
	}
	if whole < n {
		f(k.plain, whole, n-whole)
	}
}

// square is the side of the squares that are transposed at once.
const square = 8

// transpose is y[j, i] = factor * x[i, j] for any number of rows and columns of x.
func (k *kernels) transpose(y []float32, ldy int, x []float32, ldx int, rows, columns int, factor float32) {
	i, j := 0, 0
	if k.squares != nil && rows >= square && columns >= square {
		i, j = rows/square*square, columns/square*square
		k.squares(y, ldy, x, ldx, rows/square, columns/square, factor)
	}
	for r := range rows {
		from := 0
		if r < i {
			from = j
		}
		for c, v := range x[r*ldx+from : r*ldx+columns] {
			y[(from+c)*ldy+r] = v * factor
		}
	}
}

// tile is a product of a fixed number of rows.
type tile = func(a []float32, lda int, b []float32, k int, start []float32, lds int, c []float32, ldc int)

// inTiles makes the product of tiles of 1, 2 and more rows, to which rows are dealt out evenly.
func (k *kernels) inTiles(tiles ...tile) {
	k.rows = len(tiles)
	k.product = func(a []float32, lda int, b []float32, depth int, start []float32, lds int, c []float32, ldc int, rows int) {
		count := (rows + len(tiles) - 1) / len(tiles)
		least, larger := rows/count, rows%count // so many tiles have a row more than the least
		for t, first := 0, 0; t < count; t++ {
			size := least
			if t < larger {
				size++
			}
			tiles[size-1](a[first*lda:], lda, b, depth, start[first*lds:], lds, c[first*ldc:], ldc)
			first += size
		}
	}
}

// Available lists the instructions that this processor and build have, best first.
func Available() []Instructions {
	var list []Instructions
	for _, k := range available() {
		list = append(list, k.name)
	}
	return list
}

// available are the sets that work here, best first.
func available() []*kernels {
	plain := portable()
	list := append(native(), plain)
	for _, k := range list {
		k.plain = plain
	}
	return list
}

// choose finds a set by name.
func choose(name Instructions) (*kernels, error) {
	list := available()
	i := slices.IndexFunc(list, func(k *kernels) bool { return name == Best || name == k.name })
	if i < 0 {
		return nil, fmt.Errorf("%w: %q; this processor and build have %v", ErrInstructions, name, Available())
	}
	return list[i], nil
}
