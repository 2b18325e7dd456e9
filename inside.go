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
	_, err := d.vision.Outputs(ctx, vision(size))
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
	maps, list, err := d.vision.Profile(ctx, vision(SizeOf(in)), executor.Host(in.Data))
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
		rows, times, err := d.grounding.Profile(ctx, d.size(SizeOf(in), p), append(maps[:glip.Levels:glip.Levels], hosted(p.inputs(read, in.Batch))...)...)
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
	sum, err := d.vision.Stats(ctx, vision(size))
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
	g, failed := d.vision.Record(vision(size))
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
	maps, _, err := d.keeping(someMatch(globs, met)).run(ctx, in, prompts[0])
	if err != nil {
		return nil, err
	}
	for _, glob := range globs {
		if !met[glob] {
			return nil, blame(fmt.Errorf("glipvk: no value of the detector matches %q; a path is like %s, where * stands for one part and ** for several",
				glob, "rpn.head.dyhead_tower.2.p3"))
		}
	}
	return maps, nil
}

// someMatch keeps what globs match in one of several graphs, and notes which globs did.
func someMatch(globs []string, met map[string]bool) executor.Match {
	return func(g *graph.Graph) ([]graph.ID, error) {
		return matched(g, globs, func(glob string, values int) error {
			met[glob] = met[glob] || values > 0
			return nil
		})
	}
}

// inside runs the parts of a detector and keeps values of each, on its device or the oracle.
type inside struct {
	vision    func(context.Context, glip.Vision, ...[]float32) ([][]float32, []Map, error)
	language  func(context.Context, glip.Language, ...[]float32) ([][]float32, []Map, error)
	grounding func(context.Context, glip.Grounding, ...[]float32) ([][]float32, []Map, error)
	size      func(InputSize, prompt) glip.Grounding
}

// keeping runs parts on the detector's device; their programs are made for one run.
func (d *Detector) keeping(match executor.Match) inside {
	return inside{keep(d.vision, match), keep(d.language, match), keep(d.grounding, match), d.size}
}

// oracle runs parts on the CPU reference.
func (d *Detector) oracle(match executor.Match) inside {
	return inside{judge(d.vision, match), judge(d.language, match), judge(d.grounding, match), d.size}
}

func keep[K comparable](p *executor.Part[K], match executor.Match) func(context.Context, K, ...[]float32) ([][]float32, []Map, error) {
	return func(ctx context.Context, size K, in ...[]float32) (out [][]float32, maps []Map, err error) {
		p := p.Keeping(match)
		defer func() { err = errors.Join(err, p.Close(ctx)) }()
		data, outputs, err := p.Host(ctx, size, hosted(in)...)
		if err != nil {
			return nil, nil, err
		}
		out, maps = cut(data, outputs)
		return out, maps, nil
	}
}

func judge[K comparable](p *executor.Part[K], match executor.Match) func(context.Context, K, ...[]float32) ([][]float32, []Map, error) {
	return func(ctx context.Context, size K, in ...[]float32) ([][]float32, []Map, error) {
		data, outputs, err := p.Oracle(ctx, size, match, in...)
		if err != nil {
			return nil, nil, err
		}
		out, maps := cut(data, outputs)
		return out, maps, nil
	}
}

// cut tells outputs from what was kept.
func cut(data [][]float32, outputs []executor.Output) (out [][]float32, maps []Map) {
	for i, o := range outputs {
		if !o.Kept {
			out = append(out, data[i])
			continue
		}
		m := tapped(o)
		m.Data = data[i]
		maps = append(maps, m)
	}
	return out, maps
}

// run computes all parts for a prompt and returns the values that were kept, and the candidates.
func (t inside) run(ctx context.Context, in picture.Input, p prompt) (kept []Map, rows [][]float32, err error) {
	maps, seen, err := t.vision(ctx, vision(SizeOf(in)), in.Data)
	if err != nil {
		return nil, nil, err
	}
	hidden, read, err := t.language(ctx, p.language(), p.ids, p.hides)
	if err != nil {
		return nil, nil, err
	}
	rows, found, err := t.grounding(ctx, t.size(SizeOf(in), p),
		append(maps[:glip.Levels:glip.Levels], p.inputs(hidden[0], in.Batch)...)...)
	return slices.Concat(seen, read, found), rows, err
}
