package glipvk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/glipvk/glipvk/bind"
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/swin"
)

// Model is a backbone with its weights on a device. All its methods may be called
// from several goroutines.
type Model struct {
	info     ModelInfo
	options  Options
	label    string // of the weights
	device   DeviceInfo
	source   source // for the oracle: tensors are read again when it runs
	release  func() error
	executor executor
	programs *programs

	outputLists sync.Pool // of *[][]float32, so that ExtractInto allocates nothing

	mu     sync.Mutex
	others map[*programs]bool // of streams with taps
	idle   *sync.Cond         // signalled when active falls to 0
	active int                // calls under way
	closed bool
	result error // of the first Close
}

// DeviceInfo says where a model runs.
type DeviceInfo struct {
	Name     string       `json:"name"`
	Vulkan   *engine.Info `json:"vulkan,omitempty"`   // nil on the CPU
	Fallback string       `json:"fallback,omitempty"` // why there is no Vulkan device, where "auto" looked for one

	Precision       Precision `json:"precision"`                  // in use: F32 or F16
	PrecisionReason string    `json:"precision_reason,omitempty"` // why it is not the one asked for, or what "auto" went by
}

// complete says what executors without a choice of precision compute in.
func (d *DeviceInfo) complete(want Precision) {
	if d.Precision != "" {
		return
	}
	d.Precision = F32
	if want == F16 {
		d.PrecisionReason = "f16 needs a Vulkan device; the CPU computes in f32"
	}
}

// Devices lists the Vulkan devices, usable or not. See [engine.Devices].
func Devices() ([]engine.Info, error) { return engine.Devices() }

// Open readies a model: it finds the architecture, binds the weights and loads
// them onto the device, once for whatever input sizes follow. The caller closes
// the model. name is as [Lookup] takes it, or empty if o.Arch is set.
//
// Errors wrap [ErrInput] for an unknown name or device, an impossible option, and
// weights that are damaged or do not fit; they list everything that is wrong with
// the weights. Others are those of package engine.
func Open(ctx context.Context, name string, o Options) (*Model, error) {
	info, err := resolve(name, o)
	if err != nil {
		return nil, blame(err)
	}
	if o.Precision, err = ParsePrecision(string(o.Precision)); err != nil {
		return nil, err
	}
	m := &Model{info: info, options: o, label: o.Weights}
	m.idle = sync.NewCond(&m.mu)
	if m.label == "" {
		m.label = "synthetic"
	}
	if m.source, m.release, err = openWeights(o, info.Config); err != nil {
		return nil, err
	}
	if err := m.start(ctx); err != nil {
		return nil, errors.Join(err, m.release())
	}
	keep := o.Programs
	if keep <= 0 {
		keep = 4
	}
	m.programs = newPrograms(keep, func(ctx context.Context, e extent) (program, Features, error) {
		g, err := m.record(e)
		if err != nil {
			return nil, nil, err
		}
		p, err := m.executor.compile(ctx, g, nil)
		return p, m.outputs(g), err
	})
	return m, nil
}

// resolve finds the architecture that name and options ask for.
func resolve(name string, o Options) (ModelInfo, error) {
	if err := o.Size.check(); err != nil {
		return ModelInfo{}, err
	}
	info := ModelInfo{Name: name}
	if o.Arch == nil {
		found, err := Lookup(name)
		if err != nil {
			return ModelInfo{}, err
		}
		info = found
	} else {
		if name == "" {
			info.Name = "custom"
		}
		info.Config = *o.Arch
	}
	cfg := info.Config
	if o.OutIndices != nil {
		cfg.OutIndices = slices.Clone(o.OutIndices)
	}
	cfg.PadSmallMap = cfg.PadSmallMap || o.PadSmallMap
	if err := cfg.Validate(); err != nil {
		return ModelInfo{}, err
	}
	counts, err := describe(info, cfg)
	if errors.Is(err, swin.ErrSmallMap) {
		err = nil // counted at another size than pictures will have
	}
	return counts, err
}

// start opens the device and loads the weights.
func (m *Model) start(ctx context.Context) error {
	cfg := m.info.Config
	cfg.PadSmallMap = true // any size will do, the parameters are the same
	side := cfg.PatchSize * cfg.WindowSize
	g, err := swin.Record(cfg, swin.Input{Batch: 1, Height: side, Width: side})
	if err != nil {
		return blame(err)
	}
	seen := &bind.Intake{From: m.source}
	m.executor, err = m.choose(ctx, g, seen)
	m.device.complete(m.options.Precision)
	if bad := blame(seen.Err()); bad != nil {
		if m.executor != nil {
			bad = errors.Join(bad, m.executor.close())
		}
		return bad
	}
	return err
}

// choose picks the executor that [Options].Device asks for.
func (m *Model) choose(ctx context.Context, g *graph.Graph, src source) (e executor, err error) {
	e, m.device, err = choose(ctx, m.options, g, src)
	return e, err
}

// isReference says whether a device is the CPU reference.
func isReference(device string) bool {
	return strings.EqualFold(strings.TrimSpace(device), "reference")
}

// choose opens the executor that o.Device asks for, with the weights of g.
func choose(ctx context.Context, o Options, g *graph.Graph, src source) (executor, DeviceInfo, error) {
	progress := func(done, total int64) { o.progress("weights", done, total) }
	want := strings.TrimSpace(o.Device)
	if isReference(want) {
		e, err := newReference(ctx, g, src, progress)
		if err != nil {
			return nil, DeviceInfo{}, err
		}
		return e, e.info(), nil
	}
	var fallback string
	if !strings.EqualFold(want, "cpu") {
		e, err := newVulkan(ctx, o, g, src, progress)
		switch auto := want == "" || strings.EqualFold(want, "auto"); {
		case err == nil:
			return e, e.info(), nil
		case !errors.Is(err, engine.ErrNoDevice):
			return nil, DeviceInfo{}, err
		case !auto:
			return nil, DeviceInfo{}, blame(fmt.Errorf("%w; choose another --device, or cpu", err))
		}
		fallback = err.Error()
	}
	e, err := newProcessor(ctx, g, src, progress)
	if err != nil {
		return nil, DeviceInfo{}, err
	}
	info := e.info()
	info.Fallback = fallback
	return e, info, nil
}

func (m *Model) progress(stage string, done, total int64) { m.options.progress(stage, done, total) }

// Info describes the model, with the architecture as the options changed it.
func (m *Model) Info() ModelInfo { return m.info }

// Device says where the model runs.
func (m *Model) Device() DeviceInfo { return m.device }

// Live is the number of Vulkan objects that exist because of the model: 0 on the
// CPU and after Close. It is how tests see leaks.
func (m *Model) Live() int {
	if v, ok := m.executor.(*vulkan); ok {
		return v.live()
	}
	return 0
}

// Weights names the weights as [Options] did.
func (m *Model) Weights() string { return m.label }

// Graph records the backbone for a batch of pictures of one size, in pixels after
// preprocessing. The error wraps [ErrInput], and [swin.ErrSmallMap] where a
// picture is too small.
func (m *Model) Graph(batch, height, width int) (*graph.Graph, error) {
	return m.record(extent{batch: batch, height: height, width: width})
}

func (m *Model) record(e extent) (*graph.Graph, error) {
	g, err := swin.Record(m.info.Config, swin.Input{Batch: e.batch, Height: e.height, Width: e.width})
	return g, blame(err)
}

// Preprocess takes a picture through the model's pipeline. The error wraps
// [ErrInput].
func (m *Model) Preprocess(p picture.Picture) (picture.Input, error) {
	in, err := m.info.Pipeline(m.options.Size, m.options.Limits).Apply(context.Background(), p)
	return in, blame(err)
}

// enter begins a call that uses the executor, leave ends it.
func (m *Model) enter() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return fmt.Errorf("glipvk: %s: %w; open it again", m.info.Name, ErrClosed)
	}
	m.active++
	return nil
}

func (m *Model) leave() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.active--
	if m.active == 0 {
		m.idle.Broadcast()
	}
}

// adopt has programs closed with the model unless drop closes them before.
func (m *Model) adopt(p *programs) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.others == nil {
		m.others = map[*programs]bool{}
	}
	m.others[p] = true
}

// drop closes programs that were adopted. Close returns what goes wrong.
func (m *Model) drop(p *programs) {
	if m.enter() != nil {
		return // Close has done it
	}
	defer m.leave()
	m.programs.note(p.close())
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.others, p)
}

// Close waits for calls under way, then gives back programs, weights and device.
// Later calls fail with [ErrClosed]; a second Close returns what the first did.
func (m *Model) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	first := !m.closed
	m.closed = true
	for m.active > 0 {
		m.idle.Wait()
	}
	if first {
		for p := range m.others {
			m.programs.note(p.close())
		}
		m.result = errors.Join(m.programs.close(), m.executor.close(), m.release())
	}
	return m.result
}

// CloseWithin is Close for the end of a program: once ctx is done it waits for the
// grace only, since a device cannot be told to drop submitted work, which may take
// minutes. What it leaves behind then, the system takes back when the process ends.
func (m *Model) CloseWithin(ctx context.Context, grace time.Duration) error {
	return within(ctx, grace, m.Close)
}

// within waits for a Close, once ctx is done for the grace only.
func within(ctx context.Context, grace time.Duration, closing func() error) error {
	done := make(chan error, 1)
	go func() { done <- closing() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(grace):
		return nil
	}
}
