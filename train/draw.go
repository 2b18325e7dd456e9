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

// ahead is a batch that is drawn while something else is done.
type ahead struct {
	done  chan struct{}
	batch drawn
	err   error
}

// begin draws the batch from a picture of the course on.
func (c *course) begin(ctx context.Context, from int) *ahead {
	a := &ahead{done: make(chan struct{})}
	go func() {
		defer close(a.done)
		a.batch, a.err = c.draw(ctx, from)
	}()
	return a
}

// next is the batch of the next step; the one after it is drawn meanwhile.
func (c *course) next(ctx context.Context) (drawn, error) {
	a := c.ahead
	if a == nil {
		a = c.begin(ctx, c.at.Drawn)
	}
	<-a.done
	if c.ahead = nil; a.err == nil && c.taken+1 < c.Steps {
		c.ahead = c.begin(ctx, a.batch.drawn)
	}
	return a.batch, a.err
}

// still waits for what is drawn.
func (c *course) still() {
	if c.ahead != nil {
		<-c.ahead.done
	}
}

// draw takes pictures of a step from one of the course on. Each is a function of the seed and its number, so that a training goes on as if it
// had not stopped.
func (c *course) draw(ctx context.Context, from int) (drawn, error) {
	b := drawn{drawn: from}
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
