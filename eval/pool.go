package eval

import (
	"cmp"
	"context"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
)

// task is what is matched and pooled, when everything that a measure leaves out is gone.
type task struct {
	Params
	truths []Truth // picture by picture, in the order of the file
	found  []Found
	lax    func(picture, category int64) bool // whether unmatched results do not count; nil for never
}

// evaluate matches and pools, category by category, on all processors.
func evaluate(ctx context.Context, t task) (*Evaluation, error) {
	if err := t.check(t.found); err != nil {
		return nil, err
	}
	e := &Evaluation{Params: t.Params, Categories: t.Categories}
	if t.Agnostic {
		e.Categories = []int64{-1}
	}
	k, n, m := len(e.Categories), len(t.Thresholds), len(t.Caps)
	fill := func(n int) []float64 { return slices.Repeat([]float64{-1}, n) }
	e.Precision, e.Scores, e.Recall = fill(n*recalls*k*areas*m), fill(n*recalls*k*areas*m), fill(n*k*areas*m)
	e.pools = make([]*pool, k)
	classes := t.classes(k)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for ki := range e.Categories {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			e.class(ki, &classes[ki])
			classes[ki] = class{}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return e, nil
}

// classes sorts truths and results by category.
func (t task) classes(k int) []class {
	classes := make([]class, k)
	pictures, categories := numbered(t.Pictures), numbered(t.Categories)
	at := func(picture, category int64) (p int32, c int, ok bool) {
		place, known := pictures[picture]
		c, wanted := categories[category]
		if t.Agnostic {
			c = 0
		}
		return int32(place), c, known && wanted
	}
	for _, truth := range t.truths {
		if p, c, ok := at(truth.Picture, truth.Category); ok {
			classes[c].things = append(classes[c].things, thing{truth, p})
		}
	}
	for i := range t.found {
		f := &t.found[i]
		if p, c, ok := at(f.Picture, f.Category); ok {
			classes[c].sights = append(classes[c].sights, sight{f, p, int32(i), 0})
		}
	}
	if t.lax != nil {
		for c := range classes {
			classes[c].lax = func(picture int32) bool { return t.lax(t.Pictures[picture], t.Categories[c]) }
		}
	}
	return classes
}

// class does all of category number ki.
func (e *Evaluation) class(ki int, c *class) {
	c.sorted(e.Params.Caps[len(e.Params.Caps)-1])
	m := matcher{thresholds: e.Params.Thresholds}
	marks, tallies := m.match(c)
	order := make([]int32, len(c.sights))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { // equal scores keep the order of pictures
		return cmp.Or(cmp.Compare(c.sights[b].Score, c.sights[a].Score), cmp.Compare(a, b))
	})
	for a := range areaRanges {
		p := &pool{tallies: tallies[a], results: make([]pooled, len(order))}
		for i, k := range order {
			s := &c.sights[k]
			p.results[i] = pooled{marks[a][k], s.Score, s.picture, s.rank}
		}
		e.measure(p, ki, a)
		if a == 0 {
			e.pools[ki] = p
		}
	}
}

// pool is what is known of the results of a category over all pictures, in one range of areas.
type pool struct {
	results []pooled // by falling score
	tallies []tally  // of pictures that have truths
}

// pooled is one of the results.
type pooled struct {
	mark
	score         float64
	picture, rank int32
}

// truths is their number in all pictures, each taken as often as weights say; nil is once.
func (p *pool) truths(weights []int32) (n int) {
	for _, t := range p.tallies {
		n += int(t.truths) * weight(weights, t.picture)
	}
	return n
}

func weight(weights []int32, picture int32) int {
	if weights == nil {
		return 1
	}
	return int(weights[picture])
}

// measure fills in the arrays for category number ki and area number a.
func (e *Evaluation) measure(p *pool, ki, a int) {
	n := p.truths(nil)
	if n == 0 {
		return
	}
	k, m := len(e.Categories), len(e.Params.Caps)
	var c curve
	for t := range e.Params.Thresholds {
		for mi, most := range e.Params.Caps {
			e.Recall[((t*k+ki)*areas+a)*m+mi] = c.trace(p, t, most, n, nil)
			c.sample(func(r int, precision, score float64) {
				at := (((t*recalls+r)*k+ki)*areas+a)*m + mi
				e.Precision[at], e.Scores[at] = precision, score
			})
		}
	}
}

// curve is precision over recall. It has the first result, and those that raise recall: between them precision falls, so the
// envelope from the right and the points that a recall picks are the same as if it had all.
type curve struct{ points []point }

type point struct{ recall, precision, score float64 }

// trace walks the results at threshold number t, of each picture the first most, and returns the recall at the end. truths is not 0.
// A picture that weighs w counts as w copies of it, one behind the other.
func (c *curve) trace(p *pool, t, most, truths int, weights []int32) float64 {
	c.points = c.points[:0]
	bit := uint64(1) << t
	hits, misses := 0, 0
	for i := range p.results {
		r := &p.results[i]
		w := weight(weights, r.picture)
		if int(r.rank) >= most || w == 0 {
			continue
		}
		raised := r.hit&bit != 0 && r.ignored&bit == 0
		switch {
		case raised:
			hits += w
		case r.ignored&bit == 0:
			misses += w
		}
		if raised || len(c.points) == 0 {
			c.points = append(c.points, point{float64(hits) / float64(truths), float64(hits) / (float64(misses+hits) + 0x1p-52), r.score})
		}
	}
	for j := len(c.points) - 1; j > 0; j-- {
		c.points[j-1].precision = max(c.points[j-1].precision, c.points[j].precision)
	}
	return float64(hits) / float64(truths)
}

// sample tells precision and score at each of the 101 recalls, 0 where it is not reached.
func (c *curve) sample(tell func(r int, precision, score float64)) {
	i := 0
	for r := range recalls {
		for wanted := recallAt(r); i < len(c.points) && c.points[i].recall < wanted; {
			i++
		}
		if i == len(c.points) {
			tell(r, 0, 0)
			continue
		}
		tell(r, c.points[i].precision, c.points[i].score)
	}
}

// recallAt is the r-th recall, rounded as the references' is: ten of them are above r/100.
func recallAt(r int) float64 {
	if r == recalls-1 {
		return 1
	}
	return float64(r) * 0.01
}
