package glipvk

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/picture"
)

// Prepare makes the programs that pictures of one size and a query take.
func (d *Detector) Prepare(ctx context.Context, size InputSize, q Query) error {
	prompts, err := d.prompts(ctx, q)
	if err != nil {
		return err
	}
	return d.ready(ctx, size, prompts)
}

func (d *Detector) ready(ctx context.Context, size InputSize, prompts []prompt) error {
	_, err := d.vision.Outputs(ctx, size.vision())
	for _, p := range prompts {
		if err == nil {
			_, err = d.language.Outputs(ctx, p.language())
		}
		if err == nil {
			_, err = d.grounding.Outputs(ctx, d.size(size, p))
		}
	}
	return err
}

// Profile detects once with a clock on every dispatch and returns what took part, in the
// order of execution; [Timing.Part] is "vision", "language" or "grounding". All is computed,
// whatever is known of the pictures and captions.
func (d *Detector) Profile(ctx context.Context, q Query, in picture.Input) ([]Timing, error) {
	prompts, err := d.prompts(ctx, q)
	if err != nil {
		return nil, err
	}
	if err := d.checkInput(in); err != nil {
		return nil, err
	}
	maps, list, err := d.vision.Profile(ctx, SizeOf(in).vision(), executor.Host(in.Data))
	if err != nil {
		return nil, err
	}
	defer pyramid(maps).close()
	for _, p := range prompts {
		hidden, times, err := d.language.Profile(ctx, p.language(), executor.Host(p.ids), executor.Host(p.hides))
		if err != nil {
			return nil, err
		}
		list = append(list, times...)
		read, err := hidden[0].Read(ctx)
		if err != nil {
			return nil, err
		}
		rows, times, err := d.grounding.Profile(ctx, d.size(SizeOf(in), p), append(maps[:glip.Levels:glip.Levels], executor.Hosts(p.alike(read, in.Batch))...)...)
		if err := errors.Join(err, pyramid(hidden).close(), pyramid(rows).close()); err != nil {
			return nil, err
		}
		list = append(list, times...)
	}
	return list, nil
}

// Stats adds up what pictures of one size and a query take, whatever is known of them:
// the work of every run, the memory of every program. Programs are made if they are not
// there. Weights are counted once.
func (d *Detector) Stats(ctx context.Context, size InputSize, q Query) (Stats, error) {
	prompts, err := d.prompts(ctx, q)
	if err != nil {
		return Stats{}, err
	}
	sum, err := d.vision.Stats(ctx, size.vision())
	counted := map[any]bool{}
	add := func(key any, s Stats, failed error) {
		err = errors.Join(err, failed)
		sum = sum.Add(s, counted[key]) // captions of one length share a program
		counted[key] = true
	}
	for _, p := range prompts {
		if err != nil {
			break
		}
		s, failed := d.language.Stats(ctx, p.language())
		add(p.language(), s, failed)
		s, failed = d.grounding.Stats(ctx, d.size(size, p))
		add(d.size(size, p), s, failed)
	}
	if err != nil {
		return Stats{}, err
	}
	return sum, nil
}

// Counts are multiply-adds of a detection, by part. Direct is what the grounding
// takes with the cross attention as the original computes it; Grounding what is executed.
type Counts struct {
	Vision    int64 `json:"vision"`
	Language  int64 `json:"language"`
	Grounding int64 `json:"grounding"`
	Direct    int64 `json:"grounding_direct"`
}

// Counts counts the multiply-adds of pictures of one size and a query.
func (d *Detector) Counts(size InputSize, q Query) (Counts, error) {
	var c Counts
	prompts, err := d.prompts(context.Background(), q)
	if err != nil {
		return c, err
	}
	count := func(sum *int64, g *graph.Graph, failed error) *graph.Graph {
		if err = blame(errors.Join(err, failed)); err == nil {
			*sum += g.Count().MultiplyAdds
		}
		return g
	}
	g, failed := d.vision.Record(size.vision())
	count(&c.Vision, g, failed)
	for _, p := range prompts {
		g, failed = d.language.Record(p.language())
		count(&c.Language, g, failed)
		g, failed = d.grounding.Record(d.size(size, p))
		g = count(&c.Direct, g, failed)
		if err == nil && d.grounding.Rewrite != nil {
			g, _, failed = d.grounding.Rewrite(g, nil)
		}
		count(&c.Grounding, g, failed)
		if err != nil {
			break
		}
	}
	return c, err
}

// Taps computes, of the values inside the detector, those whose path matches one of
// the globs (see [graph.Graph.Match]), in the order of execution. Programs are made for
// this call only, for just the tokens and labels of the query, which must make one caption.
// A glob that matches nothing is an error that wraps [ErrInput].
func (d *Detector) Taps(ctx context.Context, q Query, in picture.Input, globs ...string) ([]Map, error) {
	prompts, err := d.exact(ctx, q)
	if err != nil {
		return nil, err
	}
	if len(prompts) != 1 {
		return nil, blame(fmt.Errorf("glipvk: the query makes %d captions, and values inside the detector are shown for one: ask for fewer names", len(prompts)))
	}
	if err := d.checkInput(in); err != nil {
		return nil, err
	}
	met := map[string]bool{}
	maps, _, err := d.inside(ctx, watch{match: someMatch(globs, met)}, in, prompts[0])
	if err != nil {
		return nil, err
	}
	return maps, blame(unmet(globs, met, "rpn.head.dyhead_tower.2.p3"))
}

// watch says which values inside are kept, and whether the CPU reference computes.
type watch struct {
	match  executor.Match
	oracle bool
}

// inside computes all parts for a prompt and returns the values that were kept, and the candidates.
func (d *Detector) inside(ctx context.Context, w watch, in picture.Input, p prompt) (kept []Map, rows [][]float32, err error) {
	maps, seen, err := watched(ctx, w, d.vision, SizeOf(in).vision(), in.Data)
	if err != nil {
		return nil, nil, err
	}
	hidden, read, err := watched(ctx, w, d.language, p.language(), p.ids, p.hides)
	if err != nil {
		return nil, nil, err
	}
	rows, found, err := watched(ctx, w, d.grounding, d.size(SizeOf(in), p),
		append(maps[:glip.Levels:glip.Levels], p.alike(hidden[0], in.Batch)...)...)
	return slices.Concat(seen, read, found), rows, err
}

// watched computes a part, on the device by a program that is made for this run only, and returns
// its outputs apart from what is kept.
func watched[K comparable](ctx context.Context, w watch, p *executor.Part[K], size K, in ...[]float32) (out [][]float32, kept []Map, err error) {
	var data [][]float32
	var outputs []executor.Output
	if w.oracle {
		data, outputs, err = p.Oracle(ctx, size, w.match, in...)
	} else {
		own := p.Keeping(w.match)
		defer func() { err = errors.Join(err, own.Close(ctx)) }()
		data, outputs, err = own.Host(ctx, size, executor.Hosts(in)...)
	}
	if err != nil {
		return nil, nil, err
	}
	for i, o := range outputs {
		if o.Kept {
			kept = append(kept, tapped(o, data[i]))
		} else {
			out = append(out, data[i])
		}
	}
	return out, kept, nil
}
