package convert

import (
	"errors"
	"fmt"
	"slices"

	"github.com/glipvk/glipvk/bind"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/loader"
	"github.com/glipvk/glipvk/swin"
)

// planned is a file before it is written: names, shapes and types.
type planned struct {
	names []string
	at    map[string]loader.Saved
}

func (p planned) Names() []string { return p.names }

func (p planned) Shape(name string) ([]int, bool) {
	s, ok := p.at[name]
	return slices.Clone(s.Shape), ok
}

func (p planned) DType(name string) string { return string(p.at[name].DType) }

func (p planned) Read(string, []float32) error {
	return errors.New("convert: the file is not written yet")
}

// check makes sure that what is to be written is read again as the model that it is of, before it is written: a model may be
// so small or so odd that a family's files cannot be told from another's.
func (w *output) check(m *model) error {
	p := planned{at: map[string]loader.Saved{}}
	for _, s := range w.list {
		p.names, p.at[s.Name] = append(p.names, s.Name), s
	}
	var again *bind.Weights
	var err error
	if m.detector != nil {
		again, err = glip.Bind(p, *m.detector, bind.Options{})
	} else {
		again, err = swin.Bind(p, m.backbone, bind.Options{})
	}
	if want := w.form.family(m.detector != nil); err == nil && again.Family() != want {
		err = fmt.Errorf("they are taken for names of %s", again.Family())
	}
	if err != nil {
		return fmt.Errorf("convert: with names of %s the tensors of %s would not be recognised; ask for other names: %w", w.form.names, m.src.Path(), err)
	}
	return nil
}
