package graph

import (
	"errors"
	"fmt"
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
			return fmt.Errorf("%w: %v has a size below 1", ErrShape, s)
		}
		if total > math.MaxInt64/4/d {
			return fmt.Errorf("%w: %v has too many elements", ErrShape, s)
		}
		total *= d
	}
	return nil
}

// Infer is the shape of what op makes of operands of the given shapes, for those who
// rewrite a graph; recording infers by itself. The error wraps [ErrShape].
func Infer(op Op, operands ...Shape) (Shape, error) {
	least, most := 1, 1
	if o, ok := op.(interface{ takes() (least, most int) }); ok {
		least, most = o.takes()
	}
	if n := len(operands); n < least || n > most {
		return refuse("%d operands, want %d to %d", n, least, most)
	}
	shape, err := op.infer(operands)
	if err == nil {
		err = shape.check()
	}
	if err != nil {
		return nil, err
	}
	return shape, nil
}

// refuse builds the error of a broken shape rule.
func refuse(format string, args ...any) (Shape, error) {
	return nil, fmt.Errorf("%w: %s", ErrShape, fmt.Sprintf(format, args...))
}

// ranked checks that a shape has the given rank.
func ranked(x Shape, rank int, letters string) error {
	if len(x) != rank {
		return fmt.Errorf("%w: operand is %v, want %s", ErrShape, x, letters)
	}
	return nil
}

// isMap checks that a shape is [B, H, W, C].
func isMap(x Shape) error { return ranked(x, 4, "[B, H, W, C]") }

// finite checks a factor.
func finite(scale float64) error {
	if math.IsNaN(scale) || math.IsInf(scale, 0) {
		return fmt.Errorf("%w: scale %g, want a finite number", ErrShape, scale)
	}
	return nil
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
