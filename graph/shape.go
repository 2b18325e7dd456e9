package graph

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
)

// ErrShape is wrapped by every error about sizes that do not fit an operation.
// Cause: an input, a weight or a configuration of another size than the
// operation needs. Remedy: the message names the path, the operation and the shapes.
var ErrShape = errors.New("shapes do not fit")

// Shape lists the sizes of a value, slowest first; elements are stored row-major.
type Shape []int

// Elements is the number of elements, 1 for the empty shape.
func (s Shape) Elements() int {
	n := 1
	for _, d := range s {
		n *= d
	}
	return n
}

// Equal reports whether both shapes have the same rank and sizes.
func (s Shape) Equal(t Shape) bool { return slices.Equal(s, t) }

// Last is the size of the fastest dimension, 1 for the empty shape.
func (s Shape) Last() int {
	if len(s) == 0 {
		return 1
	}
	return s[len(s)-1]
}

// Rows is the number of runs of Last elements.
func (s Shape) Rows() int {
	if len(s) == 0 {
		return 1
	}
	return s[:len(s)-1].Elements()
}

// String prints the shape as [1 56 56 96].
func (s Shape) String() string {
	parts := make([]string, len(s))
	for i, d := range s {
		parts[i] = strconv.Itoa(d)
	}
	return "[" + strings.Join(parts, " ") + "]"
}

// check refuses sizes below one and products that no machine could hold.
func (s Shape) check() error {
	total := 1
	for _, d := range s {
		if d < 1 {
			return must(false, "%v has a size below 1", s)
		}
		if total > math.MaxInt/4/d {
			return must(false, "%v has too many elements", s)
		}
		total *= d
	}
	return nil
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
