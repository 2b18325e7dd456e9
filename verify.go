package glipvk

import (
	"context"
	"fmt"
	"math"

	"github.com/glipvk/glipvk/picture"
)

// Difference compares a map with the oracle's.
type Difference struct {
	Name       string  `json:"map"`
	MaxAbs     float64 `json:"max_abs"` // largest difference of two elements
	RelativeL2 float64 `json:"relative_l2"`
	AbsMax     float64 `json:"abs_max"` // largest absolute value of the oracle's map
	Worst      int     `json:"worst"`   // index of the element that is furthest off
	Got        float64 `json:"got"`     // there
	Want       float64 `json:"want"`
	NonFinite  int     `json:"non_finite"` // elements that are NaN or infinite in one map and not the same in the other
	Allowed    Bounds  `json:"allowed"`    // those of the model's precision; zero stands for F32's
}

// OK reports whether the map is as close to the oracle's as its precision can be held to.
func (d Difference) OK() bool {
	allowed := d.Allowed
	if allowed == (Bounds{}) {
		allowed = F32.Bounds()
	}
	return d.NonFinite == 0 && d.RelativeL2 <= allowed.RelativeL2 && d.MaxAbs <= allowed.RelativeAbsolute*d.AbsMax
}

// Verify computes t on the CPU reference, whatever the model runs on, and compares
// f, the features that [Model.ExtractTensor] gave for t, with the result.
func (m *Model) Verify(ctx context.Context, t picture.Tensor, f Features) ([]Difference, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.leave()
	if err := m.check(t); err != nil {
		return nil, err
	}
	g, err := m.record(extent{batch: t.Batch, height: t.Height, width: t.Width})
	if err != nil {
		return nil, err
	}
	if len(f) != len(g.Outputs) {
		return nil, blame(fmt.Errorf("glipvk: %d maps to verify, the model has %d", len(f), len(g.Outputs)))
	}
	weights := m.source
	if r, ok := m.executor.(*reference); ok {
		weights = r.weights
	}
	run := oracleRun{progress: func(done, total int64) { m.progress("verify", done, total) }}
	want, err := interpret(ctx, g, weights, run, t.Data)
	if err != nil {
		return nil, fmt.Errorf("glipvk: verifying: %w", err)
	}
	list := make([]Difference, len(f))
	for i := range f {
		if len(f[i].Data) != len(want[i]) {
			return nil, blame(fmt.Errorf("glipvk: map %s has %d elements, the model's has %d", f[i].Name, len(f[i].Data), len(want[i])))
		}
		list[i] = difference(f[i].Name, f[i].Data, want[i])
		list[i].Allowed = m.device.Precision.Bounds()
	}
	return list, nil
}

// difference measures got against want, which have one length.
func difference(name string, got, want []float32) Difference {
	d := Difference{Name: name}
	var squares, norm float64
	for i := range want {
		g, w := float64(got[i]), float64(want[i])
		if g-g != 0 || w-w != 0 { // NaN or infinity
			if same := g == w || math.IsNaN(g) && math.IsNaN(w); !same {
				d.NonFinite++
			}
			continue
		}
		delta := math.Abs(g - w)
		if delta > d.MaxAbs {
			d.MaxAbs, d.Worst = delta, i
		}
		d.AbsMax = max(d.AbsMax, math.Abs(w))
		squares += delta * delta
		norm += w * w
	}
	if squares > 0 {
		d.RelativeL2 = min(math.Sqrt(squares)/max(math.Sqrt(norm), math.SmallestNonzeroFloat64), math.MaxFloat64)
	}
	if d.MaxAbs > 0 { // else Worst is any, perhaps no number, which JSON has no word for
		d.Got, d.Want = float64(got[d.Worst]), float64(want[d.Worst])
	}
	return d
}
