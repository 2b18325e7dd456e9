package main

import (
	"fmt"
	"math"
)

// target is something that the project set out to reach, judged by the figures of this run.
type target struct {
	Text  string  `json:"target"`
	Unit  string  `json:"unit"`
	Least float64 `json:"at_least,omitempty"`
	Most  float64 `json:"at_most,omitempty"`
	Seen  float64 `json:"seen,omitempty"` // 0 where a figure is missing
}

// reached says how it went.
func (t target) reached() string {
	switch {
	case !(t.Seen > 0):
		return "not measured"
	case t.Least > 0 && t.Seen < t.Least, t.Most > 0 && t.Seen > t.Most:
		return "missed"
	}
	return "reached"
}

func (t target) asked() string {
	if t.Most > 0 {
		return fmt.Sprintf("at most %s %s", number(t.Most), t.Unit)
	}
	return fmt.Sprintf("at least %s %s", number(t.Least), t.Unit)
}

// targets are those of the works that were measured.
func (r *report) targets() []target {
	works := allWorks()
	glipT, glipL, square, large := works[0].name, works[1].name, works[2].name, works[3].name
	seen := func(work string, e engine) float64 { return r.row(work, e).Median }
	ratio := func(work string, e engine) float64 { return r.row(work, e).Faster }
	share := func(e engine) float64 {
		for _, s := range r.Shares {
			if s.Model == glipT && s.Driver == e.driver && s.Precision == e.precision {
				return 100 * s.GFLOPS / s.Best
			}
		}
		return 0
	}
	// Of ggml's two ways the faster one counts.
	ggml := math.Inf(1)
	for _, e := range []engine{ggmlNew16, ggmlPlain} {
		if f := ratio(large, e); f > 0 {
			ggml = math.Min(ggml, f)
		}
	}
	if math.IsInf(ggml, 0) || r.row(large, oursNew16).Median == 0 {
		ggml = 0
	}
	slower := 0.0
	if f := ratio(glipT, ortCPU); f > 0 {
		slower = 1 / f
	}
	all := []struct {
		work string
		target
	}{
		{glipT, target{glipT + " f32, newest driver: times faster than ONNX Runtime WebGPU", "x", 8, 0, ratio(glipT, ortNew32)}},
		{glipT, target{glipT + " f32, system's driver", "ms", 0, 600, seen(glipT, oursSys32)}},
		{glipL, target{glipL + " f32, newest driver", "ms", 0, 5000, seen(glipL, oursNew32)}},
		{large, target{large + " f16, newest driver: times faster than ggml Vulkan", "x", 20, 0, ggml}},
		{square, target{square + " f32, newest driver", "GFLOP/s", 60, 0, seen(square, oursNew32)}},
		{square, target{square + " f32, system's driver", "GFLOP/s", 20, 0, seen(square, oursSys32)}},
		{glipT, target{glipT + " f32, newest driver: share of our best product", "%", 80, 0, share(oursNew32)}},
		{glipT, target{glipT + " f32, system's driver: share of our best product", "%", 80, 0, share(oursSys32)}},
		{glipT, target{glipT + " f32, CPU: times slower than ONNX Runtime CPU", "x", 0, 3, slower}},
		{detectorWork, target{detectorWork + ", CPU: times faster than ONNX Runtime CPU", "x", 1, 0, ratio(detectorWork, ortCPU)}},
	}
	var list []target
	for _, t := range all {
		for _, w := range r.works {
			if w.name == t.work {
				list = append(list, t.target)
			}
		}
	}
	return list
}
