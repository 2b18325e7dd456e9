package bind_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/bind"
)

// tensor is one of a file in memory.
type tensor struct {
	dtype string
	shape []int
	data  []float32
}

type file map[string]tensor

func (f file) Names() []string                 { return slices.Sorted(maps.Keys(f)) }
func (f file) Shape(name string) ([]int, bool) { t, ok := f[name]; return t.shape, ok }
func (f file) DType(name string) string        { return f[name].dtype }
func (f file) Path() string                    { return "some.pth" }
func (f file) Read(name string, into []float32) error {
	if n := len(f[name].data); n != len(into) {
		return fmt.Errorf("%s has %d elements, %d were asked for", name, n, len(into))
	}
	copy(into, f[name].data)
	return nil
}

func count(from, n int) []float32 {
	data := make([]float32, n)
	for i := range data {
		data[i] = float32(from + i)
	}
	return data
}

// some is a file of three parameters, one of them in two parts, one in another shape.
func some() file {
	return file{
		"one":   {"float32", []int{2, 3}, count(0, 6)},
		"upper": {"float16", []int{1, 2}, count(10, 2)},
		"lower": {"float32", []int{1, 2}, count(20, 2)},
		"turn":  {"float64", []int{4}, count(30, 4)},
		"index": {"int64", []int{4}, nil},
	}
}

// planOf is the plan of a model for some file.
func planOf(f file) bind.Plan {
	m := &bind.NameMap{Family: "some", Keys: map[string][]string{}, Ignored: []bind.IgnoredKey{{Key: "index", Reason: "a buffer"}}}
	for _, key := range f.Names() {
		switch key {
		case "upper":
			m.Claim("both", 0, 2, key)
		case "lower":
			m.Claim("both", 1, 2, key)
		case "index":
		default:
			m.Claim(strings.TrimPrefix(key, "module."), 0, 1, key)
		}
	}
	backwards := func(shape []int, r bind.Resize) (bind.Form, bool) {
		return func(data []float32) []float32 { slices.Reverse(data); return data }, len(shape) == 1 && shape[0] == 4
	}
	return bind.Plan{
		Model: "model", Names: m,
		Parameters: []bind.Parameter{
			{Name: "one", Shape: []int{2, 3}, Keys: m.Keys["one"], IfMissing: "look for one"},
			{Name: "both", Shape: []int{2, 2}, Keys: m.Keys["both"], Order: slices.Reverse[[]float32]},
			{Name: "turn", Shape: []int{2, 2}, Keys: m.Keys["turn"], Accept: backwards, IfShape: "turn it"},
		},
		Spare: func(name string) string {
			if name == "spare" {
				return "not wanted"
			}
			return ""
		},
	}
}

// TestTensor: parts are joined, forms and orders applied, and the memory is the caller's.
func TestTensor(t *testing.T) {
	f := some()
	f["spare"] = tensor{"float32", []int{1}, count(0, 1)}
	w, err := bind.Bind(f, planOf(f), bind.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]float32{"one": count(0, 6), "both": {21, 20, 11, 10}, "turn": {33, 32, 31, 30}} {
		shape, _ := w.Shape(name)
		got, err := w.Tensor(name, shape)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s is %v, %v; want %v", name, got, err, want)
		}
		again, err := w.Tensor(name, shape)
		if err != nil || &again[0] == &got[0] {
			t.Errorf("%s: %v, or memory that is in use", name, err)
		}
	}
	if ignored := w.Ignored(); len(ignored) != 2 || ignored[1] != (bind.IgnoredKey{Key: "spare", Reason: "not wanted"}) {
		t.Errorf("ignored %v", ignored)
	}
	if keys := w.Keys("both"); !slices.Equal(keys, []string{"upper", "lower"}) || w.Family() != "some" || !slices.Equal(w.Names(), []string{"one", "both", "turn"}) {
		t.Errorf("%v %v %v", keys, w.Family(), w.Names())
	}
	for _, row := range []struct {
		name  string
		shape []int
		want  error
	}{{"none", nil, bind.ErrMissing}, {"one", []int{3, 2}, bind.ErrShape}, {"one", nil, bind.ErrShape}} {
		if _, err := w.Tensor(row.name, row.shape); !errors.Is(err, row.want) {
			t.Errorf("%s %v: got %v, want %v", row.name, row.shape, err, row.want)
		}
	}
}

// TestProblems: each problem is listed with its kind and what helps against it alone.
func TestProblems(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(file, *bind.Plan)
		kinds  []error
		words  []string
	}{
		{"missing", func(f file, _ *bind.Plan) { delete(f, "one") }, []error{bind.ErrMissing}, []string{"model: some.pth (some) does not fit", "one", "look for one"}},
		{"half missing", func(f file, _ *bind.Plan) { delete(f, "lower") }, []error{bind.ErrMissing}, []string{"missing: both", "complete checkpoint"}},
		{"shape", func(f file, _ *bind.Plan) { f["turn"] = tensor{"float32", []int{5}, nil} }, []error{bind.ErrShape},
			[]string{"turn is float32 [5], want floating point [2 2]", "turn it"}},
		{"shape and missing", func(f file, _ *bind.Plan) { f["turn"] = tensor{"float32", []int{5}, nil}; delete(f, "one") },
			[]error{bind.ErrShape, bind.ErrMissing}, []string{"complete checkpoint"}},
		{"whole numbers", func(f file, _ *bind.Plan) { f["one"] = tensor{"int64", []int{2, 3}, nil} }, []error{bind.ErrShape}, []string{"int64", "in floating point"}},
		{"part", func(f file, _ *bind.Plan) { f["upper"] = tensor{"float32", []int{2, 2}, nil} }, []error{bind.ErrShape}, []string{"both is float32 [2 2], want floating point [1 2]"}},
		{"unexpected", func(f file, _ *bind.Plan) { f["more"] = tensor{"float32", []int{1}, nil} }, []error{bind.ErrUnexpected}, []string{"more", "this model alone"}},
		{"twice", func(f file, _ *bind.Plan) { f["module.one"] = f["one"] }, []error{bind.ErrUnexpected}, []string{"one (beside module.one)"}},
		{"fact", func(_ file, p *bind.Plan) {
			p.Facts = func() ([]bind.Fact, string, error) {
				return []bind.Fact{{Key: "index", Got: "5", Want: "4"}}, "state 5", nil
			}
			p.Differences = func() []string { return []string{"colour: red, not blue"} }
		}, []error{bind.ErrFact}, []string{"index is 5, want 4", "state 5", "colour"}},
	} {
		f := some()
		var late bind.Plan
		row.change(f, &late)
		p := planOf(f)
		p.Facts, p.Differences = late.Facts, late.Differences
		_, err := bind.Bind(f, p, bind.Options{})
		var problems *bind.Error
		if !errors.As(err, &problems) {
			t.Errorf("%s: got %v", row.name, err)
			continue
		}
		if kinds := problems.Unwrap(); len(kinds) != len(row.kinds) {
			t.Errorf("%s: kinds %v, want %v", row.name, kinds, row.kinds)
		}
		for _, kind := range row.kinds {
			if !errors.Is(err, kind) {
				t.Errorf("%s is no %v: %v", row.name, kind, err)
			}
		}
		for _, word := range row.words {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: no %q in: %v", row.name, word, err)
			}
		}
	}
	unread := errors.New("unread")
	p := planOf(some())
	p.Facts = func() ([]bind.Fact, string, error) { return nil, "", unread }
	if _, err := bind.Bind(some(), p, bind.Options{}); !errors.Is(err, unread) {
		t.Errorf("a fact that cannot be read: %v", err)
	}
}

// TestValues: what is not finite is found where it is read, all of it by Check and by an
// intake, and a report says how large the rest is.
func TestValues(t *testing.T) {
	f := some()
	f["one"].data[4] = float32(math.NaN())
	f["lower"].data[1] = float32(math.Inf(-1))
	f["turn"].data[2] = -70000
	w, err := bind.Bind(f, planOf(f), bind.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Tensor("one", []int{2, 3}); !errors.Is(err, bind.ErrNonFinite) || !strings.Contains(err.Error(), "one has NaN at element 4 (1 in all)") {
		t.Error(err)
	}
	report, err := w.Check(t.Context())
	var problems *bind.Error
	if !errors.As(err, &problems) || len(problems.NonFinite) != 2 || !strings.Contains(err.Error(), "both has -Inf at element 0") {
		t.Error(err)
	}
	if report != (bind.Report{Largest: 70000, Name: "turn"}) {
		t.Errorf("%+v", report)
	}
	in := &bind.Intake{From: w}
	for _, name := range w.Names() {
		shape, _ := w.Shape(name)
		data, err := in.Tensor(name, shape)
		if err != nil || name != "turn" && !slices.Equal(data, make([]float32, len(data))) {
			t.Errorf("%s: %v, %v", name, data, err)
		}
	}
	if _, err := in.Tensor("none", []int{1}); err != nil {
		t.Error(err)
	}
	err = in.Err()
	if !errors.As(err, &problems) || len(problems.NonFinite) != 2 || !errors.Is(err, bind.ErrMissing) {
		t.Error(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.Check(ended); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	w, err = bind.Bind(f, planOf(f), bind.Options{AllowNonFinite: true})
	if err == nil {
		_, err = w.Check(t.Context())
	}
	if err != nil {
		t.Errorf("allowed: %v", err)
	}
}

// TestLargest agrees with a plain loop wherever the largest stands, NaN above all.
func TestLargest(t *testing.T) {
	if v := bind.Largest(nil); v != 0 {
		t.Errorf("of nothing: %v", v)
	}
	data := count(0, 1<<19+3)
	for _, n := range []int{1, 2, 3, 4, 5, 7, len(data)} {
		for _, at := range []int{0, n / 2, n - 1} {
			for _, v := range []float32{-1e9, 1e9, float32(math.Inf(1)), float32(math.Inf(-1))} {
				x := slices.Clone(data[:n])
				x[at] = v
				if got := bind.Largest(x); got != float32(math.Abs(float64(v))) {
					t.Errorf("%d elements, %v at %d: %v", n, v, at, got)
				}
				x[(at+1)%n] = float32(math.NaN())
				if got := bind.Largest(x); !math.IsNaN(float64(got)) {
					t.Errorf("%d elements with NaN: %v", n, got)
				}
			}
		}
	}
}

// TestRelease: reading a model needs memory for a tensor, not for all of them, where each
// is given back.
func TestRelease(t *testing.T) {
	const tensors, elements = 64, 1 << 18 // 1 MiB each
	f, m := file{}, &bind.NameMap{Keys: map[string][]string{}}
	p := bind.Plan{Names: m}
	for i := range tensors {
		name := fmt.Sprint("w", i)
		f[name] = tensor{"float32", []int{elements}, count(0, elements)}
		m.Claim(name, 0, 1, name)
		p.Parameters = append(p.Parameters, bind.Parameter{Name: name, Shape: []int{elements}, Keys: m.Keys[name]})
	}
	w, err := bind.Bind(f, p, bind.Options{})
	if err != nil {
		t.Fatal(err)
	}
	in := &bind.Intake{From: w}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, name := range w.Names() {
		data, err := in.Tensor(name, []int{elements})
		if err != nil || data[elements-1] != elements-1 {
			t.Fatal(err)
		}
		in.Release(data)
	}
	runtime.ReadMemStats(&after)
	if got := (after.TotalAlloc - before.TotalAlloc) >> 20; got > tensors/2 {
		t.Errorf("%d MiB were taken for %d tensors of 1 MiB", got, tensors)
	}
}

// Matrices of zeros are told of once they are read, those with a hole once they are checked.
func TestZeros(t *testing.T) {
	const rows, columns = 8, 1 << 10
	matrix := func(from, to int) tensor {
		data := count(1, rows*columns)
		clear(data[from:to])
		return tensor{"float32", []int{rows, columns}, data}
	}
	f := file{
		"sound": matrix(0, 0), "short": matrix(1000, 1000+4095), "hole": matrix(1001, 1001+4096), "end": matrix(4096, 8192),
		"all": matrix(0, 8192), "bias": {"float32", []int{9000}, make([]float32, 9000)},
	}
	m := &bind.NameMap{Family: "some", Keys: map[string][]string{}}
	p := bind.Plan{Model: "model", Names: m}
	for _, key := range f.Names() {
		m.Claim(key, 0, 1, key)
		p.Parameters = append(p.Parameters, bind.Parameter{Name: key, Shape: f[key].shape, Keys: m.Keys[key]})
	}
	w, err := bind.Bind(f, p, bind.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range p.Parameters {
		if _, err := w.Tensor(q.Name, q.Shape); err != nil {
			t.Error(err)
		}
	}
	if got := w.Zeros(); !slices.Equal(got, []string{"all"}) {
		t.Errorf("read: %q", got)
	}
	if _, err := w.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if got := w.Zeros(); !slices.Equal(got, []string{"all", "end", "hole"}) {
		t.Errorf("checked: %q", got)
	}
}
