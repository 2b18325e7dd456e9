package convert

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/bind"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/loader"
	"github.com/glipvk/glipvk/swin"
)

// body stands before the names of the backbone in those of a detector.
const body = "backbone.body."

// model is what a checkpoint holds, as far as it is to be written.
type model struct {
	src      *loader.Checkpoint
	weights  *bind.Weights
	detector *glip.Config // nil where a backbone is written
	backbone swin.Config
	within   string      // stands before the names of what is written in those of weights
	known    bool        // the detector's architecture is, and not read off shapes alone
	card     glipvk.Card // what the file says
	notes    []string
}

// read finds out what a checkpoint holds.
func read(src *loader.Checkpoint, o Options) (*model, error) {
	m := &model{src: src}
	_, whole := glip.Detect(src)
	if whole != nil {
		err := m.readBackbone(o)
		if errors.Is(err, swin.ErrFamily) {
			err = fmt.Errorf("%w; %w", err, whole)
		}
		return m, err
	}
	if err := m.readDetector(o); err != nil {
		return nil, err
	}
	if !o.Backbone {
		if o.OutIndices != nil {
			return nil, errors.New("convert: OutIndices are stages of a backbone, and this is a whole detector: ask for its backbone alone (Options.Backbone)")
		}
		return m, nil
	}
	m.backbone, m.detector, m.within = m.detector.Backbone, nil, body
	return m, m.choose(o.OutIndices)
}

// readDetector binds a whole detector. Its architecture is what the options say, else the file, else what shapes say.
func (m *model) readDetector(o Options) (err error) {
	if m.card, err = glipvk.ReadCard(m.src); err != nil {
		return err
	}
	cfg, variant, err := glip.Infer(m.src)
	if err != nil {
		return err
	}
	m.known = variant != glip.Custom
	for _, said := range []*glip.Config{m.card.Config, o.Card.Config} {
		if said != nil {
			cfg, m.known = *said, true
		}
	}
	if m.card.Config != nil {
		if d := glip.Contradictions(*m.card.Config, cfg); d != nil {
			return fmt.Errorf("convert: %s is of another model than the one described, as the file itself says: %s; name no architecture, and the file's is taken", m.src.Path(), strings.Join(d, "; "))
		}
	}
	if rows := glip.PromptRows(m.src); rows > 0 {
		cfg.PromptRows = rows
	}
	m.detector = &cfg
	m.weights, err = glip.Bind(m.src, cfg, bind.Options{AllowNonFinite: o.AllowNonFinite})
	if err == nil {
		m.leave(m.weights.Ignored())
	}
	return err
}

// readBackbone binds the backbone that a file has.
func (m *model) readBackbone(o Options) (err error) {
	if m.backbone, _, err = swin.Infer(m.src); err != nil {
		return err
	}
	if err := m.choose(o.OutIndices); err != nil {
		return err
	}
	if m.weights, err = swin.Bind(m.src, m.backbone, bind.Options{AllowNonFinite: o.AllowNonFinite}); err != nil {
		return err
	}
	var beside []string
	for _, i := range m.weights.Ignored() {
		if i.Reason == swin.Beside {
			beside = append(beside, i.Key)
		}
	}
	if len(beside) > 0 && !o.Backbone {
		return fmt.Errorf("convert: %s has %d tensors beside a Swin backbone, which are not converted: %s; ask for the backbone alone (Options.Backbone)", m.src.Path(), len(beside), bind.Some(beside))
	}
	m.leave(m.weights.Ignored())
	return nil
}

// choose leaves of the norms of a backbone's outputs those that are asked for.
func (m *model) choose(stages []int) error {
	if stages == nil {
		return nil
	}
	stages = slices.Clone(stages)
	slices.Sort(stages)
	for _, s := range stages {
		if !slices.Contains(m.backbone.OutIndices, s) {
			return fmt.Errorf("convert: OutIndices %v, but %s has norms of stages %v", stages, m.src.Path(), m.backbone.OutIndices)
		}
	}
	m.backbone.OutIndices = slices.Compact(stages)
	return m.backbone.Validate()
}

// leave notes which tensors of the file are left out, and why.
func (m *model) leave(ignored []bind.IgnoredKey) {
	var reasons []string
	keys := map[string][]string{}
	for _, i := range ignored {
		if keys[i.Reason] == nil {
			reasons = append(reasons, i.Reason)
		}
		keys[i.Reason] = append(keys[i.Reason], i.Key)
	}
	for _, reason := range reasons {
		list := keys[reason]
		m.note("left out: %s (%s)", counted(list), reason)
	}
}

func (m *model) note(format string, args ...any) {
	m.notes = append(m.notes, fmt.Sprintf(format, args...))
}

// counted is the first of some tensors, and how many more there are.
func counted(keys []string) string {
	if len(keys) == 1 {
		return keys[0]
	}
	return fmt.Sprintf("%s and %d more", keys[0], len(keys)-1)
}

// parameter is one that is written.
type parameter struct {
	name  string // in the graph of what is written
	from  string // in weights
	shape []int
}

// parameters lists them, in the order of the graph.
func (m *model) parameters() (list []parameter) {
	beside := 0
	for _, from := range m.weights.Names() {
		name, ok := strings.CutPrefix(from, m.within)
		stage := -1
		if _, err := fmt.Sscanf(name, "norm%d.", &stage); ok && m.detector == nil && err == nil {
			ok = slices.Contains(m.backbone.OutIndices, stage)
		}
		if !ok {
			beside++
			continue
		}
		shape, _ := m.weights.Shape(from)
		list = append(list, parameter{name, from, shape})
	}
	if beside > 0 {
		m.note("left out: %d parameters of the detector that are not asked for", beside)
	}
	return list
}

// dtype is the element type that keeps the values of a parameter.
func (m *model) dtype(from string) loader.DType {
	var types []string
	for _, key := range m.weights.Keys(from) {
		types = append(types, m.src.DType(key))
	}
	slices.Sort(types)
	if types = slices.Compact(types); len(types) == 1 && (types[0] == string(loader.Float16) || types[0] == string(loader.BFloat16)) {
		return loader.DType(types[0])
	}
	return loader.Float32
}
