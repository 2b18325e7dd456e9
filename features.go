package glipvk

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/picture"
)

// Map is one feature map, or another value of the graph.
type Map struct {
	Name  string    // "stage1" for the output of stage 1; of a tap, its path in the graph
	Shape []int     // [N, C, H, W] for a feature map
	Data  []float32 // row-major

	// Shared says that the value does not depend on the pictures: a mask or a table.
	// Otherwise the first size is a multiple of the batch, pictures in order.
	Shared bool
}

// Features are the maps of a batch, by ascending stage.
type Features []Map

// ExtractFeatures computes the features of a batch of pictures, which must have
// one size after preprocessing (with the default pipeline they do, but for
// pictures smaller than the crop). Errors wrap [ErrInput], [ErrClosed], the
// context's error, or are those of package engine. A cancelled call returns
// promptly and leaves the model usable.
func (m *Model) ExtractFeatures(ctx context.Context, pictures ...picture.Picture) (Features, error) {
	inputs := make([]picture.Input, len(pictures))
	for i, p := range pictures {
		in, err := m.Preprocess(p)
		if err != nil {
			return nil, fmt.Errorf("glipvk: picture %d: %w", i, err)
		}
		if first := inputs[0]; i > 0 && (in.Height != first.Height || in.Width != first.Width) {
			return nil, blame(fmt.Errorf("glipvk: picture %d becomes %dx%d, picture 0 %dx%d: pictures of a batch must have one size; "+
				"set Options.Size or extract them one by one", i, in.Height, in.Width, first.Height, first.Width))
		}
		inputs[i] = in
	}
	return m.ExtractTensor(ctx, picture.Stack(inputs...))
}

// ExtractTensor is ExtractFeatures for input that is preprocessed already.
func (m *Model) ExtractTensor(ctx context.Context, t picture.Tensor) (Features, error) {
	var features Features
	err := m.with(ctx, t, func(s *slot) error {
		values, err := s.run(ctx, t.Data)
		if err != nil {
			return err
		}
		features = s.maps.with(values)
		return nil
	})
	return features, err
}

// Prepare makes the program for a batch of pictures of one size, in pixels after
// preprocessing, so that the first ExtractTensor of that size need not.
func (m *Model) Prepare(ctx context.Context, batch, height, width int) error {
	_, err := m.Stats(ctx, batch, height, width)
	return err
}

// with checks t and runs f with the program for its size.
func (m *Model) with(ctx context.Context, t picture.Tensor, f func(*slot) error) error {
	if err := m.check(t); err != nil {
		return err
	}
	return m.withProgram(ctx, extent{batch: t.Batch, height: t.Height, width: t.Width}, f)
}

func (m *Model) withProgram(ctx context.Context, e extent, f func(*slot) error) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.leave()
	s, err := m.programs.acquire(ctx, e)
	if err != nil {
		return err
	}
	defer m.programs.release(s)
	return f(s)
}

// check refuses tensors that are not what they say.
func (m *Model) check(t picture.Tensor) error {
	if t.Batch < 1 || t.Height < 1 || t.Width < 1 || len(t.Data) != t.Batch*3*t.Height*t.Width {
		return blame(fmt.Errorf("glipvk: a tensor of %d values for shape [%d 3 %d %d], want at least one picture and as many values as the shape says",
			len(t.Data), t.Batch, t.Height, t.Width))
	}
	if m.options.AllowNonFinite || finite(t.Data) {
		return nil
	}
	if i := slices.IndexFunc(t.Data, func(v float32) bool { return v-v != 0 }); i >= 0 {
		return blame(fmt.Errorf("glipvk: element %d of the input tensor [%d 3 %d %d] is %v, want finite values",
			i, t.Batch, t.Height, t.Width, t.Data[i]))
	}
	return nil
}

// finite says whether there is neither NaN nor infinity: times 0 they are NaN, and a
// sum keeps it. Four sums at a time take a third of the time of a comparison each,
// which a call on a large picture would notice.
func finite(data []float32) bool {
	var a, b, c, d float32
	for ; len(data) >= 8; data = data[8:] {
		x := (*[8]float32)(data)
		a += x[0]*0 + x[4]*0
		b += x[1]*0 + x[5]*0
		c += x[2]*0 + x[6]*0
		d += x[3]*0 + x[7]*0
	}
	for _, v := range data {
		a += v * 0
	}
	return a+b+c+d == 0
}

// outputs names the outputs of a graph.
func (m *Model) outputs(g *graph.Graph) Features {
	f := make(Features, len(g.Outputs))
	for i, id := range g.Outputs {
		f[i] = Map{Name: StageName(m.info.Config.OutIndices[i]), Shape: g.Nodes[id].Shape}
	}
	return f
}

// with are maps of the same names and shapes that hold values.
func (f Features) with(values [][]float32) Features {
	filled := make(Features, len(f))
	for i, m := range f {
		filled[i] = Map{Name: m.Name, Shape: slices.Clone(m.Shape), Data: values[i], Shared: m.Shared}
	}
	return filled
}

// StageName is the name of a stage's map: "stage1".
func StageName(stage int) string { return fmt.Sprintf("stage%d", stage) }

// Taps computes the features and, of the values inside the model, those whose
// path matches one of the globs (see [graph.Graph.Match]), in execution order.
// The program is made for this call only. A glob that matches nothing is an error
// that wraps [ErrInput].
func (m *Model) Taps(ctx context.Context, t picture.Tensor, globs ...string) (Features, []Map, error) {
	if err := m.enter(); err != nil {
		return nil, nil, err
	}
	defer m.leave()
	if err := m.check(t); err != nil {
		return nil, nil, err
	}
	g, err := m.record(extent{batch: t.Batch, height: t.Height, width: t.Width})
	if err != nil {
		return nil, nil, err
	}
	ids, err := match(g, globs)
	if err != nil {
		return nil, nil, blame(err)
	}
	p, err := m.executor.compile(ctx, g, ids)
	if err != nil {
		return nil, nil, err
	}
	values, err := p.run(ctx, t.Data)
	if closing := p.close(); err == nil {
		err = closing
	}
	if err != nil {
		return nil, nil, err
	}
	features := m.outputs(g).with(values)
	return features, tapped(g, ids).with(values[len(features):]), nil
}

// match lists the values that any of the globs matches, each once.
func match(g *graph.Graph, globs []string) ([]graph.ID, error) {
	var ids []graph.ID
	for _, glob := range globs {
		found, err := g.Match(glob)
		if err != nil {
			return nil, fmt.Errorf("glipvk: %w", err)
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("glipvk: no value of the graph matches %q; a path is like %s, where * stands for one part and ** for several",
				glob, "stages.0.blocks.1.attn")
		}
		ids = append(ids, found...)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// fromInput tells for each node whether it depends on the graph's input.
func fromInput(g *graph.Graph) []bool {
	fed := make([]bool, len(g.Nodes))
	for i, n := range g.Nodes {
		_, fed[i] = n.Op.(graph.Input)
		for _, id := range n.Inputs {
			fed[i] = fed[i] || fed[id]
		}
	}
	return fed
}

// Profile runs t once with a clock on every dispatch.
func (m *Model) Profile(ctx context.Context, t picture.Tensor) ([]Timing, error) {
	var list []Timing
	err := m.with(ctx, t, func(s *slot) (err error) {
		_, list, err = s.profile(ctx, t.Data)
		return err
	})
	return list, err
}

// Stats describes the program for a batch of pictures of one size, which is made
// if it is not there.
func (m *Model) Stats(ctx context.Context, batch, height, width int) (Stats, error) {
	var stats Stats
	err := m.withProgram(ctx, extent{batch: batch, height: height, width: width}, func(s *slot) error {
		stats = s.stats()
		return nil
	})
	return stats, err
}

// Peak measures what the device reaches in large products with the kernels that
// the model uses, in GFLOP/s.
func (m *Model) Peak(ctx context.Context, d time.Duration) (float64, error) {
	if err := m.enter(); err != nil {
		return 0, err
	}
	defer m.leave()
	return m.executor.peak(ctx, d)
}
