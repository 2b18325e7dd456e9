package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/rewrite"
	"github.com/glipvk/glipvk/text"
)

// Options of a training. [Defaults] has the paper's recipe for each mode.
type Options struct {
	Mode     Mode
	Frozen   int // as [Mode.Trains] takes it
	Recipe   Recipe
	Schedule Schedule
	Clip     float64     // of the length of all gradients together; 0 clips nothing
	Average  float64     // decay of the moving average of weights; 0 keeps none
	Random   glip.Random // rates of what is left out by chance, before the mode's own rule
	Seed     int         // of chance, below 2^24

	// Recompute are globs of scopes whose values are computed again for the gradients, which takes time, and not
	// kept, which saves memory ([grad.Recompute]); [Blocks] is short for all that come in numbers. None keeps everything.
	Recompute []string
}

// Losses are those of a step's batch, before the step.
type Losses struct {
	Box        float64 `json:"box"`
	Centerness float64 `json:"centerness"`
	Token      float64 `json:"token"`
	Scale      float64 `json:"scale"` // what the gradients were multiplied with to clip them
}

// Sum is what is made small.
func (l Losses) Sum() float64 { return l.Box + l.Centerness + l.Token }

// ErrNotFinite is wrapped where a loss is no number; the step was not taken. Cause: a rate that is too
// high, or damaged weights or pictures.
var ErrNotFinite = errors.New("the loss is no number")

// Trainer trains a detector. Its methods are for one goroutine at a time.
type Trainer struct {
	cfg       glip.Config
	options   Options
	tokenizer *text.Tokenizer
	executor  *executor.Executor
	loaded    *glipvk.Loaded
	source    executor.Source  // of what is not trained
	results   []executor.Value // of a step, which the next writes over
	step      *executor.Part[glip.Training]
	update    *executor.Part[int] // by chunk
	chunks    [][2]int            // first parameter, and the one behind the last
	params    []glip.Param        // that are trained
	state     state
	taken     int           // steps
	last      glip.Training // size of the last
	torn      bool          // a step changed some weights and failed at others
	at        position

	mu     sync.Mutex
	orders map[glip.Training][]string // paths of the inputs of a step's graph
}

// state are the values that a step changes, of each parameter.
type state struct{ weights, first, second, averages []executor.Value }

// chunkElements is about how many weights are updated together.
const chunkElements = 16 << 20

// New readies the training of a detector's weights on the device that its options name. The trainer owns
// them then; after an error they are closed.
func New(ctx context.Context, l *glipvk.Loaded, o Options) (*Trainer, error) {
	t := &Trainer{cfg: l.Config(), options: o, tokenizer: l.Tokenizer(), loaded: l, source: l, at: position{Best: -1}, orders: map[glip.Training][]string{}}
	if o.Mode == Prompt && t.cfg.PromptRows == 0 {
		t.cfg.PromptRows = promptRows
		t.source = prompted{l}
	}
	err := o.check()
	if t.choose(); err == nil && len(t.params) == 0 {
		err = fmt.Errorf("train: %w: mode %s trains nothing of %s", ErrOptions, o.Mode, l.Info().Name)
	}
	if err == nil {
		err = t.open(ctx, l.Options().Executor())
	}
	if err == nil {
		if err = t.load(ctx); err != nil {
			err = errors.Join(err, t.executor.Close())
		}
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return t, nil
}

// promptRows is how long the original makes the table of prompt tuning.
const promptRows = 1000

// prompted is a source with an empty table, which leaves what the model says as it is.
type prompted struct{ executor.Source }

func (p prompted) Tensor(name string, shape []int) ([]float32, error) {
	if name == glip.PromptTable {
		return make([]float32, graph.Shape(shape).Elements()), nil
	}
	return p.Source.Tensor(name, shape)
}

func (o Options) check() error {
	if _, err := ParseMode(string(o.Mode)); err != nil {
		return err
	}
	if o.Seed < 0 || o.Seed >= 1<<24 {
		return fmt.Errorf("train: %w: seed %d, want 0 to below 2^24", ErrOptions, o.Seed)
	}
	for _, x := range []struct {
		name  string
		value float64
	}{{"clip", o.Clip}, {"average", o.Average}, {"rate", o.Recipe.Rate}, {"rate of the text encoder", o.Recipe.LanguageRate}, {"decay", o.Recipe.Decay}} {
		if !(x.value >= 0) || math.IsInf(x.value, 0) {
			return fmt.Errorf("train: %w: %s %g, want a number from 0 on", ErrOptions, x.name, x.value)
		}
	}
	return o.Schedule.check()
}

// open readies the executor, with the weights that are not trained.
func (t *Trainer) open(ctx context.Context, o executor.Options) error {
	g, err := t.record(glip.Training{Batch: 1, Height: 2 * glip.Divisor, Width: 2 * glip.Divisor, Tokens: 2, Objects: 1})
	if err != nil {
		return err
	}
	if t.executor, err = executor.Open(ctx, g, borrowed{t.source}, o); err != nil {
		return err
	}
	t.step = executor.NewPart(t.executor, executor.Recording[glip.Training]{Name: "step", Record: t.record})
	t.update = executor.NewPart(t.executor, executor.Recording[int]{Name: "update", Record: t.recordUpdate})
	return nil
}

// borrowed is a source that is not closed with the executor.
type borrowed struct{ executor.Source }

// record writes down a step whose trained weights are inputs.
func (t *Trainer) record(s glip.Training) (*graph.Graph, error) {
	var names []string
	for _, p := range t.params {
		names = append(names, p.Name)
	}
	g, err := RecordStep(t.cfg, s, names, t.options.Clip, t.options.Mode.absorbs(), t.options.recomputed()...)
	if err == nil {
		g, err = rewrite.Feed(g, names...)
	}
	if err != nil {
		return nil, err
	}
	var order []string
	for _, id := range g.Inputs() {
		order = append(order, g.Nodes[id].Path)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.orders[s] = order
	return g, nil
}

// recordUpdate writes down what a step does to the parameters of a chunk.
func (t *Trainer) recordUpdate(chunk int) (*graph.Graph, error) {
	b := graph.NewBuilder()
	scale := b.In("scale").Input(1)
	from, to := t.chunks[chunk][0], t.chunks[chunk][1]
	rates := b.In("rates").Input(to-from, 4)
	for i := range to - from {
		one := b.In("rates", i).Reshape(b.In("rates", i).SliceTokens(b.In("rates", "list").Reshape(rates, 1, to-from, 4), graph.SliceTokens{Begin: i, Height: 1, Width: 1}), 4)
		updated(b.In(i), graph.Shape(t.params[from+i].Shape), scale, one, t.options.Average)
	}
	return b.Build()
}

// choose lists the weights that are trained, in chunks.
func (t *Trainer) choose() {
	elements := 0
	for _, p := range t.cfg.Params() {
		if !t.options.Mode.Trains(p.Name, t.options.Frozen) {
			continue
		}
		i, n := len(t.params), graph.Shape(p.Shape).Elements()
		t.params = append(t.params, p)
		if elements += n; len(t.chunks) == 0 || elements > chunkElements {
			t.chunks, elements = append(t.chunks, [2]int{i, i}), n
		}
		t.chunks[len(t.chunks)-1][1] = i + 1
	}
}

// load reads the weights that are trained and starts their moments.
func (t *Trainer) load(ctx context.Context) error {
	s := &t.state
	var zeros []float32
	for _, p := range t.params {
		data, err := t.source.Tensor(p.Name, p.Shape)
		if err != nil {
			return err
		}
		if len(zeros) < len(data) {
			zeros = make([]float32, len(data))
		}
		none := zeros[:len(data)]
		if t.options.Average > 0 {
			err = t.place(ctx, &s.averages, data)
		}
		if err = errors.Join(err, t.place(ctx, &s.weights, data), t.place(ctx, &s.first, none), t.place(ctx, &s.second, none)); err != nil {
			return err
		}
	}
	return nil
}

// place adds a value to a list.
func (t *Trainer) place(ctx context.Context, list *[]executor.Value, data []float32) error {
	v, err := t.executor.Place(ctx, data)
	*list = append(*list, v)
	return err
}

// Step learns from a batch and returns the losses before it. A loss that is no number is an error that
// wraps [ErrNotFinite], and nothing has changed; so it is when ctx ends before the weights are changed. A picture without
// things is one of background only.
func (t *Trainer) Step(ctx context.Context, samples ...dataset.Sample) (l Losses, err error) {
	if t.torn {
		return l, fmt.Errorf("train: %w: step %d changed some weights and failed at others; load a state", ErrState, t.taken+1)
	}
	b, err := t.batch(samples)
	if err != nil {
		return l, err
	}
	in, err := t.inputs(ctx, b)
	if err != nil {
		return l, err
	}
	t.last = b.size
	if t.results == nil {
		t.results, err = t.step.Run(ctx, b.size, in...)
	} else {
		err = t.step.RunOver(ctx, b.size, t.results, in...)
	}
	if err != nil {
		return l, err
	}
	out := t.results
	for i, to := range []*float64{&l.Box, &l.Centerness, &l.Token, &l.Scale} {
		var one [1]float32
		if err := out[i].Download(ctx, one[:]); err != nil {
			return l, err
		}
		*to = float64(one[0])
	}
	if sum := l.Sum() + l.Scale; math.IsNaN(sum) || math.IsInf(sum, 0) {
		return l, fmt.Errorf("train: step %d: %w: box %g, centre-ness %g, token %g, scale of the gradients %g", t.taken+1, ErrNotFinite, l.Box, l.Centerness, l.Token, l.Scale)
	}
	t.torn = true
	ctx = context.WithoutCancel(ctx) // a step is taken whole, or the weights are of none
	for c := range t.chunks {
		if err := t.apply(ctx, c, out[clipScale], out[gradients:]); err != nil {
			return l, err
		}
	}
	t.torn = false
	t.taken++
	t.options.Schedule.Stepped()
	return l, nil
}

// batch makes the inputs of a step.
func (t *Trainer) batch(samples []dataset.Sample) (batch, error) {
	b, err := batched(t.cfg, t.tokenizer, samples)
	if err != nil {
		return b, err
	}
	b.size.Random = t.options.Mode.random(t.options.Random)
	b.inputs["counter"] = []float32{float32(t.options.Seed), float32(t.taken % (1 << 24))}
	return b, nil
}

// inputs are those of the step's graph, in order.
func (t *Trainer) inputs(ctx context.Context, b batch) ([]executor.Value, error) {
	if _, err := t.step.Outputs(ctx, b.size); err != nil {
		return nil, err
	}
	t.mu.Lock()
	order := t.orders[b.size]
	t.mu.Unlock()
	at := map[string]executor.Value{}
	for i, p := range t.params {
		at[p.Name] = t.state.weights[i]
	}
	var in []executor.Value
	for _, path := range order {
		v, ok := at[path]
		if !ok {
			v = executor.Host(b.inputs[path])
		}
		in = append(in, v)
	}
	return in, nil
}

// apply updates the parameters of a chunk.
func (t *Trainer) apply(ctx context.Context, chunk int, scale executor.Value, gradients []executor.Value) error {
	from, to := t.chunks[chunk][0], t.chunks[chunk][1]
	var rates []float32
	k := float64(t.taken + 1)
	s := &t.state
	in := []executor.Value{scale, executor.Host(nil)}
	var out []executor.Value
	for i := from; i < to; i++ {
		base, decay := t.options.Recipe.Of(t.params[i].Name)
		rate := t.options.Schedule.Rate(base, t.taken)
		rates = append(rates, float32(rate), float32(decay), float32(1-math.Pow(beta1, k)), float32(1-math.Pow(beta2, k)))
		in, out = append(in, s.weights[i], s.first[i], s.second[i], gradients[i]), append(out, s.weights[i], s.first[i], s.second[i])
		if t.options.Average > 0 {
			in, out = append(in, s.averages[i]), append(out, s.averages[i])
		}
	}
	in[1] = executor.Host(rates)
	return t.update.RunOver(ctx, chunk, out, in...)
}

// closed gives values back.
func closed(list []executor.Value) error {
	var errs []error
	for _, v := range list {
		errs = append(errs, v.Close())
	}
	return errors.Join(errs...)
}

// Weights reads the weights that are trained, by canonical name, as they are now.
func (t *Trainer) Weights(ctx context.Context) (map[string][]float32, error) {
	list := map[string][]float32{}
	for i, p := range t.params {
		data := make([]float32, graph.Shape(p.Shape).Elements())
		if err := t.state.weights[i].Download(ctx, data); err != nil {
			return nil, err
		}
		list[p.Name] = data
	}
	return list, nil
}

// Close gives the device and the weights back.
func (t *Trainer) Close() error { return errors.Join(t.executor.Close(), t.loaded.Close()) }

// Peak is the executor's ([executor.Executor.Peak]) on the device that trains, in GFLOP/s.
func (t *Trainer) Peak(ctx context.Context, budget time.Duration) (float64, error) {
	return t.executor.Peak(ctx, budget)
}

// Device describes what trains.
func (t *Trainer) Device() glipvk.DeviceInfo { return t.executor.Device() }

// Profile runs the graph of a step on a batch with a clock on every dispatch, and takes no step.
func (t *Trainer) Profile(ctx context.Context, samples ...dataset.Sample) ([]executor.Timing, error) {
	b, err := t.batch(samples)
	if err != nil {
		return nil, err
	}
	in, err := t.inputs(ctx, b)
	if err != nil {
		return nil, err
	}
	out, list, err := t.step.Profile(ctx, b.size, in...)
	return list, errors.Join(err, closed(out))
}
