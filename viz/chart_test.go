package viz_test

import (
	"bytes"
	"image"
	"image/png"
	"math"
	"os"
	"testing"

	"github.com/glipvk/glipvk/viz"
)

// losses are two lines of n values that fall, with a gap.
func losses(n int) []viz.Line {
	var x, raw, smooth []float64
	for i := range n {
		v := 2 + 200*math.Exp(-float64(i)/float64(n)*6)
		x, raw, smooth = append(x, float64(i+1)), append(raw, v*(1+0.3*math.Sin(float64(i*i)))), append(smooth, v)
	}
	if n > 10 {
		raw[n/2] = math.NaN()
	}
	return []viz.Line{{X: x, Y: raw, Faint: true}, {Name: "loss, smoothed", X: x, Y: smooth}}
}

// TestChart draws charts of many and few values and looks for ink where it must be. GLIPVK_CHART names a file to look at.
func TestChart(t *testing.T) {
	for _, c := range []struct {
		name  string
		chart viz.Chart
	}{
		{"loss", viz.Chart{Title: "loss", Subtitle: "full, batch 2", Across: "steps", Lines: losses(400), Log: true}},
		{"one value", viz.Chart{Title: "AP", Across: "steps", Lines: []viz.Line{{Name: "AP", X: []float64{30}, Y: []float64{0.5}, Dots: true}}, Top: 1}},
		{"all the same", viz.Chart{Lines: []viz.Line{{X: []float64{1, 2}, Y: []float64{0, 0}}}}},
		{"one power of ten", viz.Chart{Log: true, Lines: []viz.Line{{X: []float64{1, 2}, Y: []float64{1, 1}}}}},
		{"a million", viz.Chart{Lines: losses(1_000_000), Log: true}},
		{"negative", viz.Chart{Log: true, Lines: []viz.Line{{X: []float64{1, 2, 3}, Y: []float64{-1, 0, 1e-7}}}}},
		{"huge", viz.Chart{Log: true, Lines: []viz.Line{{X: []float64{1, 1e9}, Y: []float64{1e-300, 1e300}}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			img, err := c.chart.Draw(1000, 560)
			if err != nil {
				t.Fatal(err)
			}
			if inked := coloured(img, image.Rect(84, 60, 972, 498)); inked < 20 {
				t.Errorf("%d pixels of lines", inked)
			}
			if path := os.Getenv("GLIPVK_CHART"); path != "" && c.name == "loss" {
				var file bytes.Buffer
				if err := png.Encode(&file, img); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// coloured counts the pixels of a part that are no grey.
func coloured(img *image.RGBA, part image.Rectangle) (count int) {
	for y := part.Min.Y; y < part.Max.Y; y++ {
		for x := part.Min.X; x < part.Max.X; x++ {
			if c := img.RGBAAt(x, y); max(c.R, c.G, c.B)-min(c.R, c.G, c.B) > 40 {
				count++
			}
		}
	}
	return count
}

func TestChartErrors(t *testing.T) {
	one := []viz.Line{{X: []float64{1}, Y: []float64{1}}}
	for name, draw := range map[string]func() (*image.RGBA, error){
		"no value": func() (*image.RGBA, error) { return viz.Chart{}.Draw(400, 400) },
		"no number": func() (*image.RGBA, error) {
			return viz.Chart{Lines: []viz.Line{{X: []float64{1}, Y: []float64{math.NaN()}}}}.Draw(400, 400)
		},
		"no pairs":    func() (*image.RGBA, error) { return viz.Chart{Lines: []viz.Line{{X: []float64{1}}}}.Draw(400, 400) },
		"too small":   func() (*image.RGBA, error) { return viz.Chart{Lines: one}.Draw(300, 400) },
		"too large":   func() (*image.RGBA, error) { return viz.Chart{Lines: one}.Draw(400, 1<<20) },
		"less than 0": func() (*image.RGBA, error) { return viz.Chart{Lines: one}.Draw(-1, 400) },
	} {
		if img, err := draw(); err == nil {
			t.Errorf("%s: %v and no error", name, img.Bounds())
		}
	}
}
