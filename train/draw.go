package train

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/picture"
)

// drawn is a batch, and what was passed over for it.
type drawn struct {
	samples []dataset.Sample
	names   []string // of their pictures
	passed  []string // pictures that others took the place of, and why
	drawn   int      // pictures of the course, with these
}

// mostPassed is how many pictures in a row may be of no use.
const mostPassed = 100

// draw takes the pictures of the next step. Each is a function of the seed and its number, so that a training goes on as if it
// had not stopped.
func (c *course) draw(ctx context.Context) (drawn, error) {
	b := drawn{drawn: c.at.Drawn}
	for row := 0; len(b.samples) < c.Batch; b.drawn++ {
		p := c.order.at(c.Train.Pictures, c.Repeat, c.options.Seed, b.drawn)
		s, err := c.sample(ctx, p, rand.New(rand.NewPCG(uint64(c.options.Seed), uint64(b.drawn))))
		if ctx.Err() != nil {
			return b, ctx.Err()
		}
		if err == nil && len(s.Things) == 0 {
			err = fmt.Errorf("%s: nothing of its caption is to be seen in it", p.Path)
		}
		if err == nil {
			b.samples, b.names, row = append(b.samples, s), append(b.names, p.Path), 0
			continue
		}
		b.passed = append(b.passed, err.Error())
		if row++; row >= mostPassed {
			return b, fmt.Errorf("train: %d pictures in a row are of no use, the last: %w", row, err)
		}
	}
	return b, nil
}

// sample reads a picture of the course.
func (c *course) sample(ctx context.Context, p dataset.Picture, dice *rand.Rand) (dataset.Sample, error) {
	v := dataset.View{Short: c.Shorts[dice.IntN(len(c.Shorts))], Long: c.Long, Flip: dice.Float64() < c.Flip}
	decoded, err := picture.Open(ctx, p.Path, c.Limits)
	if err != nil {
		return dataset.Sample{}, err
	}
	caption, err := c.captions.Caption(p, dice)
	if err != nil {
		return dataset.Sample{}, err
	}
	return p.Sample(ctx, decoded, caption, v, c.Limits)
}

// order is that of one time through the data.
type order struct {
	pass int // which, from 1; 0 for none yet
	list []int
}

// at is picture n of all times through the data.
func (o *order) at(all []dataset.Picture, repeat, seed, n int) dataset.Picture {
	length := len(all) * repeat
	if pass := 1 + n/length; pass != o.pass {
		o.pass, o.list = pass, rand.New(rand.NewPCG(uint64(seed)^0x5bd1e995, uint64(pass-1))).Perm(length)
	}
	return all[o.list[n%length]%len(all)]
}
