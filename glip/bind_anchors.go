package glip

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/glipvk/glipvk/bind"
)

// checkAnchors compares the anchors that a file may hold, by level, with the
// configuration's, from which its boxes would be decoded wrongly. The remedy says what
// to state instead.
func (m *NameMap) checkAnchors(cfg Config) (wrong []bind.Fact, remedy string, err error) {
	file := cfg // with the anchors of the file
	file.AnchorSizes, file.AnchorStrides = slices.Clone(cfg.AnchorSizes), slices.Clone(cfg.AnchorStrides)
	fits := true
	for _, level := range slices.Sorted(maps.Keys(m.anchors)) {
		key := m.anchors[level]
		if level >= Levels {
			wrong = append(wrong, bind.Fact{Key: key, Got: "an anchor of a level that the model has not", Want: fmt.Sprintf("levels 0 to %d", Levels-1)})
			fits = false
			continue
		}
		got, text, err := m.readAnchor(key)
		if err != nil {
			return nil, "", fmt.Errorf("reading the anchors of level %d: %w", level, err)
		}
		size, stride := got.X2-got.X1+1, got.X1+got.X2+1
		file.AnchorSizes[level], file.AnchorStrides[level] = int(math.Round(size)), int(math.Round(stride))
		fits = fits && near(got, file.Anchor(level, 0, 0))
		if want := cfg.Anchor(level, 0, 0); !near(got, want) {
			wrong = append(wrong, bind.Fact{Key: key, Got: text, Want: fmt.Sprintf("%v (size %d at stride %d)", want, cfg.AnchorSizes[level], cfg.AnchorStrides[level])})
		}
	}
	if fits && file.Validate() == nil {
		return wrong, fmt.Sprintf("state the file's own anchors in the architecture (DetectorOptions.Arch): anchor_sizes %v", file.AnchorSizes), nil
	}
	return wrong, "this detector has anchors of its own kind, which these programs do not run; use another checkpoint", nil
}

// readAnchor reads the box of a level, and says what the file has. A tensor that is no
// box is read as one of NaN.
func (m *NameMap) readAnchor(key string) (Box, string, error) {
	nan := math.NaN()
	shape, _ := m.src.Shape(key)
	if !slices.Equal(shape, []int{1, 4}) && !slices.Equal(shape, []int{4}) {
		return Box{nan, nan, nan, nan}, fmt.Sprintf("of shape %v", shape), nil
	}
	var v [4]float32
	if err := m.src.Read(key, v[:]); err != nil {
		return Box{}, "", err
	}
	return Box{float64(v[0]), float64(v[1]), float64(v[2]), float64(v[3])}, fmt.Sprint(v), nil
}

// near allows for files that store anchors in half precision.
func near(got, want Box) bool {
	within := func(a, b float64) bool { return math.Abs(a-b) <= 0.5 }
	return within(got.X1, want.X1) && within(got.Y1, want.Y1) && within(got.X2, want.X2) && within(got.Y2, want.Y2)
}
