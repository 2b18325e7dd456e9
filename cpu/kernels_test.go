package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// spotted is random numbers with canaries beyond the last one that may be written.
func spotted(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

const canary = 12345

func guarded(n int) []float32 {
	x := make([]float32, n+64)
	for i := range x {
		x[i] = canary
	}
	return x
}

// TestProducts compares the products of every number of rows with sums in float64, at depths around the unrolling.
func TestProducts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, k := range available() {
		for rows := 1; rows <= 2*k.rows+5; rows++ {
			for _, depth := range []int{1, 2, 3, 4, 5, 7, 8, 49, 96} {
				lda, ldc := depth+3, k.columns+5
				a, b := spotted(r, rows*lda), spotted(r, depth*k.columns)
				for _, lds := range []int{0, k.columns + 1} {
					start := spotted(r, rows*(k.columns+1))
					c := guarded(rows * ldc)
					k.product(a, lda, b, depth, start, lds, c, ldc, rows)
					if k.turned != nil {
						turned, again := make([]float32, depth*(rows+2)), guarded(rows*ldc)
						k.transpose(turned, rows+2, a, lda, rows, depth, 1)
						if k.turned(turned, rows+2, b, depth, start, lds, again, ldc, rows); !slices.Equal(c, again) {
							t.Fatalf("%s: %d rows, depth %d, lds %d: other numbers of a left factor that is turned", k.name, rows, depth, lds)
						}
					}
					for i := range c {
						row, column := i/ldc, i%ldc
						want, size := float64(canary), 0.0
						if row < rows && column < k.columns {
							want = float64(start[row*lds+column])
							for e := range depth {
								term := float64(a[row*lda+e]) * float64(b[e*k.columns+column])
								want, size = want+term, size+math.Abs(term)
							}
						}
						if d := math.Abs(float64(c[i]) - want); !(d <= 1e-6*(1+size)) {
							t.Fatalf("%s: %d rows, depth %d, lds %d: element %d is %v, want %v", k.name, rows, depth, lds, i, c[i], want)
						}
					}
				}
			}
		}
	}
}

// rowShapes are rows, chunks and the distance of rows beyond a row's own length.
var rowShapes = [][3]int{{1, 1, 0}, {1, 2, 0}, {2, 1, 7}, {3, 3, 16}, {14, 6, 1}, {5, 24, 3}}

// eachShape calls f with the shapes.
func eachShape(t *testing.T, f func(t *testing.T, k *kernels, r *rand.Rand, rows, chunks, ld int)) {
	for _, k := range available() {
		for _, s := range rowShapes {
			t.Run(fmt.Sprint(k.name, s), func(t *testing.T) {
				f(t, k, rand.New(rand.NewPCG(1, 2)), s[0], s[1], s[1]*chunk+s[2])
			})
		}
	}
}

// near compares row by row, and wants canaries between rows and after them.
func near(t *testing.T, got []float32, rows, n, ld int, want func(row, column int) float64, tolerance float64) {
	t.Helper()
	for i, v := range got {
		row, column := i/ld, i%ld
		w := float64(canary)
		if row < rows && column < n {
			w = want(row, column)
		}
		if d := math.Abs(float64(v) - w); !(d <= tolerance*max(1, math.Abs(w))) {
			t.Fatalf("element %d (row %d, column %d) is %v, want %v", i, row, column, v, w)
		}
	}
}

func fill(y []float32, rows, n, ld int, value func(row, column int) float32) {
	for row := range rows {
		for column := range n {
			y[row*ld+column] = value(row, column)
		}
	}
}

func TestGELUKernel(t *testing.T) {
	eachShape(t, func(t *testing.T, k *kernels, r *rand.Rand, rows, chunks, ld int) {
		n := chunks * chunk
		y, x := guarded(rows*ld), spotted(r, rows*n)
		for i := range x {
			x[i] *= 3
		}
		fill(y, rows, n, ld, func(row, column int) float32 { return x[row*n+column] })
		k.gelu(y, ld, rows, n)
		near(t, y, rows, n, ld, func(row, column int) float64 {
			v := float64(x[row*n+column])
			return v * math.Erfc(-v/math.Sqrt2) / 2
		}, 3e-7)
	})
}

func TestAddKernel(t *testing.T) {
	eachShape(t, func(t *testing.T, k *kernels, r *rand.Rand, rows, chunks, ld int) {
		n := chunks * chunk
		y, a, b := guarded(rows*ld), spotted(r, rows*(n+1)), spotted(r, rows*(n+2))
		k.add(y, ld, a, n+1, b, n+2, rows, n)
		near(t, y, rows, n, ld, func(row, column int) float64 {
			return float64(a[row*(n+1)+column] + b[row*(n+2)+column])
		}, 0)
	})
}

func TestBlendKernel(t *testing.T) {
	eachShape(t, func(t *testing.T, k *kernels, r *rand.Rand, rows, chunks, ld int) {
		n := chunks*chunk + rows - 1 // whole chunks, and some more
		y, of, w := guarded(ld), spotted(r, 4*n), [4]float32{0.25, -0.5, 2, 0}
		k.of(n).blend(y[:n], of[:n], of[n:2*n], of[2*n:3*n], of[3*n:], w, 0.3, n)
		near(t, y, 1, n, len(y), func(_, column int) float64 {
			sum := 0.0
			for i, v := range w {
				sum += float64(v) * float64(of[i*n+column])
			}
			return 0.3 * sum
		}, 1e-6)
	})
}

func TestSoftmaxKernel(t *testing.T) {
	eachShape(t, func(t *testing.T, k *kernels, r *rand.Rand, rows, chunks, ld int) {
		n := chunks * chunk
		x, m := spotted(r, rows*n), spotted(r, rows*(n+1))
		for _, mask := range [][]float32{nil, m} {
			y := guarded(rows * ld)
			fill(y, rows, n, ld, func(row, column int) float32 { return 5 * x[row*n+column] })
			at := func(row, column int) float64 {
				v := 5 * x[row*n+column]
				if mask != nil {
					v += mask[row*(n+1)+column]
				}
				return float64(v)
			}
			k.softmax(y, ld, mask, n+1, rows, n)
			near(t, y, rows, n, ld, func(row, column int) float64 {
				sum := 0.0
				for j := range n {
					sum += math.Exp(at(row, j) - at(row, column))
				}
				return 1 / sum
			}, 1e-6)
		}
	})
}

func TestLayerNormKernel(t *testing.T) {
	eachShape(t, func(t *testing.T, k *kernels, r *rand.Rand, rows, chunks, ld int) {
		n := chunks * chunk
		x, weight, bias := spotted(r, rows*(n+3)), spotted(r, n), spotted(r, n)
		y := guarded(rows * ld)
		k.layerNorm(y, ld, x, n+3, weight, bias, 1e-5, rows, n)
		near(t, y, rows, n, ld, func(row, column int) float64 {
			var mean, variance float64
			line := x[row*(n+3):][:n]
			for _, v := range line {
				mean += float64(v) / float64(n)
			}
			for _, v := range line {
				variance += (float64(v) - mean) * (float64(v) - mean) / float64(n)
			}
			return (float64(line[column])-mean)/math.Sqrt(variance+1e-5)*float64(weight[column]) + float64(bias[column])
		}, 1e-5)
	})
}

func TestTranspose(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, k := range available() {
		for _, s := range [][2]int{{1, 1}, {7, 9}, {8, 8}, {9, 7}, {16, 8}, {8, 24}, {17, 33}, {32, 32}, {49, 31}} {
			rows, columns := s[0], s[1]
			ldx, ldy := columns+3, rows+5
			x, y := spotted(r, rows*ldx), guarded(columns*ldy)
			k.transpose(y, ldy, x, ldx, rows, columns, 0.5)
			near(t, y, columns, rows, ldy, func(j, i int) float64 { return float64(x[i*ldx+j] * 0.5) }, 0)
		}
	}
}
