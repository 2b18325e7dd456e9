package glip

import (
	"errors"
	"fmt"
)

// checkAnchors compares the anchors that a file may hold with the configuration's.
func (w *Weights) checkAnchors() error {
	var errs []error
	for level, stride := range w.cfg.AnchorStrides {
		key, ok := w.anchors[level]
		if !ok || level >= len(w.cfg.AnchorSizes) {
			continue
		}
		_, data, err := w.src.Tensor(key)
		if err != nil {
			errs = append(errs, fmt.Errorf("glip: reading the anchors of level %d: %w", level, err))
			continue
		}
		if want := baseAnchor(w.cfg.AnchorSizes[level], stride); !near(data, want) {
			errs = append(errs, fmt.Errorf("glip: %s: %w: %s is %v, size %d at stride %d would give %v",
				sourceName(w.src), ErrAnchors, key, data, w.cfg.AnchorSizes[level], stride, want))
		}
	}
	return errors.Join(errs...)
}

// baseAnchor is x1, y1, x2, y2 of the anchor at the first location of a level: a
// square around the middle of the stride, its last pixel included
// (maskrcnn_benchmark/modeling/rpn/anchor_generator.py).
func baseAnchor(size, stride int) []float32 {
	centre, half := float32(stride-1)/2, float32(size-1)/2
	return []float32{centre - half, centre - half, centre + half, centre + half}
}

// near allows for files that store anchors in half precision.
func near(got, want []float32) bool {
	if len(got) != len(want) {
		return false
	}
	for i := range want {
		if d := got[i] - want[i]; !(max(d, -d) <= 0.5) {
			return false
		}
	}
	return true
}
