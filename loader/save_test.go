package loader_test

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/loader"
)

// TestSave: what is saved is read again, names in order, from both formats.
func TestSave(t *testing.T) {
	list := []loader.Saved{}
	want := map[string][]float32{}
	for name, shape := range map[string][]int{"b.weight": {2, 3}, "a": {1}, "scalar": {}, "Å.bias": {4, 1, 1}} {
		n := 1
		for _, d := range shape {
			n *= d
		}
		for i := range n {
			want[name] = append(want[name], float32(i)+0.5)
		}
		list = append(list, loader.Saved{Name: name, Shape: shape, Data: func() ([]float32, error) { return want[name], nil }})
	}
	for ending, save := range map[string]func(io.Writer) error{
		"safetensors": func(w io.Writer) error { return loader.SaveSafetensors(w, map[string]string{"format": "pt"}, list) },
		"pth": func(w io.Writer) error {
			return loader.SavePickle(w, map[string]string{"format": "pt"}, loader.SavedEntry{"model", list}, loader.SavedEntry{"model_ema", list[:2]})
		},
		"bare.pth": func(w io.Writer) error {
			return loader.SavePickle(w, map[string]string{"format": "pt"}, loader.SavedEntry{"", list})
		},
	} {
		var b bytes.Buffer
		if err := save(&b); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "saved."+ending)
		if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := loader.Open(path)
		if err != nil {
			t.Fatalf("%s: %v", ending, err)
		}
		if want := map[string]string{"pth": "model"}[ending]; c.Wrapper() != want {
			t.Errorf("%s: the tensors are in %q, want %q", ending, c.Wrapper(), want)
		}
		names := c.Names()
		for _, s := range list {
			shape, ok := c.Shape(s.Name)
			got := make([]float32, len(want[s.Name]))
			if err := c.Read(s.Name, got); err != nil || !ok || !slices.Equal(shape, s.Shape) || !slices.Equal(got, want[s.Name]) {
				t.Errorf("%s: %s is %v %v, %v; want %v %v", ending, s.Name, shape, got, err, s.Shape, want[s.Name])
			}
		}
		if len(names) != len(list) || !maps.Equal(c.Metadata(), map[string]string{"format": "pt"}) {
			t.Errorf("%s: names %v, metadata %v", ending, names, c.Metadata())
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	short := []loader.Saved{{Name: "a", Shape: []int{2}, Data: func() ([]float32, error) { return []float32{1}, nil }}}
	if loader.SavePickle(io.Discard, nil, loader.SavedEntry{"model", short}) == nil || loader.SaveSafetensors(io.Discard, nil, short) == nil {
		t.Error("a tensor that is too short was saved")
	}
}

// TestSaveHalf: numbers of 16 bits keep their bits, others become the nearest, ties the even one; what is too large is an error.
func TestSaveHalf(t *testing.T) {
	var values, want []float32
	add := func(value, rounded float64) {
		values, want = append(values, float32(value), float32(-value)), append(want, float32(rounded), float32(-rounded))
	}
	for exponent := -24; exponent <= 15; exponent++ {
		step := math.Ldexp(1, max(exponent, -14)-10) // between neighbours
		for _, v := range []float64{math.Ldexp(1, exponent), math.Ldexp(1, exponent) + 2*step} {
			add(v, v)
			add(v+0.25*step, v)
			add(v+0.75*step, v+step)
			add(v+0.5*step, v+step*math.Mod(v/step, 2)) // a tie
		}
	}
	add(65519.99, 65504)
	add(math.Ldexp(1, -26), 0)
	add(math.Inf(1), math.Inf(1))
	half := loader.Saved{Name: "x", Shape: []int{len(values)}, DType: loader.Float16, Data: func() ([]float32, error) { return values, nil }}
	for ending, save := range map[string]func(io.Writer) error{
		"safetensors": func(w io.Writer) error { return loader.SaveSafetensors(w, nil, []loader.Saved{half}) },
		"pth": func(w io.Writer) error {
			return loader.SavePickle(w, nil, loader.SavedEntry{"model", []loader.Saved{half}})
		},
	} {
		var b bytes.Buffer
		if err := save(&b); err != nil {
			t.Fatal(err)
		}
		c, err := loader.Read(bytes.NewReader(b.Bytes()), int64(b.Len()), "half."+ending)
		if err != nil {
			t.Fatal(err)
		}
		_, got, err := c.Tensor("x")
		if err != nil || c.DType("x") != "float16" || c.Metadata() != nil {
			t.Fatalf("%s: %s, %v, metadata %v", ending, c.DType("x"), err, c.Metadata())
		}
		for i, v := range got {
			if math.Float32bits(v) != math.Float32bits(want[i]) {
				t.Errorf("%s: %g becomes %g, want %g", ending, values[i], v, want[i])
			}
		}
	}
}

// TestSaveBrain: numbers of bfloat16 keep their bits, others become the nearest, the even one of a tie.
func TestSaveBrain(t *testing.T) {
	bits := func(b uint32) float32 { return math.Float32frombits(b) }
	values := []float32{1, -2.5, bits(0x3f808000), bits(0x3f818000), bits(0xbf808001), bits(0x7f7f0000), bits(1 << 16), 0, float32(math.Inf(-1))}
	want := []float32{1, -2.5, 1, bits(0x3f820000), bits(0xbf810000), bits(0x7f7f0000), bits(1 << 16), 0, float32(math.Inf(-1))}
	brain := loader.Saved{Name: "x", Shape: []int{len(values)}, DType: loader.BFloat16, Data: func() ([]float32, error) { return values, nil }}
	for ending, save := range map[string]func(io.Writer) error{
		"safetensors": func(w io.Writer) error { return loader.SaveSafetensors(w, nil, []loader.Saved{brain}) },
		"pth": func(w io.Writer) error {
			return loader.SavePickle(w, nil, loader.SavedEntry{"model", []loader.Saved{brain}})
		},
	} {
		var b bytes.Buffer
		if err := save(&b); err != nil {
			t.Fatal(err)
		}
		c, err := loader.Read(bytes.NewReader(b.Bytes()), int64(b.Len()), "brain."+ending)
		if err != nil {
			t.Fatal(err)
		}
		if _, got, err := c.Tensor("x"); err != nil || c.DType("x") != "bfloat16" || !slices.Equal(got, want) {
			t.Errorf("%s: %s %v, %v, want %v", ending, c.DType("x"), got, err, want)
		}
	}
}

// TestSaveTypes: what 16 bits hold is known beforehand, and other types are refused by name.
func TestSaveTypes(t *testing.T) {
	inf := float32(math.Inf(1))
	for d, ends := range map[loader.DType][2]float32{
		loader.Float16: {65519.99, 65520}, loader.BFloat16: {math.Float32frombits(0x7f7f7fff), math.Float32frombits(0x7f7f8000)}, loader.Float32: {math.MaxFloat32, float32(math.NaN())},
	} {
		if !d.Holds(ends[0]) || !d.Holds(-ends[0]) || !d.Holds(inf) || d.Holds(ends[1]) != (d == loader.Float32) {
			t.Errorf("%s: holds %g: %v, %g: %v", d, ends[0], d.Holds(ends[0]), ends[1], d.Holds(ends[1]))
		}
	}
	whole := []loader.Saved{{Name: "a", DType: loader.Int64, Data: func() ([]float32, error) { return []float32{1}, nil }}}
	for _, err := range []error{loader.SaveSafetensors(io.Discard, nil, whole), loader.SavePickle(io.Discard, nil, loader.SavedEntry{"model", whole})} {
		if err == nil || !strings.Contains(err.Error(), `a is to be saved as "int64", want float32`) {
			t.Errorf("whole numbers: %v", err)
		}
	}
}

// TestSaveHalfEnds: what 16 bits cannot hold is an error, and what is no number stays none.
func TestSaveHalfEnds(t *testing.T) {
	for _, large := range []float32{65520, -1e9} {
		beyond := loader.Saved{Name: "big", DType: loader.Float16, Data: func() ([]float32, error) { return []float32{large}, nil }}
		if err := loader.SaveSafetensors(io.Discard, nil, []loader.Saved{beyond}); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("big: %g ", large)) {
			t.Errorf("%g: %v", large, err)
		}
	}
	none := loader.Saved{Name: "none", DType: loader.Float16, Data: func() ([]float32, error) { return []float32{float32(math.NaN())}, nil }}
	var b bytes.Buffer
	if err := loader.SaveSafetensors(&b, nil, []loader.Saved{none}); err != nil {
		t.Fatal(err)
	}
	c, err := loader.Read(bytes.NewReader(b.Bytes()), int64(b.Len()), "nan.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	if _, got, err := c.Tensor("none"); err != nil || got[0] == got[0] {
		t.Errorf("NaN becomes %v, %v", got, err)
	}
}
