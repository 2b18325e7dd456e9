package viz

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// planted makes a map of three patterns, each along a channel direction of its
// own, with falling strength, and a little noise. The patterns are orthogonal
// over the map: a bar, the difference of the two other thirds, and the top.
func planted(c, h, w int) (m Map, patterns [3][]float64) {
	random := rand.New(rand.NewPCG(3, 4))
	m = Map{Name: "planted", C: c, H: h, W: w, Data: make([]float32, c*h*w)}
	area := h * w
	for i := range m.Data {
		m.Data[i] = float32(1e-3*random.NormFloat64()) + 5 // a mean that must not matter
	}
	raw := mat.NewDense(c, 3, nil)
	raw.Apply(func(_, _ int, _ float64) float64 { return random.NormFloat64() }, raw)
	directions := mat.NewDense(c, 3, nil)
	orthonormal(directions, raw)
	for k := range patterns {
		patterns[k] = make([]float64, area)
	}
	for i := range area {
		third := i % w * 3 / w // of the width
		patterns[0][i] = [3]float64{2.5, -1, -1}[third]
		if i/w < h/4 {
			patterns[2][i] = 2
		} else {
			patterns[1][i] = [3]float64{0, 1.5, -1.5}[third]
		}
	}
	for k, strength := range []float64{9, 4, 1.5} {
		for ch := range c {
			for i := range area {
				m.Data[ch*area+i] += float32(strength * directions.At(ch, k) * patterns[k][i])
			}
		}
	}
	return m, patterns
}

// Three planted patterns come back, by the direct way and by the sketch, with
// more positions than channels and with fewer.
func TestPlantedComponents(t *testing.T) {
	for _, size := range [][3]int{{16, 12, 12}, {300, 12, 12}, {200, 48, 48}} {
		m, patterns := planted(size[0], size[1], size[2])
		c, err := PrincipalComponents(m)
		if err != nil {
			t.Fatal(err)
		}
		total := 0.0
		for k := range patterns {
			r := stat.Correlation(c.Scores[k], patterns[k], nil)
			if !(math.Abs(r) > 0.999) {
				t.Errorf("%v: component %d correlates %.5f with its pattern", size, k, r)
			}
			if third := stat.Skew(c.Scores[k], nil); !(third >= -1e-6) {
				t.Errorf("%v: component %d is skewed %.3f, want the positive side", size, k, third)
			}
			if k > 0 && !(c.Share[k] <= c.Share[k-1]) {
				t.Errorf("%v: shares %v do not fall", size, c.Share)
			}
			total += c.Share[k]
		}
		if !(total > 0.999 && total <= 1+1e-9) {
			t.Errorf("%v: the shares add to %.6f", size, total)
		}
	}
}

// On noise, where components lie close together, the sketch still explains as
// much variance as the direct way, nearly.
func TestSketchShare(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	x := mat.NewDense(200, 60, nil)
	x.Apply(func(_, j int, _ float64) float64 { return random.NormFloat64() / float64(1+j) }, x)
	variances := func(x *mat.Dense) []float64 {
		var pc stat.PC
		if !pc.PrincipalComponents(x, nil) {
			t.Fatal("no convergence")
		}
		return pc.VarsTo(nil)[:3]
	}
	direct, sketched := variances(x), variances(sketch(x))
	for k := range direct {
		if !(math.Abs(sketched[k]-direct[k]) <= 1e-3*direct[k]) {
			t.Errorf("component %d: variance %g by sketch, %g directly", k, sketched[k], direct[k])
		}
	}
}

// Maps without three components: constant, one position, two positions.
func TestDegenerateMaps(t *testing.T) {
	constant := Map{C: 5, H: 4, W: 4, Data: make([]float32, 80)}
	for i := range constant.Data {
		constant.Data[i] = 0.1 + float32(i/16)
	}
	single := Map{C: 3, H: 1, W: 1, Data: []float32{1, 2, 3}}
	pair := Map{C: 3, H: 1, W: 2, Data: []float32{0, 1, 0, 2, 0, 3}}
	flat := float32(darkest + (1-darkest)/2)
	for _, row := range []struct {
		name string
		m    Map
		want []float32 // colours of the first position
	}{
		{"constant", constant, []float32{flat, flat, flat}},
		{"one position", single, []float32{flat, flat, flat}},
		{"two positions", pair, []float32{-1, flat, flat}}, // red differs
	} {
		c, err := PrincipalComponents(row.m)
		if err != nil {
			t.Fatalf("%s: %v", row.name, err)
		}
		colours := c.colours()
		for k, want := range row.want {
			if got := colours[k]; want >= 0 && !(math.Abs(float64(got-want)) < 1e-6) {
				t.Errorf("%s: colour %d is %v, want %v", row.name, k, got, want)
			}
		}
		if row.name == "two positions" && !(math.Abs(float64(colours[0]-colours[3])) > 0.8) {
			t.Errorf("%s: red is %v and %v, want the two ends", row.name, colours[0], colours[3])
		}
	}
}

func TestRefusedMaps(t *testing.T) {
	for _, row := range []struct {
		name string
		m    Map
		says string
	}{
		{"empty", Map{Name: "a"}, "not [0, 0, 0]"},
		{"short", Map{Name: "a", C: 2, H: 2, W: 2, Data: make([]float32, 7)}, "7 values"},
		{"negative", Map{Name: "a", C: -2, H: -2, W: 2, Data: make([]float32, 8)}, "8 values"},
		{"NaN", Map{Name: "a", C: 1, H: 2, W: 2, Data: []float32{0, 0, 0, float32(math.NaN())}}, "channel 0 is NaN at row 1, column 1"},
	} {
		if _, err := PrincipalComponents(row.m); err == nil || !strings.Contains(err.Error(), row.says) || !strings.Contains(err.Error(), "map a") {
			t.Errorf("%s: error is %v, want %q in it", row.name, err, row.says)
		}
	}
}
