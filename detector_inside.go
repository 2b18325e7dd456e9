package glipvk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/rewrite"
)

// Forget drops the encoded pictures and captions that are kept, so that the next call
// computes all there is.
func (d *Detector) Forget() {
	d.seen.forget()
	d.read.forget()
}

// Profile detects once with a clock on every dispatch and returns what took part, in the
// order of execution: nothing of what is known of the picture or of a caption from an
// earlier call, or is being computed by another one. What it computes is known thereafter.
func (d *Detector) Profile(ctx context.Context, in picture.DetectorInput, q Query) ([]Timing, error) {
	prompts, err := d.prepare(q)
	if err != nil {
		return nil, err
	}
	if err := d.enter(); err != nil {
		return nil, err
	}
	defer d.leave()
	list := []Timing{}
	_, err = d.detect(ctx, runner{d, &list}, in, prompts)
	return list, err
}

// Stats adds up what a picture of that size and a query take, whatever is known of them:
// the work of every run, the memory of every program. Programs are made if they are not
// there. Weights are counted once.
func (d *Detector) Stats(ctx context.Context, in picture.DetectorInput, q Query) (Stats, error) {
	prompts, err := d.prepare(q)
	if err != nil {
		return Stats{}, err
	}
	if err := d.enter(); err != nil {
		return Stats{}, err
	}
	defer d.leave()
	var sum Stats
	counted := map[extent]bool{}
	for _, e := range extents(in, prompts) {
		s, err := d.programs.acquire(ctx, e)
		if err != nil {
			return Stats{}, err
		}
		one := s.stats()
		d.programs.release(s)
		if counted[e] { // captions of one length share a program
			one.ArenaBytes, one.LiveBytes, one.StagingBytes = 0, 0, 0
		}
		counted[e] = true
		sum = sum.with(one)
	}
	return sum, nil
}

// extents are those of the programs that a picture and prompts take.
func extents(in picture.DetectorInput, prompts []prompt) []extent {
	list := []extent{{part: vision, height: in.Height, width: in.Width}}
	for _, p := range prompts {
		list = append(list, extent{part: language, tokens: len(p.ids)},
			extent{part: grounding, height: in.Height, width: in.Width, tokens: len(p.ids), labels: p.labels})
	}
	return list
}

// with adds another run of the same model.
func (s Stats) with(t Stats) Stats {
	s.Dispatches += t.Dispatches
	s.Barriers += t.Barriers
	s.ArenaBytes += t.ArenaBytes
	s.LiveBytes += t.LiveBytes
	s.WeightBytes = max(s.WeightBytes, t.WeightBytes)
	s.StagingBytes += t.StagingBytes
	s.FLOPs += t.FLOPs
	s.BytesMoved += t.BytesMoved
	return s
}

// DetectorCounts are multiply-adds of a detection, by part. Direct is what the grounding
// takes with the cross attention as the original computes it; Grounding what is executed.
type DetectorCounts struct {
	Vision    int64 `json:"vision"`
	Language  int64 `json:"language"`
	Grounding int64 `json:"grounding"`
	Direct    int64 `json:"grounding_direct"`
}

// Counts counts the multiply-adds of a picture of that size and a query.
func (d *Detector) Counts(in picture.DetectorInput, q Query) (DetectorCounts, error) {
	var c DetectorCounts
	prompts, err := d.prepare(q)
	if err != nil {
		return c, err
	}
	for _, e := range extents(in, prompts) {
		g, err := d.record(e)
		if err != nil {
			return c, blame(err)
		}
		n := g.Count().MultiplyAdds
		switch e.part {
		case vision:
			c.Vision += n
		case language:
			c.Language += n
		case grounding:
			c.Direct += n
			if g, err = d.rewrite(g); err != nil {
				return c, err
			}
			c.Grounding += g.Count().MultiplyAdds
		}
	}
	return c, nil
}

// Peak measures what the device reaches in large products with the kernels that the
// detector uses, in GFLOP/s.
func (d *Detector) Peak(ctx context.Context, budget time.Duration) (float64, error) {
	if err := d.enter(); err != nil {
		return 0, err
	}
	defer d.leave()
	return d.executor.peak(ctx, budget)
}

// Bandwidth is [Device.Bandwidth] of the device that the detector runs on.
func (d *Detector) Bandwidth(ctx context.Context, budget time.Duration) (float64, error) {
	if err := d.enter(); err != nil {
		return 0, err
	}
	defer d.leave()
	if c, ok := d.executor.(copier); ok {
		return c.bandwidth(ctx, budget)
	}
	return hostBandwidth(ctx, budget)
}

// TapInput computes, of the values inside the detector, those whose path matches one of
// the globs (see [graph.Graph.Match]), in the order of execution. Programs are made for
// this call only. The query must make one caption; a glob that matches nothing is an error
// that wraps [ErrInput].
func (d *Detector) TapInput(ctx context.Context, in picture.DetectorInput, q Query, globs []string) ([]Map, error) {
	prompts, err := d.prepare(q)
	if err != nil {
		return nil, err
	}
	if len(prompts) != 1 {
		return nil, blame(fmt.Errorf("glipvk: the query makes %d captions, and values inside the detector are shown for one: ask for fewer names", len(prompts)))
	}
	if err := d.enter(); err != nil {
		return nil, err
	}
	defer d.leave()
	matched := map[string]bool{}
	t := tapping{d: d, match: func(g *graph.Graph) ([]graph.ID, error) { return someMatch(g, globs, matched) }}
	maps, err := t.run(ctx, in, prompts[0])
	if err != nil {
		return nil, err
	}
	for _, glob := range globs {
		if !matched[glob] {
			return nil, blame(fmt.Errorf("glipvk: no value of the detector matches %q; a path is like %s, where * stands for one part and ** for several",
				glob, "rpn.head.dyhead_tower.2.p3"))
		}
	}
	return maps, nil
}

// someMatch lists the values of one graph that globs match, and notes which globs did.
func someMatch(g *graph.Graph, globs []string, matched map[string]bool) ([]graph.ID, error) {
	var found []string
	for _, glob := range globs {
		ids, err := g.Match(glob)
		if err != nil {
			return nil, blame(fmt.Errorf("glipvk: %w", err))
		}
		if len(ids) > 0 {
			matched[glob] = true
			found = append(found, glob)
		}
	}
	return match(g, found)
}

// tapping runs the parts of a detector and keeps values of each. With oracle it runs them
// on the CPU reference.
type tapping struct {
	d        *Detector
	match    func(*graph.Graph) ([]graph.ID, error)
	oracle   bool
	progress func(done, total int64)
	rows     [][]float32 // the candidates
}

// run computes all parts for a prompt and returns the values that were matched.
func (t *tapping) run(ctx context.Context, in picture.DetectorInput, p prompt) ([]Map, error) {
	if err := checkInput(in); err != nil {
		return nil, err
	}
	var kept []Map
	list := extents(in, []prompt{p})
	maps, taps, err := t.part(ctx, list[0], in.Data)
	if err != nil {
		return nil, err
	}
	kept = append(kept, taps...)
	hidden, taps, err := t.part(ctx, list[1], p.ids, p.mask)
	if err != nil {
		return nil, err
	}
	kept = append(kept, taps...)
	t.rows, taps, err = t.part(ctx, list[2], append(maps[:glip.Levels:glip.Levels], hidden[0], p.mask, p.owned)...)
	return append(kept, taps...), err
}

// part computes one part: its outputs and what is kept of it.
func (t *tapping) part(ctx context.Context, e extent, inputs ...[]float32) (outputs [][]float32, kept []Map, err error) {
	g, err := t.d.record(e)
	if err != nil {
		return nil, nil, blame(err)
	}
	ids, err := t.match(g)
	if err != nil {
		return nil, nil, err
	}
	var values [][]float32
	if t.oracle {
		values, err = interpret(ctx, g, t.weights(), oracleRun{keep: ids, progress: t.progress}, inputs...)
	} else {
		values, err = t.execute(ctx, g, ids, inputs)
	}
	if err != nil {
		return nil, nil, err
	}
	n := len(g.Outputs)
	return values[:n:n], tapped(g, ids).with(values[n:]), nil
}

// weights are those of the oracle, in memory where the detector has them there.
func (t *tapping) weights() source {
	if r, ok := t.d.executor.(*reference); ok {
		return r.weights
	}
	return t.d.source
}

// execute runs a graph on the detector's device and keeps values of it.
func (t *tapping) execute(ctx context.Context, g *graph.Graph, ids []graph.ID, inputs [][]float32) (values [][]float32, err error) {
	keep := ids
	if !t.d.direct() {
		var moved func(graph.ID) (graph.ID, bool)
		if g, moved, err = rewrite.Absorb(g, ids); err != nil {
			return nil, err
		}
		keep = make([]graph.ID, len(ids))
		for i, id := range ids {
			keep[i], _ = moved(id) // what is to be kept is not rewritten
		}
	}
	p, err := t.d.executor.compile(ctx, g, keep)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	return p.run(ctx, inputs...)
}
