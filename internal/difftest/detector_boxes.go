package difftest

import (
	"fmt"
	"math"

	"github.com/glipvk/glipvk/glip"
)

// Bounds of detections compared as sets: what the original's float32 run is within with room to
// spare (float32_run of the cases: up to 0.0033 pixels and 2e-5).
const (
	BoxTolerance   = 0.05 // pixels, of any corner
	ScoreTolerance = 1e-4
	partnerWithin  = 1.0 // pixels: boxes further apart are not the same detection
)

// OK says whether the lists are equal as sets.
func (d ListDistance) OK() bool {
	return d.First == 0 && d.Second == 0 && d.Box <= BoxTolerance && d.Score <= ScoreTolerance
}

// String says how far apart the lists are.
func (d ListDistance) String() string {
	return fmt.Sprintf("%d of the first and %d of the second list have no partner, boxes differ by up to %.3g pixels, scores by %.3g",
		d.First, d.Second, d.Box, d.Score)
}

// CompareLists pairs each detection of the first list with the nearest of the second that has
// the same label and no partner yet.
func CompareLists(first, second []glip.Detection) ListDistance {
	var d ListDistance
	taken := make([]bool, len(second))
	for _, a := range first {
		best, apart := -1, float64(partnerWithin)
		for i, b := range second {
			if by := a.Box.Apart(b.Box); !taken[i] && a.Label == b.Label && by <= apart {
				best, apart = i, by
			}
		}
		if best < 0 {
			d.First++
			continue
		}
		taken[best] = true
		d.Box, d.Score = max(d.Box, apart), max(d.Score, math.Abs(a.Score-second[best].Score))
	}
	d.Second = len(second) - (len(first) - d.First)
	return d
}

// Detections reads a tensor whose rows are x1, y1, x2, y2, score, label.
func (c *DetectorCase) Detections(name string) ([]glip.Detection, error) {
	rows, err := c.Stored(name)
	if err != nil {
		return nil, err
	}
	const fields = 6
	if len(rows)%fields != 0 {
		return nil, fmt.Errorf("difftest: %s: %s has %d elements, want rows of %d", c.ID, name, len(rows), fields)
	}
	var list []glip.Detection
	for ; len(rows) > 0; rows = rows[fields:] {
		box := glip.Box{X1: float64(rows[0]), Y1: float64(rows[1]), X2: float64(rows[2]), Y2: float64(rows[3])}
		list = append(list, glip.Detection{Box: box, Score: float64(rows[4]), Label: int(rows[5])})
	}
	return list, nil
}

// Frame is the case's picture: where its candidates are, and what boxes are clipped to.
func (c *DetectorCase) Frame() glip.Frame {
	size := c.Size
	if size == ([2]int{}) { // of a case of post-processing
		size = c.Image
	}
	return glip.Frame{PaddedHeight: c.Padded[0], PaddedWidth: c.Padded[1], Height: size[0], Width: size[1]}
}

// Found turns the candidates of a run into the case's detections, in pixels of the resized
// picture, and into its predictions, those above the manifest's threshold in pixels of the
// picture as it was given.
func (c *DetectorCase) Found(in DetectorInput, candidates [][]float32, l glip.Limits) (detections, predictions []glip.Detection, err error) {
	cfg, err := c.Config()
	if err != nil {
		return nil, nil, err
	}
	if detections, err = glip.Detections(cfg, candidates, c.Frame(), l); err != nil {
		return nil, nil, fmt.Errorf("difftest: %s: %w", c.ID, err)
	}
	for _, d := range detections {
		if !(d.Score > c.Above.Threshold) {
			continue
		}
		x1, y1 := in.toPicture(d.Box.X1, d.Box.Y1)
		x2, y2 := in.toPicture(d.Box.X2, d.Box.Y2)
		d.Box = glip.Box{X1: x1, Y1: y1, X2: x2, Y2: y2}
		predictions = append(predictions, d)
	}
	return detections, predictions, nil
}
