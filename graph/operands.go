package graph

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// taker is an operation that does not take one value of any shape. What it takes is written as in
// its description: "[B, n, E] [B, m, E] [B, m]?". Sizes of one name are equal, "3C" is three
// times C, a number is itself and "..." any number of sizes; the last operand may be missing where
// a "?" follows, and where a "*" does all of them come once or several times.
type taker interface{ takes() string }

// checked is an operation with more to ask of its attributes and operands, whose shapes are those
// that it takes.
type checked interface {
	valid(in []Shape, s *sizes) error
}

// sizes are those that the names in a taker's shapes, which are letters, stand for.
type sizes struct {
	names  [10]byte
	values [10]int
}

// of is what a name stands for, 0 for nothing yet.
func (s *sizes) of(name byte) int {
	if i := bytes.IndexByte(s.names[:], name); i >= 0 {
		return s.values[i]
	}
	return 0
}

// infer is the shape of what op makes of operands of the given shapes. The error wraps [ErrShape].
func infer(op Op, operands ...Shape) (Shape, error) {
	takes := "[...]"
	if o, ok := op.(taker); ok {
		takes = o.takes()
	}
	s, err := fit(takes, operands)
	if err != nil {
		return nil, err
	}
	if o, ok := op.(checked); ok {
		if err := o.valid(operands, s); err != nil {
			return nil, err
		}
	}
	shape := op.infer(operands, s)
	return shape, shape.check()
}

// form is the shape of an operand in the terms of a taker.
type form struct {
	text  string
	sizes []size
	open  int // how many of sizes come before "...", -1 where that is not in it
}

// size is so many times the size of a name, or the number where there is none.
type size struct {
	times int
	name  byte
}

var (
	formText = regexp.MustCompile(`\[(.*?)\]`)
	sizeText = regexp.MustCompile(`\w+`)
	forms    sync.Map // of []form, by their text
)

// formsOf reads what a taker says.
func formsOf(takes string) []form {
	if known, ok := forms.Load(takes); ok {
		return known.([]form)
	}
	var list []form
	for _, text := range formText.FindAllStringSubmatch(takes, -1) {
		f := form{text: text[0], open: -1}
		for i, word := range strings.Split(text[1], ", ") {
			if word == "..." {
				f.open = i
				continue
			}
			f.sizes = append(f.sizes, sizeOf(word))
		}
		list = append(list, f)
	}
	forms.Store(takes, list)
	return list
}

// sizeOf reads a word of a form.
func sizeOf(word string) size {
	digits := strings.TrimRight(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	w := size{times: 1}
	if digits != "" {
		w.times, _ = strconv.Atoi(digits)
	}
	if len(digits) < len(word) {
		w.name = word[len(digits)]
	}
	return w
}

// number is a size as a number, 0 where its name stands for none yet.
func (s *sizes) number(w size) int {
	if w.name == 0 {
		return w.times
	}
	return w.times * s.of(w.name)
}

// fit finds the sizes that names stand for, and refuses operands that are not what takes says.
func fit(takes string, in []Shape) (*sizes, error) {
	list := formsOf(takes)
	least, most := len(list), len(list)
	switch {
	case strings.HasSuffix(takes, "?"):
		least--
	case strings.HasSuffix(takes, "*"):
		most = math.MaxInt
	}
	if n := len(in); n < least || n > most || n > len(list) && n%len(list) != 0 {
		return nil, must(false, "%d operands, want %s", n, takes)
	}
	s := &sizes{}
	for i, x := range in {
		if f := list[i%len(list)]; !s.take(f, x) {
			before := &sizes{}
			for k := range i {
				before.take(list[k%len(list)], in[k])
			}
			return nil, must(false, "operand %d is %v, want %s of %s", i+1, x, before.fill(f), takes)
		}
	}
	return s, nil
}

// fill is a form in words, with the sizes that are known.
func (s *sizes) fill(f form) string {
	return sizeText.ReplaceAllStringFunc(f.text, func(word string) string {
		if n := s.number(sizeOf(word)); n > 0 {
			return strconv.Itoa(n)
		}
		return word
	})
}

// take says whether a shape has the form, and notes the sizes of new names.
func (s *sizes) take(f form, x Shape) bool {
	if f.open >= 0 && len(x) > len(f.sizes) {
		x = slices.Concat(x[:f.open], x[len(x)-len(f.sizes)+f.open:])
	}
	if len(x) != len(f.sizes) {
		return false
	}
	for i, w := range f.sizes {
		if s.number(w) == 0 {
			free := bytes.IndexByte(s.names[:], 0)
			s.names[free], s.values[free] = w.name, x[i]/w.times
		}
		if s.number(w) != x[i] {
			return false
		}
	}
	return true
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
	if scale-scale == 0 {
		return nil
	}
	return must(false, "scale %g, want a finite number", scale)
}

// positive checks what a norm or a clamp is bounded by.
func positive(name string, value float64) error {
	if value > 0 {
		return nil
	}
	return must(false, "%s %g, want above 0", name, value)
}

// headed checks that heads divide a length.
func headed(heads, length int) error {
	if heads > 0 && length%heads == 0 {
		return nil
	}
	return must(false, "%d heads, which do not divide %d", heads, length)
}
