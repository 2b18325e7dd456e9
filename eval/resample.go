package eval

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
)

// Interval is where a number lies in 95 of 100 resamplings.
type Interval struct{ Low, High float64 }

// Resampled are intervals of an evaluation, by a bootstrap over pictures: as many pictures as there are are drawn, with repetition, and all is pooled
// anew. They say how much a number would move for another choice of pictures of the same kind, not how good the annotations are.
type Resampled struct {
	AP, AP50, AP75 Interval
	Categories     []Interval // AP of each; -1 to -1 where there is no truth
	Group          []Interval // AP of each group of categories that was asked for
}

// mostResamples bounds how often is drawn.
const mostResamples = 100_000

// Resample draws n times, the same for the same seed. groups are further means that are wanted, as places of categories. A resampling without a truth of
// a category leaves that out, as the measure itself does. Errors wrap [ErrInput] or are the context's.
func (e *Evaluation) Resample(ctx context.Context, n int, seed uint64, groups ...[]int) (*Resampled, error) {
	if n < 1 || n > mostResamples {
		return nil, fmt.Errorf("eval: %w: %d resamplings, want 1 to %d", ErrInput, n, mostResamples)
	}
	half, quarter := slices.Index(e.Params.Thresholds, 0.5), slices.Index(e.Params.Thresholds, 0.75)
	draws := make([]draw, n)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range draws {
		g.Go(func() error {
			draws[i] = e.draw(ctx, rand.New(rand.NewPCG(seed, uint64(i))))
			return ctx.Err()
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	of := func(value func(d *draw) float64) Interval {
		list := make([]float64, 0, n)
		for i := range draws {
			if v := value(&draws[i]); v > -1 {
				list = append(list, v)
			}
		}
		return interval(list)
	}
	r := &Resampled{
		AP:   of(func(d *draw) float64 { return d.mean(-1, nil) }),
		AP50: of(func(d *draw) float64 { return d.mean(half, nil) }),
		AP75: of(func(d *draw) float64 { return d.mean(quarter, nil) }),
	}
	if half < 0 {
		r.AP50 = Interval{-1, -1}
	}
	if quarter < 0 {
		r.AP75 = Interval{-1, -1}
	}
	for ki := range e.Categories {
		r.Categories = append(r.Categories, of(func(d *draw) float64 { return d.mean(-1, []int{ki}) }))
	}
	for _, group := range groups {
		if group == nil {
			group = []int{}
		}
		r.Group = append(r.Group, of(func(d *draw) float64 { return d.mean(-1, group) }))
	}
	return r, nil
}

// draw is what one resampling gave: of each category the mean precision at each threshold; nil where it has no truth.
type draw struct{ precision [][]float64 }

// draw pools for pictures that are drawn.
func (e *Evaluation) draw(ctx context.Context, chance *rand.Rand) draw {
	weights := drawn(len(e.Params.Pictures), chance)
	d := draw{make([][]float64, len(e.pools))}
	most := e.Params.Caps[len(e.Params.Caps)-1]
	var c curve
	for ki, p := range e.pools {
		n := p.truths(weights)
		if n == 0 || ctx.Err() != nil {
			continue
		}
		d.precision[ki] = make([]float64, len(e.Params.Thresholds))
		for t := range e.Params.Thresholds {
			c.trace(p, t, most, n, weights)
			sum := 0.0
			c.sample(func(_ int, precision, _ float64) { sum += precision })
			d.precision[ki][t] = sum / recalls
		}
	}
	return d
}

// drawn is how often each of n things is drawn in n draws.
func drawn(n int, chance *rand.Rand) []int32 {
	weights := make([]int32, n)
	for range n {
		weights[chance.IntN(n)]++
	}
	return weights
}

// mean is over categories, nil for all, and thresholds, negative for all; -1 where none has a truth.
func (d *draw) mean(threshold int, categories []int) float64 {
	sum, n := 0.0, 0
	add := func(values []float64) {
		for t, v := range values {
			if threshold < 0 || t == threshold {
				sum, n = sum+v, n+1
			}
		}
	}
	if categories == nil {
		for _, values := range d.precision {
			add(values)
		}
	}
	for _, ki := range categories {
		add(d.precision[ki])
	}
	if n == 0 {
		return -1
	}
	return sum / float64(n)
}

// interval is the middle 95 of 100 values, between neighbours in proportion; -1 to -1 of none.
func interval(list []float64) Interval {
	if len(list) == 0 {
		return Interval{-1, -1}
	}
	slices.Sort(list)
	at := func(share float64) float64 {
		place := share * float64(len(list)-1)
		i := int(place)
		next := list[min(i+1, len(list)-1)]
		return list[i] + (place-float64(i))*(next-list[i])
	}
	return Interval{at(0.025), at(0.975)}
}

// Resample gives intervals for recall of all phrases at each of [Ranks], by a bootstrap over pictures. Errors wrap [ErrInput] or are the context's.
func (r *Recall) Resample(ctx context.Context, n int, seed uint64) (map[int]Interval, error) {
	if n < 1 || n > mostResamples {
		return nil, fmt.Errorf("eval: %w: %d resamplings, want 1 to %d", ErrInput, n, mostResamples)
	}
	lists := map[int][]float64{}
	for i := range n {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		phrases, hits := 0, [4]int{}
		for k, w := range drawn(len(r.pictures), rand.New(rand.NewPCG(seed, uint64(i)))) {
			phrases += int(w) * r.pictures[k].phrases
			for at, h := range r.pictures[k].hits {
				hits[at] += int(w) * h
			}
		}
		for at, rank := range Ranks() {
			lists[rank] = append(lists[rank], float64(hits[at])/float64(phrases))
		}
	}
	intervals := map[int]Interval{}
	for rank, list := range lists {
		intervals[rank] = interval(list)
	}
	return intervals, nil
}
