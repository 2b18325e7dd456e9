package bind

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// What can keep a sound checkpoint from fitting a model. They are found with
// [errors.Is] in an [*Error], which lists every case.
var (
	// ErrMissing: the model needs a tensor that the file does not have. Use a
	// complete checkpoint, or ask for outputs whose norms it has.
	ErrMissing = errors.New("weights are missing")

	// ErrUnexpected: the file has a tensor of the model's kind that the model does
	// not use, or two for one name. Use the architecture the file was made for.
	ErrUnexpected = errors.New("unexpected weights")

	// ErrShape: a tensor has another shape or element type than the model
	// needs. Use the architecture the file was made for; tables of another
	// window can be resized on request.
	ErrShape = errors.New("weights of another shape")

	// ErrFact: a tensor that no graph reads, such as the anchors of a detector, says
	// that the file was made for another model. The remedy says what to state.
	ErrFact = errors.New("the file was made for another model")

	// ErrNonFinite: a weight is NaN or infinite. The file is damaged or its
	// training diverged; [Options] can let it pass.
	ErrNonFinite = errors.New("weights that are not finite")
)

// Mismatch is a tensor whose shape or element type does not fit.
type Mismatch struct {
	Name  string // canonical
	Key   string // in the file
	DType string
	Got   []int
	Want  []int
}

// String says what was found and what was expected.
func (m Mismatch) String() string {
	return fmt.Sprintf("%s is %s %v, want floating point %v", m.Name, m.DType, m.Got, m.Want)
}

// Fact is a tensor of the file that contradicts the model.
type Fact struct {
	Key       string // in the file
	Got, Want string
}

// String says what was found and what was expected.
func (f Fact) String() string { return fmt.Sprintf("%s is %s, want %s", f.Key, f.Got, f.Want) }

// NonFinite is a tensor with NaN or infinity in it.
type NonFinite struct {
	Name  string // canonical
	Index int    // first such element, row-major in the bound tensor
	Value float32
	Count int // how many there are
}

// String says what was found where.
func (n NonFinite) String() string {
	return fmt.Sprintf("%s has %v at element %d (%d in all)", n.Name, n.Value, n.Index, n.Count)
}

// Error lists everything that keeps a checkpoint from fitting a model. It wraps a
// sentinel for each list that is not empty.
type Error struct {
	Model       string // the package of the model, which the sentence begins with
	File        string
	Family      Family
	Differences []string // architecture of the file against the one asked for
	Missing     []string // canonical names
	Unexpected  []string // keys of the file
	Mismatched  []Mismatch
	Facts       []Fact
	NonFinite   []NonFinite
	Remedy      string
}

// Error lists all problems in one sentence; of a long list its beginning and
// how many there are.
func (e *Error) Error() string {
	parts := slices.Clone(e.Differences)
	for _, l := range e.lists() {
		if len(l.items) > 0 {
			parts = append(parts, fmt.Sprintf("%v: %s", l.kind, Some(l.items)))
		}
	}
	text := fmt.Sprintf("%s: %s (%s) does not fit: %s", e.Model, e.File, e.Family, strings.Join(parts, "; "))
	if e.Remedy != "" {
		text += "; " + e.Remedy
	}
	return text
}

// Unwrap returns the sentinels of the lists that are not empty.
func (e *Error) Unwrap() []error {
	var kinds []error
	for _, l := range e.lists() {
		if len(l.items) > 0 {
			kinds = append(kinds, l.kind)
		}
	}
	return kinds
}

// list is one kind of problems.
type list struct {
	kind  error
	items []string
}

func (e *Error) lists() []list {
	return []list{
		{ErrMissing, e.Missing}, {ErrUnexpected, e.Unexpected},
		{ErrShape, texts(e.Mismatched)}, {ErrFact, texts(e.Facts)}, {ErrNonFinite, texts(e.NonFinite)},
	}
}

func texts[T fmt.Stringer](items []T) []string {
	var list []string
	for _, item := range items {
		list = append(list, item.String())
	}
	return list
}

// Some joins a list in a sentence; of a long one its beginning, and how many more there are.
func Some(items []string) string {
	const most = 20
	if len(items) <= most {
		return strings.Join(items, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(items[:most], ", "), len(items)-most)
}
