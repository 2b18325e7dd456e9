package bind

import (
	"fmt"
	"maps"
	"slices"
)

// Bind matches a file with a plan, exactly: every parameter must be there in its
// shape and in floating point, every tensor of the file must be used or be known to be
// of no use, and what the file says of the model must be so. The error is an [*Error]
// that lists all problems, or that of reading a fact.
//
// Values are looked at when a tensor is read; [Weights.Check] reads all of them.
func Bind(src Source, p Plan, o Options) (*Weights, error) {
	w := &Weights{src: src, model: p.Model, family: p.Names.Family, opts: o, bound: map[string]binding{}, ignored: slices.Clone(p.Names.Ignored)}
	m := &matching{Weights: w, problems: w.problems(), advice: map[string]int{}}
	for _, q := range p.Parameters {
		m.take(q)
	}
	m.leave(p)
	if p.Facts != nil {
		wrong, remedy, err := p.Facts()
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", p.Model, FileName(src), err)
		}
		m.problems.Facts, m.advice[remedy] = wrong, len(wrong)
	}
	if len(m.problems.Unwrap()) == 0 {
		return w, nil
	}
	if p.Differences != nil {
		m.problems.Differences = p.Differences()
	}
	m.problems.Remedy = m.remedy()
	return nil, m.problems
}

// matching is a binding under way.
type matching struct {
	*Weights
	problems *Error
	advice   map[string]int // how many problems each advice would help against
}

// take checks a parameter against the keys that claim to be it.
func (m *matching) take(p Parameter) {
	b := binding{Parameter: p}
	m.names = append(m.names, p.Name)
	if len(p.Keys) == 0 || slices.Contains(p.Keys, "") {
		m.problems.Missing = append(m.problems.Missing, p.Name)
		m.advice[p.IfMissing]++
		p.Keys = nil
	}
	for _, key := range p.Keys {
		got, _ := m.src.Shape(key)
		var form Form
		ok := slices.Equal(got, p.share())
		if !ok && p.Accept != nil {
			form, ok = p.Accept(got, m.opts.Resize)
		}
		if dtype := m.src.DType(key); !ok || !Floating(dtype) {
			m.problems.Mismatched = append(m.problems.Mismatched, Mismatch{Name: p.Name, Key: key, DType: dtype, Got: got, Want: p.share()})
			m.advice[p.IfShape]++
		}
		b.forms = append(b.forms, form)
	}
	m.bound[p.Name] = b // used, even if wrong
}

// leave accounts for the tensors that no parameter takes.
func (m *matching) leave(p Plan) {
	for _, name := range slices.Sorted(maps.Keys(p.Names.Keys)) {
		if _, used := m.bound[name]; used {
			continue
		}
		reason := ""
		if p.Spare != nil {
			reason = p.Spare(name)
		}
		for _, key := range p.Names.Keys[name] {
			switch {
			case key == "":
			case reason != "":
				m.ignored = append(m.ignored, IgnoredKey{key, reason})
			default:
				m.problems.Unexpected = append(m.problems.Unexpected, key)
			}
		}
	}
	m.problems.Unexpected = append(m.problems.Unexpected, p.Names.Unknown...)
}

// remedy is the advice that helps against all problems, else one by their kind.
func (m *matching) remedy() string {
	e := m.problems
	for advice, n := range m.advice {
		if advice != "" && n == len(e.Missing)+len(e.Unexpected)+len(e.Mismatched)+len(e.Facts) {
			return advice
		}
	}
	switch {
	case len(e.Differences) > 0:
		return "choose the model that the file was made for"
	case len(e.Missing) > 0:
		return "use a complete checkpoint of this model"
	case len(e.Unexpected) > 0:
		return "use a checkpoint of this model alone, each tensor under one name"
	}
	return "use a checkpoint of this model in floating point"
}
