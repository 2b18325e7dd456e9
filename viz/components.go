package viz

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// Map is one feature map of one picture.
type Map struct {
	Name    string
	C, H, W int
	Data    []float32 // [C, H, W]
}

// check refuses what cannot be analysed.
func (m Map) check() error {
	if m.C <= 0 || m.H <= 0 || m.W <= 0 || len(m.Data)/m.C/m.H != m.W || len(m.Data)%(m.C*m.H) != 0 {
		return fmt.Errorf("viz: map %s: %d values are not [%d, %d, %d]", m.Name, len(m.Data), m.C, m.H, m.W)
	}
	for i, v := range m.Data {
		if v-v != 0 { // NaN or infinity
			area := m.H * m.W
			return fmt.Errorf("viz: map %s: channel %d is %v at row %d, column %d", m.Name, i/area, v, i%area/m.W, i%m.W)
		}
	}
	return nil
}

// Components are the first principal components of a map, its positions being
// the observations and its channels the variables.
type Components struct {
	H, W   int
	Scores [3][]float64 // [H, W] each, centred; zero where the map has fewer components
	Share  [3]float64   // of the map's variance, 0 to 1
}

// directCost is the largest positions * channels * min(positions, channels)
// whose singular values are computed outright, in about 0.1 s.
const directCost = 4e7

// sketchWidth is the number of channels a large map is reduced to first.
const sketchWidth = 16

// PrincipalComponents finds the first three components by gonum's stat.PC. A
// large map is first projected onto its own leading subspace, which takes a
// fraction of the time and changes nothing that could be seen. The sign of each
// component is chosen so that its scores are skewed to the positive side. A map
// that holds NaN or infinity, or whose data do not fit its sizes, is an error.
func PrincipalComponents(m Map) (Components, error) {
	if err := m.check(); err != nil {
		return Components{}, err
	}
	out := Components{H: m.H, W: m.W}
	for k := range out.Scores {
		out.Scores[k] = make([]float64, m.H*m.W)
	}
	x, total := centred(m)
	n, c := x.Dims()
	if n < 2 || total == 0 {
		return out, nil // one position or a constant map: nothing varies
	}
	if least := min(n, c); least > 4*sketchWidth && float64(n)*float64(c)*float64(least) > directCost {
		x = sketch(x)
	}
	var pc stat.PC
	if !pc.PrincipalComponents(x, nil) {
		return Components{}, fmt.Errorf("viz: map %s: the singular values did not converge", m.Name)
	}
	var vectors, scores mat.Dense
	pc.VectorsTo(&vectors)
	scores.Mul(x, &vectors)
	_, found := scores.Dims()
	for k := range min(found, 3) {
		mat.Col(out.Scores[k], k, &scores)
		out.Share[k] = orient(out.Scores[k]) / total
	}
	return out, nil
}

// centred is the matrix [positions, channels] without the channel means, and
// the sum of its squares.
func centred(m Map) (x *mat.Dense, total float64) {
	area := m.H * m.W
	x = mat.NewDense(area, m.C, nil)
	raw := x.RawMatrix()
	for c := range m.C {
		plane := m.Data[c*area : (c+1)*area]
		mean := 0.0
		for _, v := range plane {
			mean += float64(v)
		}
		mean /= float64(area)
		for i, v := range plane {
			d := float64(v) - mean
			if math.Abs(d) < 1e-12*math.Abs(mean) {
				d = 0 // rounding of the mean, not variation
			}
			raw.Data[i*raw.Stride+c] = d
			total += d * d
		}
	}
	return x, total
}

// sketch projects x, [n, c], onto an orthonormal basis of its leading subspace,
// [c, sketchWidth], found by subspace iteration from a fixed start.
func sketch(x *mat.Dense) *mat.Dense {
	_, c := x.Dims()
	random := rand.New(rand.NewPCG(1, 2))
	basis := mat.NewDense(c, sketchWidth, nil)
	basis.Apply(func(_, _ int, _ float64) float64 { return random.NormFloat64() }, basis)
	var reduced, next mat.Dense
	for range 8 {
		reduced.Mul(x, basis)
		next.Mul(x.T(), &reduced)
		orthonormal(basis, &next)
	}
	reduced.Mul(x, basis)
	return &reduced
}

// orthonormal writes to dst an orthonormal basis of the columns of src.
func orthonormal(dst, src *mat.Dense) {
	var qr mat.QR
	qr.Factorize(src)
	rows, columns := src.Dims()
	unit := mat.NewDense(rows, columns, nil)
	for i := range columns {
		unit.Set(i, i, 1)
	}
	var q mat.Dense
	qr.QTo(&q)
	dst.Mul(&q, unit)
}

// orient turns the sign so that the third moment is not negative, and returns
// the sum of squares.
func orient(scores []float64) (squares float64) {
	third := 0.0
	for _, v := range scores {
		squares += v * v
		third += v * v * v
	}
	if third < 0 {
		for i := range scores {
			scores[i] = -scores[i]
		}
	}
	return squares
}

// faint is the share of variance below which a component is not shown: it is
// rounding, not a feature.
const faint = 1e-9

// darkest is the shade of the lowest scores: not black, so that the photograph
// shows through everywhere.
const darkest = 0.1

// colours maps the components to [H, W, 3] in darkest..1: each from its second to its
// 98th percentile, so that a few outliers do not take the whole range. A
// component that does not vary is half-way.
func (c Components) colours() []float32 {
	out := make([]float32, 3*c.H*c.W)
	for k, scores := range c.Scores {
		sorted := slices.Sorted(slices.Values(scores))
		low := stat.Quantile(0.02, stat.LinInterp, sorted, nil)
		high := stat.Quantile(0.98, stat.LinInterp, sorted, nil)
		if !(high > low) { // few positions differ: use the whole range
			low, high = sorted[0], sorted[len(sorted)-1]
		}
		for i, v := range scores {
			shade := 0.5
			if high > low && c.Share[k] > faint {
				shade = min(max((v-low)/(high-low), 0), 1)
			}
			out[3*i+k] = float32(darkest + (1-darkest)*shade)
		}
	}
	return out
}
