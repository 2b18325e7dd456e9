package dataset

import (
	"context"
	"fmt"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/text"
)

// Sample is a picture, a caption and what of the caption the picture shows where.
type Sample struct {
	Input   picture.Input // of one picture, normalised; its view says how large the picture is in it
	Caption string
	Things  []Thing
}

// Thing is one annotated thing.
type Thing struct {
	Box   glip.Box    // in pixels of the input, inclusive corners
	Spans []text.Span // of the caption, in code points, that name it
	Label int         // from 1; 0 trains tokens only
}

// View is how a sample shows a picture.
type View struct {
	Short int  // the shorter side in pixels
	Long  int  // the longer side at most; 0 for no bound
	Flip  bool // left and right exchanged; the caption stays as it is, as in the original
}

// Sample makes one of a decoded picture: resized, normalised, padded, flipped, boxes with it. caption says where each class
// stands; its spans are nil for grounding data, whose objects have their own. Objects of classes that are not in it are left
// out.
func (p Picture) Sample(ctx context.Context, decoded picture.Picture, caption Caption, v View, limits picture.Limits) (Sample, error) {
	if decoded.Width != p.Width || decoded.Height != p.Height {
		return Sample{}, fmt.Errorf("dataset: %s: %w: the picture is %d x %d, the annotations say %d x %d (height x width)", p.Path, ErrAnnotations, decoded.Height, decoded.Width, p.Height, p.Width)
	}
	in, err := picture.Detector{Size: picture.DetectorSize{Short: v.Short, Long: v.Long}, Limits: limits}.Apply(ctx, decoded)
	if err != nil {
		return Sample{}, fmt.Errorf("dataset: %s: %w", p.Path, err)
	}
	size := in.View(0).Content
	s := Sample{Input: in, Caption: caption.Text}
	across, down := float64(size.Width)/float64(p.Width), float64(size.Height)/float64(p.Height)
	for _, o := range p.Objects {
		t := Thing{Box: glip.Box{X1: o.Box.X1 * across, Y1: o.Box.Y1 * down, X2: o.Box.X2 * across, Y2: o.Box.Y2 * down}, Spans: o.Spans, Label: o.Label}
		if caption.Spans != nil {
			span, there := caption.Spans[o.Label]
			if !there {
				continue
			}
			t.Spans = []text.Span{span}
		}
		if v.Flip {
			last := float64(size.Width - 1)
			t.Box.X1, t.Box.X2 = last-t.Box.X2, last-t.Box.X1
		}
		s.Things = append(s.Things, t)
	}
	if v.Flip {
		flip(in.Data, in.Width, size.Width)
	}
	return s, nil
}

// flip exchanges left and right of the first columns of rows.
func flip(data []float32, width, columns int) {
	for ; len(data) >= width; data = data[width:] {
		for i, j := 0, columns-1; i < j; i, j = i+1, j-1 {
			data[i], data[j] = data[j], data[i]
		}
	}
}

// Tokens are those of a caption that stand for spans, each with all between its first and its last;
// a span whose ends have no token within two characters, as where the caption was cut, has none
// (create_positive_map of maskrcnn_benchmark/data/datasets/modulated_coco.py).
func Tokens(e text.Encoding, spans []text.Span) []int {
	at := map[int]int{} // code point to token
	for i, t := range e.Tokens {
		for c := t.Begin; c < t.End; c++ {
			at[c] = i
		}
	}
	within := func(from, step int) (int, bool) {
		for k := range 3 {
			if i, ok := at[from+k*step]; ok {
				return i, true
			}
		}
		return 0, false
	}
	var list []int
	taken := map[int]bool{}
	for _, s := range spans {
		first, ok := within(s.Begin, 1)
		last, too := within(s.End-1, -1)
		if !ok || !too {
			continue
		}
		for i := first; i <= last; i++ {
			if !taken[i] {
				taken[i] = true
				list = append(list, i)
			}
		}
	}
	return list
}
