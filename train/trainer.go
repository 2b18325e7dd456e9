package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/memory"
	"github.com/glipvk/glipvk/rewrite"
	"github.com/glipvk/glipvk/text"
)

// Options of a training. [Defaults] has the paper's recipe for each mode.
type Options struct {
	Mode     Mode
	Adapters LowRank // of mode Adapters, else none
	Frozen   int     // as [Mode.Trains] takes it
	Recipe   Recipe
	Schedule Schedule
	Clip     float64     // of the length of all gradients together; 0 clips nothing
	Average  float64     // decay of the moving average of weights; 0 keeps none
	Random   glip.Random // rates of what is left out by chance, before the mode's own rule
	Seed     int         // of chance, below 2^24

	// Recompute are globs of scopes whose values are computed again for the gradients, which takes time, and not
	// kept, which saves memory ([grad.Recompute]); [Blocks] is short for all that come in numbers. None keeps everything.
	Recompute []string

	// Remember is how many bytes may be taken for what frozen parts say of pictures: they run once for each picture that comes
	// back in the same view with the same caption, as long as there is room, the one that did not come for longest
	// going first. 0 is [DefaultRemember]; below 0 nothing is kept, and steps compute all they need.
	Remember int64

	// Memory is how many bytes weights, moments, gradients and what a step works in may take together; 0 sets no bound.
	// Steps that would take more are refused with [ErrMemory], before they take it.
	Memory int64
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

// ErrNotFinite is wrapped where a loss or a gradient is no number; the step was not taken. Cause: a rate that is too
// high, or damaged weights or pictures.
var ErrNotFinite = errors.New("the loss is no number")

// Trainer trains a detector. Its methods are for one goroutine at a time, but for Close.
type Trainer struct {
	cfg       glip.Config
	options   Options
	origin    Progress // of the schedule, before the first step
	tokenizer *text.Tokenizer
	executor  *executor.Executor
	loaded    *glipvk.Loaded
	source    executor.Source  // of what is not trained
	results   []executor.Value // of a step, which the next writes over
	fitting   map[glip.Training]bool
	swept     uint64 // what had been allocated when garbage was last collected
	front     *front // nil: a step computes everything
	step      *executor.Part[glip.Training]
	update    *executor.Part[int] // by the first chunk of its kind
	chunks    []chunk
	params    []glip.Param // that are trained
	adapters  []rewrite.Adapter
	state     state
	halves    bool          // what gradients read of the forward part is stored in 16 bits
	taken     int           // steps
	last      glip.Training // size of the last
	torn      bool          // a step changed some weights and failed at others
	at        position
	clock     *[]executor.Timing // nil but while a step is profiled
	once      sync.Once
	closed    error // by Close

	mu     sync.Mutex
	orders map[sized][]string // paths of the inputs of graphs
}

// state are the values that a step changes, of each parameter.
type state struct{ weights, first, second, averages []executor.Value }

// New readies the training of a detector's weights on the device that its options name. The trainer owns
// them then; after an error they are closed.
func New(ctx context.Context, l *glipvk.Loaded, o Options) (*Trainer, error) {
	t := &Trainer{cfg: l.Config(), options: o, origin: o.Schedule.State, tokenizer: l.Tokenizer(), loaded: l, source: l, at: position{Best: -1}, halves: l.Options().Precision == executor.F16, orders: map[sized][]string{}, fitting: map[glip.Training]bool{}}
	if o.Mode == Prompt && t.cfg.PromptRows == 0 {
		t.cfg.PromptRows = promptRows
		t.source = prompted{l}
	}
	err := o.check()
	if err == nil {
		err = t.choose()
	}
	if err == nil && len(t.params) == 0 {
		err = fmt.Errorf("train: %w: mode %s trains nothing of %s", ErrOptions, o.Mode, l.Info().Name)
	}
	if err == nil {
		err = t.open(ctx, l.Options().Executor())
	}
	if err == nil {
		if _, err = executor.Again(ctx, t.executor, func() (struct{}, error) { return struct{}{}, t.restart(ctx) }); err != nil {
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
	if len(o.Adapters.Globs) > 0 != (o.Mode == Adapters) {
		return fmt.Errorf("train: %w: adapters of %q in mode %s: mode %s takes some, and no other does", ErrOptions, o.Adapters.Globs, o.Mode, Adapters)
	}
	for _, x := range []struct {
		name  string
		value float64
	}{{"clip", o.Clip}, {"average", o.Average}, {"rate", o.Recipe.Rate}, {"rate of the text encoder", o.Recipe.LanguageRate}, {"decay", o.Recipe.Decay}} {
		if !(x.value >= 0) || math.IsInf(x.value, 0) {
			return fmt.Errorf("train: %w: %s %g, want a number from 0 on", ErrOptions, x.name, x.value)
		}
	}
	if o.Average >= 1 {
		return fmt.Errorf("train: %w: average %g, want below 1: at 1 it would never change", ErrOptions, o.Average)
	}
	return o.Schedule.check()
}

// open readies the executor, with the weights that are not trained.
func (t *Trainer) open(ctx context.Context, o executor.Options) error {
	g, err := t.whole(t.smallest())
	if err != nil {
		return err
	}
	if err := t.options.checkRecompute(g); err != nil {
		return err
	}
	if t.executor, err = executor.Open(ctx, g, executor.Lent{Source: t.source}, o); err != nil {
		return err
	}
	if t.front, err = t.fronted(g); err != nil {
		return errors.Join(err, t.executor.Close())
	}
	t.step = executor.NewPart(t.executor, executor.Recording[glip.Training]{Name: stepPart, Record: t.record})
	t.update = executor.NewPart(t.executor, executor.Recording[int]{Name: Update, Record: t.recordUpdate, Programs: max(1, programs(t.chunks))})
	return nil
}

// smallest is a step that reads all weights; they are laid out for what reads them, which chance changes.
func (t *Trainer) smallest() glip.Training {
	return glip.Training{Batch: 1, Height: 2 * glip.Divisor, Width: 2 * glip.Divisor, Tokens: 2, Objects: 1, Random: t.chance()}
}

// choose lists the weights that are trained, in chunks.
func (t *Trainer) choose() error {
	list, err := t.chosen()
	t.params, t.chunks = list, chunked(list)
	return err
}

// chosen lists the weights that are trained, or the adapters.
func (t *Trainer) chosen() (list []glip.Param, err error) {
	if t.options.Mode != Adapters {
		for _, p := range t.cfg.Params() {
			if t.options.Mode.Trains(p.Name, t.options.Frozen) {
				list = append(list, p)
			}
		}
		return list, nil
	}
	g, err := glip.RecordTraining(t.cfg, t.smallest())
	if err == nil {
		_, t.adapters, err = t.options.Adapters.adapt(g)
	}
	if err != nil {
		return nil, err
	}
	t.source = beginning{t.source, t.adapters, t.options.Seed}
	for _, a := range t.adapters {
		list = append(list, glip.Param{Name: a.A, Shape: []int{a.R, a.K}}, glip.Param{Name: a.B, Shape: []int{a.N, a.R}})
	}
	return list, nil
}

// load reads the weights that are trained and starts their moments.
func (t *Trainer) load(ctx context.Context) error {
	if m := t.Memory(); t.executor.Hosted() {
		if err := memory.Want(m.Weights+m.Moments+m.Averages, "what is trained, with its moments,"); err != nil {
			return fmt.Errorf("train: %w: %w; Options.Mode %s trains less", ErrMemory, err, Prompt)
		}
	}
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

// Step learns from a batch and returns the losses before it. A loss or a gradient that is no number is an error that
// wraps [ErrNotFinite], and nothing has changed; so it is when ctx ends before the weights are changed. A picture without
// things is one of background only.
func (t *Trainer) Step(ctx context.Context, samples ...dataset.Sample) (l Losses, err error) {
	if err := t.sound(); err != nil {
		return l, err
	}
	b, err := t.batch(samples)
	if err != nil {
		return l, err
	}
	if err := t.fits(ctx, b.size); err != nil {
		return l, err
	}
	defer func() { err = t.explained(ctx, b.size, err) }()
	in, err := t.inputs(ctx, b)
	if err == nil {
		t.last = b.size
		t.results, err = run(ctx, t, t.step, b.size, t.results, in...)
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
	if sum := l.Sum(); math.IsNaN(sum) || math.IsInf(sum, 0) || !(l.Scale > 0) { // 0 where a gradient is infinite
		return l, fmt.Errorf("train: step %d: %w: box %g, centre-ness %g, token %g, scale of the gradients %g", t.taken+1, ErrNotFinite, l.Box, l.Centerness, l.Token, l.Scale)
	}
	ctx, t.torn = context.WithoutCancel(ctx), true // a step is taken whole
	for c := range t.chunks {
		if err := t.apply(ctx, c, out[clipScale], out[gradients:]); err != nil {
			return l, err
		}
	}
	t.torn = false
	t.taken++
	t.options.Schedule.Stepped()
	t.sweep()
	return l, nil
}

// batch makes the inputs of a step.
func (t *Trainer) batch(samples []dataset.Sample) (batch, error) {
	b, err := batched(t.cfg, t.tokenizer, samples)
	if err != nil {
		return b, err
	}
	b.size.Random = t.chance()
	b.inputs["counter"] = []float32{float32(t.options.Seed), float32(t.taken % (1 << 24))}
	return b, nil
}

// inputs are those of the step's graph, in order.
func (t *Trainer) inputs(ctx context.Context, b batch) ([]executor.Value, error) {
	if _, err := t.step.Outputs(ctx, b.size); err != nil {
		return nil, err
	}
	at := map[string]executor.Value{}
	if t.front != nil {
		if err := t.see(ctx, b, at); err != nil {
			return nil, err
		}
	}
	for i, p := range t.params {
		at[p.Name] = t.state.weights[i]
	}
	var in []executor.Value
	for _, path := range t.order(sized{false, b.size}) {
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
	from, to := t.chunks[chunk].from, t.chunks[chunk].to
	var rates []float32
	k := float64(t.taken + 1)
	s := &t.state
	in := []executor.Value{scale, executor.Host(nil)}
	var out []executor.Value
	for i := from; i < to; i++ {
		base, decay := t.options.Recipe.Of(t.params[i].Name)
		rate := t.options.Schedule.Rate(base, t.taken)
		rates = append(rates, float32(rate), float32(t.options.Schedule.Decay(decay, t.taken)), float32(1-math.Pow(beta1, k)), float32(1-math.Pow(beta2, k)))
		in, out = append(in, s.weights[i], s.first[i], s.second[i], gradients[i]), append(out, s.weights[i], s.first[i], s.second[i])
		if t.options.Average > 0 {
			in, out = append(in, s.averages[i]), append(out, s.averages[i])
		}
	}
	in[1] = executor.Host(rates)
	_, err := run(ctx, t, t.update, t.chunks[chunk].like, out, in...)
	return err
}

// closed gives values back.
func closed(list []executor.Value) error {
	var errs []error
	for _, v := range list {
		errs = append(errs, v.Close())
	}
	return errors.Join(errs...)
}

// Weights reads the weights that are trained, by canonical name, or the adapters, as they are now.
func (t *Trainer) Weights(ctx context.Context) (map[string][]float32, error) {
	list := map[string][]float32{}
	for i, p := range t.params {
		data := make([]float32, graph.Shape(p.Shape).Elements()) // steps write over the value itself
		if err := t.state.weights[i].Download(ctx, data); err != nil {
			return nil, err
		}
		list[p.Name] = data
	}
	return list, nil
}

// Close ends a step under way, on whichever goroutine, with an error that wraps [glipvk.ErrClosed], and gives the device and the
// weights back. Later steps fail so too; a second Close returns what the first did.
func (t *Trainer) Close() error {
	t.once.Do(func() { t.closed = errors.Join(t.executor.Close(), t.loaded.Close()) })
	return t.closed
}
