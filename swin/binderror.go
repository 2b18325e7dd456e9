package swin

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// What can keep a sound checkpoint from fitting a model. They are found with
// [errors.Is] in a [*BindError], which lists every case.
var (
	// ErrMissing: the model needs a tensor that the file does not have. Use a
	// complete checkpoint, or ask for outputs whose norms it has.
	ErrMissing = errors.New("weights are missing")

	// ErrUnexpected: the file has a tensor of the backbone that the model does
	// not use, or two for one name. Use the architecture the file was made for.
	ErrUnexpected = errors.New("unexpected weights")

	// ErrShape: a tensor has another shape or element type than the model
	// needs. Use the architecture the file was made for; tables of another
	// window can be resized on request.
	ErrShape = errors.New("weights of another shape")

	// ErrNonFinite: a weight is NaN or infinite. The file is damaged or its
	// training diverged; [BindOptions] can let it pass.
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

// NonFinite is a tensor with NaN or infinity in it.
type NonFinite struct {
	Name  string // canonical
	Index int    // first such element, row-major in the bound tensor
	Value float32
	Count int // how many there are
}

// BindError lists everything that keeps a checkpoint from fitting a model. It
// wraps a sentinel for each list that is not empty.
type BindError struct {
	Package     string // what the sentence begins with, "swin" if empty
	File        string
	Family      Family
	Differences []string // architecture of the file against the one asked for
	Missing     []string // canonical names
	Unexpected  []string // keys of the file
	Mismatched  []Mismatch
	NonFinite   []NonFinite
	Remedy      string
}

// Error lists all problems in one sentence; of a long list its beginning and
// how many there are.
func (e *BindError) Error() string {
	var parts []string
	parts = append(parts, e.Differences...)
	add := func(kind error, items []string) {
		if len(items) > 0 {
			parts = append(parts, fmt.Sprintf("%v: %s", kind, some(items)))
		}
	}
	add(ErrMissing, e.Missing)
	add(ErrUnexpected, e.Unexpected)
	var shapes, values []string
	for _, m := range e.Mismatched {
		shapes = append(shapes, fmt.Sprintf("%s is %s %v, want floating point %v", m.Name, m.DType, m.Got, m.Want))
	}
	add(ErrShape, shapes)
	for _, n := range e.NonFinite {
		values = append(values, fmt.Sprintf("%s has %v at element %d (%d in all)", n.Name, n.Value, n.Index, n.Count))
	}
	add(ErrNonFinite, values)
	text := fmt.Sprintf("%s: %s (%s) does not fit: %s", cmp.Or(e.Package, "swin"), e.File, e.Family, strings.Join(parts, "; "))
	if e.Remedy != "" {
		text += "; " + e.Remedy
	}
	return text
}

// Unwrap returns the sentinels of the lists that are not empty.
func (e *BindError) Unwrap() []error {
	var kinds []error
	add := func(kind error, n int) {
		if n > 0 {
			kinds = append(kinds, kind)
		}
	}
	add(ErrMissing, len(e.Missing))
	add(ErrUnexpected, len(e.Unexpected))
	add(ErrShape, len(e.Mismatched))
	add(ErrNonFinite, len(e.NonFinite))
	return kinds
}

// some joins a list, cutting a long one.
func some(items []string) string {
	const most = 20
	if len(items) <= most {
		return strings.Join(items, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(items[:most], ", "), len(items)-most)
}
