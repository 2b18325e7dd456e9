package glipvk

import (
	"cmp"
	"context"
	"errors"

	"github.com/glipvk/glipvk/bind"
	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/rewrite"
	"github.com/glipvk/glipvk/text"
)

// Detector is GLIP as a whole, a picture and a sentence in, grounded boxes out, with its
// weights on a device. All its methods may be called from several goroutines.
type Detector struct {
	base
	config    glip.Config
	options   DetectorOptions
	tokenizer *text.Tokenizer
	vision    *executor.Part[glip.Vision]
	language  *executor.Part[glip.Language]
	grounding *executor.Part[glip.Grounding]
	alignment *executor.Part[glip.Alignment]
	seen      *executor.Shelf[string, looked]    // by the key of a picture
	read      *executor.Shelf[string, []float32] // hidden [T, D], by caption
}

// pyramid is P3..P7 of a batch of pictures, [B, h, w, C] each, where the executor has its memory.
type pyramid []executor.Value

// bytes is the memory that it holds.
func (p pyramid) bytes() (n int64) {
	for _, v := range p {
		n += v.Bytes()
	}
	return n
}

// looked is what is known of pictures.
type looked struct {
	maps pyramid
	in   picture.Input // without its data
}

// Query says what to look for in a picture.
type Query = text.Query

// Detection is a box in which a picture shows a phrase.
type Detection struct {
	Box    glip.Box  `json:"box"`    // in pixels of the picture as it was given, corners inclusive
	Score  float64   `json:"score"`  // 0 to 1
	Label  int       `json:"label"`  // from 1: which phrase of the query
	Phrase string    `json:"phrase"` // by the name that the query gave it
	Span   text.Span `json:"span"`   // of the phrase in its caption, in code points
}

// Loaded is a detector whose weights are found and bound, and on no device yet: what training
// starts from (package train).
type Loaded struct {
	Bound
	options   DetectorOptions
	tokenizer *text.Tokenizer
}

// LoadDetector finds a detector's architecture, vocabulary and weights, as [OpenDetector] does
// before it looks for a device. The caller closes it or opens it. Errors are those of OpenDetector.
func LoadDetector(name string, o DetectorOptions) (*Loaded, error) {
	if err := o.check(); err != nil {
		return nil, blame(err)
	}
	info, t, err := FindDetector(name, o)
	if err != nil {
		return nil, err
	}
	b, err := bindDetector(name, info, o)
	if err != nil {
		return nil, err
	}
	o.Weights, o.Size = o.weightsOf(name), cmp.Or(o.Size, info.Size)
	return &Loaded{Bound: *b, options: o, tokenizer: t}, nil
}

// OpenDetector readies a detector: it finds the architecture, binds the weights and loads
// them onto the device, once for whatever pictures and queries follow. The caller closes
// it. name is as [LookupDetector] takes it. It may be empty if o.Arch is set, or if the weights' file says what they
// are weights of ([Card]), as those that package train saves do. A file that says so and a name or an o.Arch that
// is another contradict each other, which is an error. Where the options leave them open, vocabulary and size of
// pictures are the file's too.
//
// Errors wrap [ErrInput] for an unknown name or device, an impossible option, a vocabulary
// that is none, and weights that are damaged or do not fit; they list everything that is
// wrong with the weights. Others are those of package engine.
func OpenDetector(ctx context.Context, name string, o DetectorOptions) (*Detector, error) {
	l, err := LoadDetector(name, o)
	if err != nil {
		return nil, err
	}
	return l.Open(ctx)
}

// Open loads the weights onto the device. The detector then owns them; after an error they are closed.
func (l *Loaded) Open(ctx context.Context) (*Detector, error) {
	g, err := glip.Record(l.Config(), smallest())
	if err == nil && l.options.absorbs() {
		g, _, err = rewrite.Absorb(g, nil)
	}
	if err != nil {
		return nil, errors.Join(blame(err), l.Close())
	}
	e, err := l.weights.open(ctx, g, l.options.Options)
	if err != nil {
		return nil, err
	}
	d := &Detector{config: l.Config(), options: l.options, tokenizer: l.tokenizer}
	d.base = base{e, l.info, l.options.Options, picture.Detector{Size: l.options.Size, Limits: l.options.Limits}, l.weights.notes}
	d.parts()
	return d, nil
}

// Config is the detector's architecture.
func (l *Loaded) Config() glip.Config { return *l.info.Detector }

// Tokenizer is that of the detector's vocabulary.
func (l *Loaded) Tokenizer() *text.Tokenizer { return l.tokenizer }

// Options are those it was loaded with.
func (l *Loaded) Options() DetectorOptions { return l.options }

// With is the same detector with other weights, by their paths in the recorded graph of an architecture that may
// differ in its table of prompt tuning. A device, unless it is empty, takes the place of that of the options. Closing it does nothing to l.
func (l *Loaded) With(source executor.Source, cfg glip.Config, device string) *Loaded {
	other := *l
	other.options.Device = cmp.Or(device, l.options.Device)
	other.info.Detector = &cfg
	other.weights = &weights{Intake: bind.Intake{From: source}}
	return &other
}

// parts are the graphs of a detector.
func (d *Detector) parts() {
	d.vision = executor.NewPart(d.exec, executor.Recording[glip.Vision]{
		Name: "vision", Record: func(v glip.Vision) (*graph.Graph, error) { return glip.RecordVision(d.config, v) },
	})
	d.language = executor.NewPart(d.exec, executor.Recording[glip.Language]{
		Name: "language", Record: func(l glip.Language) (*graph.Graph, error) { return glip.RecordLanguage(d.config, l) },
	})
	grounding := executor.Recording[glip.Grounding]{
		Name: "grounding", Record: func(g glip.Grounding) (*graph.Graph, error) { return glip.RecordGrounding(d.config, g) },
	}
	if d.options.absorbs() {
		grounding.Rewrite = rewrite.Absorb
	}
	d.grounding = executor.NewPart(d.exec, grounding)
	d.alignment = executor.NewPart(d.exec, executor.Recording[glip.Alignment]{
		Name: "alignment", Record: func(a glip.Alignment) (*graph.Graph, error) { return glip.RecordAlignment(d.config, a) }, Rewrite: grounding.Rewrite,
	})
	d.seen = executor.NewShelf[string](d.exec, max(cmp.Or(d.options.Pictures, 2), 0), func(l looked) error { return l.maps.close() })
	d.read = executor.NewShelf[string](d.exec, max(cmp.Or(d.options.Captions, 64), 0), func([]float32) error { return nil })
}

// opened refuses a detector that was never opened.
func (d *Detector) opened() error {
	if d == nil || d.exec == nil {
		return unopened("Detector", "OpenDetector")
	}
	return nil
}

// Tokenizer is that of the detector's vocabulary; nil of a detector that was never opened.
func (d *Detector) Tokenizer() *text.Tokenizer {
	if d.opened() != nil {
		return nil
	}
	return d.tokenizer
}

// Forget drops the encoded pictures and captions that are kept, so that the next call
// computes all there is.
func (d *Detector) Forget() {
	if d.opened() != nil {
		return
	}
	d.seen.Forget()
	d.read.Forget()
}

// close gives the maps back.
func (p pyramid) close() error {
	var errs []error
	for _, v := range p {
		errs = append(errs, v.Close())
	}
	return errors.Join(errs...)
}
