package glip

import (
	"fmt"
	"slices"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/swin"
)

// Divisor is what heights and widths of pictures are padded to multiples of
// (DATALOADER.SIZE_DIVISIBILITY).
const Divisor = 32

// tokenSizes and labelSizes are what captions and lists of labels are padded to.
var (
	tokenSizes = []int{16, 24, 32, 48, 64, 96, 128, 160, 192, 224, 256}
	labelSizes = []int{1, 2, 4, 8, 16, 24, 32, 48, 64, 80}
)

// RoundTokens is the length that the grounding of a caption of n tokens is best recorded for,
// so that few graphs serve all captions, and none is much longer than it has to be; at most
// most. Padding is masked ([Masked]) and changes nothing.
func RoundTokens(n, most int) int { return min(roundUp(n, tokenSizes, 64), most) }

// RoundCaption is RoundTokens for the text encoder, whose work is small beside the rest: the
// next power of two from 32 on, at most most.
func RoundCaption(n, most int) int {
	size := 32
	for size < n {
		size *= 2
	}
	return min(size, most)
}

// RoundLabels is the number of labels that a query of n in a caption padded to so many tokens
// is best recorded for: one for every two tokens, which is what a list of names has at most,
// so that captions of one length share a graph; more if there are more. Labels without a
// token have no candidates.
func RoundLabels(n, tokens int) int { return roundUp(max(n, tokens/2), labelSizes, 80) }

// roundUp is the first of sizes that is not below n, beyond them the next multiple of step.
func roundUp(n int, sizes []int, step int) int {
	if i, _ := slices.BinarySearch(sizes, n); i < len(sizes) {
		return sizes[i]
	}
	return (n + step - 1) / step * step
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
	if in.Shared && in.Apart {
		return fmt.Errorf("%w: maps that are shared and apart, want one of them", graph.ErrShape)
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
