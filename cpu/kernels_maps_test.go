package cpu

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestAffineKernel(t *testing.T) {
	eachShape(t, func(t *testing.T, k *kernels, r *rand.Rand, rows, chunks, ld int) {
		n := chunks*chunk + rows - 1 // whole chunks, and some more
		x, m, a, b := spotted(r, rows*(n+3)), spotted(r, n), spotted(r, n), spotted(r, n)
		y := guarded(rows * (ld + rows))
		want := func(row, column int) float64 {
			return float64(x[row*(n+3)+column]-m[column])*float64(a[column]) + float64(b[column])
		}
		k.of(n).affine(y, ld+rows, x, n+3, m, a, b, rows, n)
		near(t, y, rows, n, ld+rows, want, 1e-6)
		k.of(n).affine(y, ld+rows, x, n+3, m, a, nil, rows, n)
		near(t, y, rows, n, ld+rows, func(row, column int) float64 {
			return 2*want(row, column) - float64(b[column])
		}, 2e-6)
	})
}

func TestBendKernel(t *testing.T) {
	eachShape(t, func(t *testing.T, k *kernels, r *rand.Rand, rows, chunks, ld int) {
		n := chunks*chunk + rows - 1
		x, lines := spotted(r, rows*(n+3)), spotted(r, 4*n)
		lines[0], lines[3*n-1] = float32(math.NaN()), float32(math.NaN()) // one of two is enough for a NaN
		y := guarded(rows * (ld + rows))
		k.of(n).bend(y, ld+rows, x, n+3, lines, rows, n)
		for row := range rows {
			for _, column := range []int{0, n - 1} {
				if v := &y[row*(ld+rows)+column]; *v == *v {
					t.Fatalf("row %d, column %d is %v, want NaN", row, column, *v)
				} else {
					*v = 0
				}
			}
		}
		near(t, y, rows, n, ld+rows, func(row, column int) float64 {
			if column == 0 || column == n-1 {
				return 0
			}
			v := float64(x[row*(n+3)+column])
			return max(v*float64(lines[column])+float64(lines[n+column]), v*float64(lines[2*n+column])+float64(lines[3*n+column]))
		}, 1e-6)
	})
}

func TestMomentsKernel(t *testing.T) {
	eachShape(t, func(t *testing.T, k *kernels, r *rand.Rand, rows, chunks, ld int) {
		n, positions := chunks*chunk+3, rows+2
		x, w := spotted(r, positions*ld+8), spotted(r, positions)
		for i := range x {
			x[i] += 100 // sums of squares would lose digits
		}
		for _, weights := range [][]float32{nil, w} {
			y := guarded(statRows * (n + 5))
			k.of(n).moments(y, n+5, x, ld, weights, positions, n)
			last := statRows
			if weights == nil {
				last--
			}
			near(t, y, last, n, n+5, func(row, column int) float64 {
				mean, sum := float64(y[column]), 0.0
				for p := range positions {
					d := float64(x[p*ld+column]) - mean
					switch row {
					case statNear:
						sum += float64(x[p*ld+column]) / float64(positions)
					case statRest:
						sum += d
					case statSquares:
						sum += d * d
					case statWeighed:
						sum += d * float64(w[p])
					}
				}
				return sum
			}, 1e-5)
		}
	})
}

func TestSoftmaxColumnsKernel(t *testing.T) {
	eachShape(t, func(t *testing.T, k *kernels, r *rand.Rand, rows, chunks, ld int) {
		n := chunks * chunk
		x, y := spotted(r, rows*n), guarded(rows*ld)
		fill(y, rows, n, ld, func(row, column int) float32 { return 5 * x[row*n+column] })
		k.softmaxColumns(y, ld, rows, n)
		near(t, y, rows, n, ld, func(row, column int) float64 {
			sum := 0.0
			for j := range rows {
				sum += math.Exp(float64(5*x[j*n+column]) - float64(5*x[row*n+column]))
			}
			return 1 / sum
		}, 1e-6)
	})
}

func TestClampKernel(t *testing.T) {
	eachShape(t, func(t *testing.T, k *kernels, r *rand.Rand, rows, chunks, ld int) {
		n := chunks * chunk
		x, y := spotted(r, rows*n), guarded(rows*ld)
		fill(y, rows, n, ld, func(row, column int) float32 { return x[row*n+column] })
		y[n-1] = float32(math.NaN())
		k.clamp(y, ld, 0.75, rows, n)
		if y[n-1] == y[n-1] {
			t.Fatalf("a NaN became %v", y[n-1])
		}
		y[n-1] = 0
		near(t, y, rows, n, ld, func(row, column int) float64 {
			if row*n+column == n-1 {
				return 0
			}
			return min(max(float64(x[row*n+column]), -0.75), 0.75)
		}, 0)
	})
}
