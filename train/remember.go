package train

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/rewrite"
)

// DefaultRemember is what [Options.Remember] is where it is 0.
const DefaultRemember = 2 << 30

// given are the inputs of a step that are the same whenever a picture comes back in the same view with the same caption.
var given = []string{"image", "ids", "mask"}

// front are the parts of a detector that no training changes and nothing random precedes. They run once for each
// picture, by itself, and what the rest of a step reads of them is kept.
type front struct {
	part  *executor.Part[glip.Training]
	limit int64 // bytes
	bytes int64 // of what is held
	clock int64
	held  map[[sha256.Size]byte]*seen
}

// seen is what is kept of a picture.
type seen struct {
	values []executor.Value
	bytes  int64
	used   int64 // clock of the last step
}

// worthwhile is which part of a step's multiply-adds frozen parts must have to be run apart: 1/20.
const worthwhile = 20

// fronted readies the front of a step, nil where there is none that is worth it.
func (t *Trainer) fronted(step *graph.Graph) (*front, error) {
	if t.options.Remember < 0 {
		return nil, nil
	}
	before, _, err := split(step)
	if err != nil || before == nil || before.Count().MultiplyAdds*worthwhile < step.Count().MultiplyAdds {
		return nil, err
	}
	f := &front{limit: t.options.Remember, held: map[[sha256.Size]byte]*seen{}}
	if f.limit == 0 {
		f.limit = DefaultRemember
	}
	f.part = executor.NewPart(t.executor, executor.Recording[glip.Training]{Name: Front, Record: func(s glip.Training) (*graph.Graph, error) {
		g, err := t.whole(s)
		if err == nil {
			g, _, err = split(g)
		}
		return t.ordered(sized{true, s}, g, err)
	}})
	return f, nil
}

// widest is how many times larger than the picture a value is at most that is kept of it: attentions, which are larger,
// are computed again from less.
const widest = 4

// split cuts a step where it begins to depend on what is not given: weights that are trained, targets, counters.
func split(step *graph.Graph) (before, after *graph.Graph, err error) {
	most := 0
	var moving []string
	for _, id := range step.Inputs() {
		n := step.Nodes[id]
		if !slices.Contains(given, n.Path) {
			moving = append(moving, n.Path)
		} else {
			most = max(most, widest*n.Shape.Elements())
		}
	}
	return rewrite.Split(step, most, moving...)
}

// rest is what a step computes behind the front, whose values are inputs, for several pictures one for each.
func rest(step *graph.Graph, pictures int) (*graph.Graph, error) {
	_, after, err := split(step)
	if err != nil || pictures == 1 {
		return after, err
	}
	known := map[string]bool{}
	for _, id := range step.Inputs() {
		known[step.Nodes[id].Path] = true
	}
	var paths []string
	for _, id := range after.Inputs() {
		if path := after.Nodes[id].Path; !known[path] {
			paths = append(paths, path)
		}
	}
	return rewrite.Join(after, pictures, paths...)
}

// size is that of the front's graph for a picture of a batch.
func (f *front) size(b glip.Training) glip.Training {
	b.Batch, b.Objects = 1, 1
	return b
}

// see adds the front's values for each picture of a batch, by path, to at, computed where they are not held.
func (t *Trainer) see(ctx context.Context, b batch, at map[string]executor.Value) error {
	f := t.front
	size := f.size(b.size)
	outputs, err := f.part.Outputs(ctx, size)
	if err != nil {
		return err
	}
	f.clock++
	for i := range b.size.Batch {
		var in [][]float32
		for _, path := range t.order(sized{true, size}) {
			data := b.inputs[path]
			n := len(data) / b.size.Batch
			in = append(in, data[i*n:][:n])
		}
		x, err := t.picture(ctx, size, in)
		if err != nil {
			return err
		}
		for k, o := range outputs {
			path := o.Path
			if b.size.Batch > 1 {
				path = fmt.Sprintf("%s.%d", path, i)
			}
			at[path] = x.values[k]
		}
	}
	return f.forget()
}

// picture is what is held for inputs, or computed.
func (t *Trainer) picture(ctx context.Context, size glip.Training, in [][]float32) (*seen, error) {
	f, key := t.front, keyOf(size, in)
	x, there := f.held[key]
	if !there {
		values, err := run(ctx, t, f.part, size, nil, executor.Hosts(in)...)
		if err != nil {
			return nil, err
		}
		x = &seen{values: values}
		for _, v := range values {
			x.bytes += v.Bytes()
		}
		f.held[key], f.bytes = x, f.bytes+x.bytes
	}
	x.used = f.clock
	return x, nil
}

// forget gives up what was not used for longest until the rest is within the limit, but for what the step at hand uses.
func (f *front) forget() error {
	var errs []error
	for f.bytes > f.limit {
		var oldest [sha256.Size]byte
		used := f.clock
		for key, x := range f.held {
			if x.used < used {
				oldest, used = key, x.used
			}
		}
		if used == f.clock {
			break
		}
		errs = append(errs, closed(f.held[oldest].values))
		f.bytes -= f.held[oldest].bytes
		delete(f.held, oldest)
	}
	return errors.Join(errs...)
}

// Forget gives up what is remembered of pictures, so that the next step computes it.
func (t *Trainer) Forget() error {
	if t.front == nil {
		return nil
	}
	var errs []error
	for _, x := range t.front.held {
		errs = append(errs, closed(x.values))
	}
	clear(t.front.held)
	t.front.bytes = 0
	return errors.Join(errs...)
}

// keyOf stands for a size and inputs of it.
func keyOf(size glip.Training, in [][]float32) (key [sha256.Size]byte) {
	h := sha256.New()
	fmt.Fprint(h, size)
	var bytes []byte
	for _, data := range in {
		for part := range slices.Chunk(data, 4096) {
			bytes = bytes[:0]
			for _, v := range part {
				bytes = binary.LittleEndian.AppendUint32(bytes, math.Float32bits(v))
			}
			h.Write(bytes)
		}
	}
	h.Sum(key[:0])
	return key
}
