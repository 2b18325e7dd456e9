package glip

import (
	"fmt"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/swin"
)

// Divisor is what heights and widths of pictures are padded to multiples of
// (DATALOADER.SIZE_DIVISIBILITY).
const Divisor = 32

// RoundTokens is the length that a caption of n tokens is best padded to, so that few
// graphs serve all captions: the next multiple of 16, at most most. Padding is masked
// ([Masked]) and changes nothing.
func RoundTokens(n, most int) int { return min((max(n, 1)+15)/16*16, most) }

// RoundLabels is the number of labels that a query of n is best recorded for: the next of
// 1, 2, 4, 8, 16, 24, 32, 40 and 80, then the next multiple of 80. Labels without a token
// have no candidates.
func RoundLabels(n int) int {
	for _, size := range []int{1, 2, 4, 8, 16, 24, 32, 40} {
		if n <= size {
			return size
		}
	}
	return (n + 79) / 80 * 80
}

// Grids are the sizes of P3..P7 for a padded picture: each level halves the one
// before, rounding up.
func Grids(height, width int) [Levels]swin.Grid {
	var grids [Levels]swin.Grid
	g := swin.Grid{Height: (height + 7) / 8, Width: (width + 7) / 8}
	for l := range grids {
		grids[l] = g
		g = swin.Grid{Height: (g.Height + 1) / 2, Width: (g.Width + 1) / 2}
	}
	return grids
}

// mostBatch bounds a batch far beyond what memory holds.
const mostBatch = 4096

func checkBatch(batch int) error {
	if batch < 0 || batch > mostBatch {
		return fmt.Errorf("%w: a batch of %d, want 1 to %d", graph.ErrShape, batch, mostBatch)
	}
	return nil
}

func checkPicture(height, width int) error {
	if height < Divisor || width < Divisor || height%Divisor != 0 || width%Divisor != 0 {
		return fmt.Errorf("%w: a padded picture of %d x %d, want multiples of %d", graph.ErrShape, height, width, Divisor)
	}
	return nil
}

func (c Config) checkTokens(tokens int) error {
	if tokens < 1 || tokens > c.MaxTokens {
		return fmt.Errorf("%w: a caption of %d tokens, want 1 to %d", graph.ErrShape, tokens, c.MaxTokens)
	}
	return nil
}

func (in Grounding) check() error {
	if in.Labels < 1 {
		return fmt.Errorf("%w: %d labels, want at least 1", graph.ErrShape, in.Labels)
	}
	return checkBatch(in.Batch)
}

// pictures is how many there are.
func (in Grounding) pictures() int {
	if in.Shared {
		return 1
	}
	return in.Batch
}
