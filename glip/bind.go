package glip

import (
	"fmt"
	"strings"

	"github.com/glipvk/glipvk/bind"
)

// Bind matches the checkpoint of a whole detector with an architecture, as [bind.Bind]
// does: the parameters are those of Config.Params. Names are mapped from the file's
// family; the backbone is that of package swin. Anchors that the file has must be the
// configuration's.
//
// Errors: those of Config.Validate, [MapNames] and [bind.Bind].
func Bind(src bind.Source, cfg Config, o bind.Options) (*bind.Weights, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	names, err := MapNames(src)
	if err != nil {
		return nil, err
	}
	plan, err := names.plan(cfg)
	if err != nil {
		return nil, err
	}
	return bind.Bind(src, plan, o)
}

// plan says which of the file's tensors are the parameters of an architecture.
func (m *NameMap) plan(cfg Config) (bind.Plan, error) {
	body, err := m.body.Plan(cfg.Backbone)
	if err != nil {
		return bind.Plan{}, fmt.Errorf("glip: the backbone: %w", err)
	}
	p := bind.Plan{
		Model: "glip", Names: &m.NameMap,
		Spare: func(name string) string {
			if rest, ok := strings.CutPrefix(name, bodyPrefix); ok {
				return body.Spare(rest)
			}
			return ""
		},
		Facts: func() ([]bind.Fact, string, error) { return m.checkAnchors(cfg) },
		Differences: func() []string {
			file, err := m.infer()
			if err != nil {
				return nil
			}
			return Differences(file, cfg)
		},
	}
	for _, q := range body.Parameters {
		q.Name, q.IfMissing = bodyPrefix+q.Name, ""
		p.Parameters = append(p.Parameters, q)
	}
	for _, q := range cfg.Params() {
		if !strings.HasPrefix(q.Name, bodyPrefix) {
			p.Parameters = append(p.Parameters, bind.Parameter{Name: q.Name, Shape: q.Shape, Keys: m.Keys[q.Name], Accept: scalar(q.Name)})
		}
	}
	return p, nil
}

// scalar accepts a scale of the box head without an axis, as MMDetection's own
// training stores it.
func scalar(name string) func([]int, bind.Resize) (bind.Form, bool) {
	if !strings.HasPrefix(name, headPrefix+"scales.") {
		return nil
	}
	return func(got []int, _ bind.Resize) (bind.Form, bool) { return nil, len(got) == 0 }
}
