package glipvk

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/glipvk/glipvk/bind"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/rewrite"
	"github.com/glipvk/glipvk/text"
)

// Detector is GLIP as a whole, a picture and a sentence in, grounded boxes out, with its
// weights on a device. All its methods may be called from several goroutines.
type Detector struct {
	name      string
	config    glip.Config
	options   DetectorOptions
	label     string // of the weights
	device    DeviceInfo
	tokenizer *text.Tokenizer
	source    source // for the oracle: tensors are read again when it runs
	release   func() error
	executor  executor
	programs  *programs
	seen      *memo[[sha256.Size]byte, [][]float32] // P3..P7 by image
	read      *memo[string, []float32]              // hidden by caption

	mu     sync.Mutex
	idle   *sync.Cond // signalled when active falls to 0
	active int        // calls under way
	closed bool
	result error // of the first Close
}

// part is one of the graphs that a detector is made of; of a backbone there is one.
type part int

const (
	backbone part = iota
	vision
	language
	grounding

	partsOfAll = 3 // of a detector
)

// OpenDetector readies a detector: it finds the architecture, binds the weights and loads
// them onto the device, once for whatever pictures and queries follow. The caller closes
// it. name is "glip-t", "glip-l" or "glip-t-a" ([glip.PresetNames]), or empty if o.Arch is set.
//
// Errors wrap [ErrInput] for an unknown name or device, an impossible option, a vocabulary
// that is none, and weights that are damaged or do not fit; they list everything that is
// wrong with the weights. Others are those of package engine.
func OpenDetector(ctx context.Context, name string, o DetectorOptions) (_ *Detector, err error) {
	d := &Detector{name: name, options: o, label: o.Weights}
	d.idle = sync.NewCond(&d.mu)
	if d.label == "" {
		d.label = "synthetic"
	}
	if d.options.Precision, err = ParsePrecision(string(o.Precision)); err != nil {
		return nil, err
	}
	if err := o.check(); err != nil {
		return nil, blame(err)
	}
	if d.config, err = d.architecture(); err != nil {
		return nil, blame(err)
	}
	if d.tokenizer, err = d.vocabulary(); err != nil {
		return nil, blame(err)
	}
	if err := d.openWeights(); err != nil {
		return nil, err
	}
	if err := d.start(ctx); err != nil {
		return nil, errors.Join(err, d.release())
	}
	d.programs = newPrograms(max(or(o.Programs, 12), 1), d.compile)
	d.programs.memory, d.programs.atLeast = o.programMemory(), partsOfAll
	d.seen = newMemo[[sha256.Size]byte, [][]float32](max(or(o.Pictures, 2), 1))
	d.read = newMemo[string, []float32](max(or(o.Captions, 64), 1))
	return d, nil
}

// architecture is the one that name and options ask for.
func (d *Detector) architecture() (glip.Config, error) {
	if d.options.Arch == nil {
		return glip.Preset(d.name)
	}
	if d.name == "" {
		d.name = "custom"
	}
	return *d.options.Arch, d.options.Arch.Validate()
}

// vocabulary reads that of the options and refuses one whose tokens the model has no rows for.
func (d *Detector) vocabulary() (*text.Tokenizer, error) {
	t := text.BERT()
	if d.options.Vocabulary != "" {
		var err error
		if t, err = text.Open(d.options.Vocabulary); err != nil {
			return nil, err
		}
	}
	if n, rows := t.Size(), d.config.Text.VocabSize; n != rows {
		which := "the vocabulary of bert-base-uncased"
		if d.options.Vocabulary != "" {
			which = d.options.Vocabulary
		}
		return nil, fmt.Errorf("glipvk: %s has %d tokens, the model %s has %d: give the vocab.txt that belongs to it (--vocab)", which, n, d.name, rows)
	}
	return t, nil
}

// smallest is a query and a picture as small as can be: all parameters are in its graph.
func smallest() glip.Grounding {
	return glip.Grounding{Height: 2 * glip.Divisor, Width: 2 * glip.Divisor, Tokens: 2, Labels: 1}
}

// start opens the device and loads the weights.
func (d *Detector) start(ctx context.Context) error {
	g, err := glip.Record(d.config, smallest())
	if err != nil {
		return blame(err)
	}
	if g, err = d.rewrite(g); err != nil {
		return err
	}
	seen := &bind.Intake{From: d.source}
	d.executor, d.device, err = choose(ctx, d.options.base(), g, seen)
	d.device.complete(d.options.Precision)
	if bad := blame(seen.Err()); bad != nil {
		if d.executor != nil {
			bad = errors.Join(bad, d.executor.close())
		}
		return bad
	}
	return err
}

// direct says whether graphs are executed as they were recorded: always by the oracle.
func (d *Detector) direct() bool { return d.options.NoAbsorb || isReference(d.options.Device) }

// rewrite is the graph that the executor is given.
func (d *Detector) rewrite(g *graph.Graph) (*graph.Graph, error) {
	if d.direct() {
		return g, nil
	}
	g, _, err := rewrite.Absorb(g, nil)
	return g, err
}

// record writes down the graph of a part.
func (d *Detector) record(e extent) (*graph.Graph, error) {
	switch e.part {
	case vision:
		return glip.RecordVision(d.config, glip.Vision{Height: e.height, Width: e.width})
	case language:
		return glip.RecordLanguage(d.config, glip.Language{Tokens: e.tokens})
	}
	return glip.RecordGrounding(d.config, glip.Grounding{
		Height: e.height, Width: e.width, Tokens: e.tokens, Labels: e.labels,
		Threshold: d.options.Probability, PerLevel: d.options.PerLevel, Aggregate: d.options.Aggregate,
	})
}

// compile makes the program of a part.
func (d *Detector) compile(ctx context.Context, e extent) (program, Features, error) {
	g, err := d.record(e)
	if err != nil {
		return nil, nil, blame(err)
	}
	if g, err = d.rewrite(g); err != nil {
		return nil, nil, err
	}
	p, err := d.executor.compile(ctx, g, nil)
	return p, nil, err
}

// Config is the detector's architecture.
func (d *Detector) Config() glip.Config { return d.config }

// Name is that of the architecture.
func (d *Detector) Name() string { return d.name }

// Device says where the detector runs.
func (d *Detector) Device() DeviceInfo { return d.device }

// Weights names the weights as the options did.
func (d *Detector) Weights() string { return d.label }

// Live is the number of Vulkan objects that exist because of the detector: 0 on the CPU
// and after Close. It is how tests see leaks.
func (d *Detector) Live() int {
	if v, ok := d.executor.(*vulkan); ok {
		return v.live()
	}
	return 0
}

// enter begins a call that uses the executor, leave ends it.
func (d *Detector) enter() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return fmt.Errorf("glipvk: %s: %w; open it again", d.name, ErrClosed)
	}
	d.active++
	return nil
}

func (d *Detector) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.active--
	if d.active == 0 {
		d.idle.Broadcast()
	}
}

// Close waits for calls under way, then gives back programs, weights and device. Later
// calls fail with [ErrClosed]; a second Close returns what the first did.
func (d *Detector) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	first := !d.closed
	d.closed = true
	for d.active > 0 {
		d.idle.Wait()
	}
	if first {
		d.Forget()
		d.result = errors.Join(d.programs.close(), d.executor.close(), d.release())
	}
	return d.result
}

// CloseWithin is Close for the end of a program, as [Model.CloseWithin] is.
func (d *Detector) CloseWithin(ctx context.Context, grace time.Duration) error {
	return within(ctx, grace, d.Close)
}
