package graph

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// taker is an operation that does not take one value of any shape. What it takes, where there are
// n operands, is written a letter a size, "BHWC" for [B, H, W, C]: sizes of one letter are equal, a
// digit is a size, and "*" stands for any number of sizes.
type taker interface{ takes(n int) []string }

// optional is what an operation takes that can do without its last operand.
func optional(n int, forms ...string) []string {
	if n == len(forms)-1 {
		return forms[:n]
	}
	return forms
}

// checked is an operation with more to ask of its attributes and operands, whose shapes are those
// that it takes.
type checked interface {
	valid(in []Shape, s *sizes) error
}

// sizes are those that letters stand for, 0 for none.
type sizes [128]int

// infer is the shape of what op makes of operands of the given shapes. The error wraps [ErrShape].
func (s *sizes) infer(op Op, operands ...Shape) (Shape, error) {
	takes := []string{"*"}
	if o, ok := op.(taker); ok {
		takes = o.takes(len(operands))
	}
	err := s.fit(takes, operands)
	if o, ok := op.(checked); ok && err == nil {
		err = o.valid(operands, s)
	}
	if err != nil {
		return nil, err
	}
	shape := op.infer(operands, s)
	return shape, shape.check()
}

// fit finds the sizes that letters stand for, and refuses operands that are not what takes says.
func (s *sizes) fit(takes []string, in []Shape) error {
	if len(in) != len(takes) {
		return must(false, "%d operands, want %v", len(in), takes)
	}
	*s = sizes{}
	for digit := range 10 {
		s['0'+digit] = digit
	}
	for i, x := range in {
		if before := *s; !s.take(takes[i], x) {
			return must(false, "operand %d is %v, want %s of %v", i+1, x, before.fill(takes[i]), takes)
		}
	}
	return nil
}

// take says whether a shape has a form, and notes the sizes of new letters.
func (s *sizes) take(form string, x Shape) bool {
	if i := strings.IndexByte(form, '*'); i >= 0 && len(x) >= len(form)-1 {
		form, x = form[:i]+form[i+1:], slices.Concat(x[:i], x[len(x)-len(form)+1+i:])
	}
	if len(form) != len(x) {
		return false
	}
	for i, size := range x {
		known := &s[form[i]]
		if *known == 0 {
			*known = size
		}
		if *known != size {
			return false
		}
	}
	return true
}

// fill is a form in words, with the sizes that are known.
func (s *sizes) fill(form string) string {
	words := strings.Split(form, "")
	for i := range words {
		if n := s[form[i]]; n > 0 {
			words[i] = strconv.Itoa(n)
		}
	}
	return fmt.Sprint(words)
}

// must is the error of a broken rule, nil where ok says that it is kept.
func must(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrShape, fmt.Sprintf(format, args...))
}

// finite checks a factor.
func finite(scale float64) error {
	return must(scale-scale == 0, "scale %g, want a finite number", scale)
}

// positive checks what a norm or a clamp is bounded by.
func positive(name string, value float64) error {
	return must(value > 0 && value <= math.MaxFloat64, "%s %g, want a number above 0", name, value)
}

// headed checks that heads divide a length.
func headed(heads, length int) error {
	return must(heads > 0 && length%max(heads, 1) == 0, "%d heads, which do not divide %d", heads, length)
}
