package synthetic

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Declared is the name and shape of a tensor that a checkpoint is to have.
type Declared struct {
	Name  string
	Shape []int
}

// Checkpoint is a checkpoint of GLIP's detector that is computed instead of read: it
// answers what a file of microsoft/GLIP answers. It may be used from several
// goroutines.
type Checkpoint struct {
	weights Detector
	names   []string
	shapes  map[string][]int
}

// NewCheckpoint declares the tensors of a checkpoint under their official names.
// Errors: a name that stands twice, a shape that is absurd, a name that no rule covers
// ([ErrUnknownTensor]), and an override of a tensor that is not declared, with the
// names that resemble it.
func NewCheckpoint(tensors []Declared, weights Detector) (*Checkpoint, error) {
	c := &Checkpoint{weights: weights, shapes: map[string][]int{}}
	for _, d := range tensors {
		_, fanIn, err := elements(d.Shape)
		if err != nil {
			return nil, fmt.Errorf("synthetic: %s: %w", d.Name, err)
		}
		if _, twice := c.shapes[d.Name]; twice {
			return nil, fmt.Errorf("synthetic: %s is declared twice", d.Name)
		}
		if _, _, ok := DetectorRule(d.Name, fanIn); !ok {
			return nil, fmt.Errorf("synthetic: %q: %w", d.Name, ErrUnknownTensor)
		}
		c.names = append(c.names, d.Name)
		c.shapes[d.Name] = slices.Clone(d.Shape)
	}
	for name := range weights.Overrides {
		if _, ok := c.shapes[name]; !ok {
			return nil, fmt.Errorf("synthetic: override of %q: %w: the model has no such tensor%s", name, ErrUnknownTensor, c.like(name))
		}
	}
	return c, nil
}

// Names lists the tensors in the order of their declaration.
func (c *Checkpoint) Names() []string { return slices.Clone(c.names) }

// Shape returns the shape of a tensor.
func (c *Checkpoint) Shape(name string) (shape []int, ok bool) {
	shape, ok = c.shapes[name]
	return slices.Clone(shape), ok
}

// DType is "float32" for every tensor, "" for a name that is none.
func (c *Checkpoint) DType(name string) string {
	if _, ok := c.shapes[name]; !ok {
		return ""
	}
	return "float32"
}

// Tensor computes a tensor. The slices are the caller's to keep. Errors: a name that
// is not declared ([ErrUnknownTensor]).
func (c *Checkpoint) Tensor(name string) (shape []int, data []float32, err error) {
	shape = slices.Clone(c.shapes[name])
	total, _, _ := elements(shape) // a declared shape is sound
	data = make([]float32, total)
	return shape, data, c.Read(name, data)
}

// Read is Tensor into memory of the caller's, which must have room for exactly the
// elements of the tensor.
func (c *Checkpoint) Read(name string, into []float32) error {
	shape, ok := c.shapes[name]
	if !ok {
		return fmt.Errorf("synthetic: %q: %w: the model has no such tensor%s", name, ErrUnknownTensor, c.like(name))
	}
	total, fanIn, _ := elements(shape)
	if len(into) != total {
		return fmt.Errorf("synthetic: %s %v has %d elements, %d were asked for", name, shape, total, len(into))
	}
	return c.weights.fill(into, name, fanIn)
}

// Path is what errors call the checkpoint.
func (c *Checkpoint) Path() string {
	if c.weights.Initial {
		return fmt.Sprintf("random:%d", c.weights.Seed)
	}
	return fmt.Sprintf("synthetic:%d", c.weights.Seed)
}

// like names the declared tensors that resemble a name most, as the end of a
// sentence; "" if none does.
func (c *Checkpoint) like(name string) string {
	type near struct {
		name  string
		edits int
	}
	var list []near
	for _, n := range c.names {
		if d := edits(n, name, len(name)/3); d <= len(name)/3 {
			list = append(list, near{n, d})
		}
	}
	slices.SortStableFunc(list, func(a, b near) int { return cmp.Compare(a.edits, b.edits) })
	var names []string
	for _, n := range list[:min(len(list), 3)] {
		names = append(names, n.name)
	}
	if len(names) == 0 {
		return ""
	}
	return "; similar are " + strings.Join(names, ", ")
}

// edits counts the letters to insert, delete or replace to turn a into b
// (Levenshtein's distance); it gives up beyond most.
func edits(a, b string, most int) int {
	if d := len(a) - len(b); max(d, -d) > most {
		return most + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		least := row[0]
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
			least = min(least, row[j+1])
		}
		if least > most {
			return most + 1
		}
	}
	return row[len(b)]
}
