package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"math"
	"path/filepath"
	"time"

	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/train"
	"github.com/glipvk/glipvk/viz"
)

// curves are the numbers of a training so far, by step.
type curves struct {
	steps, total, box, centre, token []float64
	measured, ap                     []float64
}

// load reads the lines of an earlier part of the run; what cannot be read is left out, it is for drawings only.
func (c *curves) load(ctx context.Context, path string) {
	f, _, err := file.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() && ctx.Err() == nil {
		var r train.Report
		if json.Unmarshal(lines.Bytes(), &r) == nil {
			c.add(r)
		}
	}
}

// add notes a report. One of a step that was taken before stands for that and all behind it.
func (c *curves) add(r train.Report) {
	step := float64(r.Step)
	if r.AP != nil {
		for len(c.measured) > 0 && c.measured[len(c.measured)-1] >= step {
			c.measured, c.ap = c.measured[:len(c.measured)-1], c.ap[:len(c.ap)-1]
		}
		c.measured, c.ap = append(c.measured, step), append(c.ap, *r.AP)
		return
	}
	if r.Skipped != "" {
		return
	}
	n := len(c.steps)
	for n > 0 && c.steps[n-1] >= step {
		n--
	}
	if n < len(c.steps) {
		for len(c.measured) > 0 && c.measured[len(c.measured)-1] >= step {
			c.measured, c.ap = c.measured[:len(c.measured)-1], c.ap[:len(c.ap)-1]
		}
	}
	l := r.Losses
	for _, x := range []struct {
		list  *[]float64
		value float64
	}{{&c.steps, step}, {&c.total, l.Sum()}, {&c.box, l.Box}, {&c.centre, l.Centerness}, {&c.token, l.Token}} {
		*x.list = append((*x.list)[:n], x.value)
	}
}

func (c *curves) drawable() bool { return len(c.steps) > 0 }

// taken is how many steps were.
func (c *curves) taken() int {
	if !c.drawable() {
		return 0
	}
	return int(c.steps[len(c.steps)-1])
}

// smoothed is a geometric mean that forgets, over about a twentieth of the values: the first losses, which are many times the
// others, are soon forgotten. What is not above 0 stays as it is.
func smoothed(list []float64) []float64 {
	keep := 1 - 1/min(max(float64(len(list))/20, 3), 200)
	out := make([]float64, len(list))
	mean, weight := 0.0, 0.0
	for i, v := range list {
		if !(v > 0) {
			out[i] = v
			continue
		}
		mean, weight = keep*mean+(1-keep)*math.Log(v), keep*weight+(1-keep)
		out[i] = math.Exp(mean / weight)
	}
	return out
}

// size of the charts, in pixels.
const chartWide, chartHigh = 1000, 560

// draw writes loss.png and ap.png. That it fails is said once and no reason to end.
func (s *show) draw() {
	s.drawn = time.Now()
	p, c := s.plan, &s.curves
	if !c.drawable() {
		return
	}
	about := fmt.Sprintf("%s, batch %d, rate %.2g, weights %s, %s", p.Mode, p.Batch, p.Rate, filepath.Base(p.Weights), s.executor.Device().Name)
	smooth := func(name string, list []float64) viz.Line { return viz.Line{Name: name, X: c.steps, Y: smoothed(list)} }
	s.save("loss.png", viz.Chart{
		Title: "Loss", Subtitle: about + "; smoothed, the sum as it is behind", Across: "step", Log: true,
		Lines: []viz.Line{{X: c.steps, Y: c.total, Faint: true}, smooth("sum", c.total), smooth("box", c.box), smooth("centre-ness", c.centre), smooth("token", c.token)},
	})
	if len(c.ap) == 0 {
		return
	}
	highest := 0.0
	for _, ap := range c.ap {
		highest = max(highest, ap)
	}
	s.save("ap.png", viz.Chart{
		Title: "AP", Subtitle: fmt.Sprintf("%s; on %s", about, counted(s.data.held(), "picture", "pictures")), Across: "step", Top: max(highest, 0.1),
		Lines: []viz.Line{{Name: fmt.Sprintf("AP, mean of overlaps 0.50 to 0.95 (best %.3f)", highest), X: c.measured, Y: c.ap, Dots: true}},
	})
}

// save draws a chart into the folder of the run.
func (s *show) save(name string, c viz.Chart) {
	img, err := c.Draw(chartWide, chartHigh)
	if err == nil {
		err = file.Save(filepath.Join(s.plan.Out, name), 0o644, func(w io.Writer) error { return png.Encode(w, img) })
	}
	s.failure(err)
}

// failure says once that a drawing failed.
func (s *show) failure(err error) {
	if err == nil || s.failed {
		return
	}
	s.failed = true
	s.note("a drawing was not written, the training goes on: %v", err)
}

// verdict says whether the loss of a training by heart fell.
func (c *curves) verdict() string {
	n := max(len(c.total)/10, 1)
	mean := func(list []float64) (sum float64) {
		for _, v := range list {
			sum += v / float64(len(list))
		}
		return sum
	}
	first, last := mean(c.total[:min(n, 3)]), mean(c.total[len(c.total)-n:])
	switch {
	case len(c.total) < 10:
		return fmt.Sprintf("overfit: too few steps to tell whether the loss falls (%.4g, now %.4g): --steps 100", first, last)
	case last < first/2:
		return fmt.Sprintf("overfit: the loss fell from %.4g to %.4g: it learns", first, last)
	case last < first:
		return fmt.Sprintf("overfit: the loss fell from %.4g to %.4g only: take more --steps, or another --rate", first, last)
	}
	return fmt.Sprintf("overfit: the loss did not fall, it was %.4g and is %.4g: look at the boxes and names of the data, or lower --rate", first, last)
}
