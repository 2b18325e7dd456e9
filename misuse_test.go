package glipvk_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/picture"
)

// What was never opened answers every method without a panic, with an error where there is room for one.
func TestNeverOpened(t *testing.T) {
	failure := reflect.TypeFor[error]()
	for _, of := range []any{
		(*glipvk.Detector)(nil), &glipvk.Detector{}, (*glipvk.Backbone)(nil), &glipvk.Backbone{}, (*glipvk.Sight)(nil), &glipvk.Sight{},
		(*executor.Executor)(nil), &executor.Executor{},
	} {
		v := reflect.ValueOf(of)
		for i := range v.NumMethod() {
			if slices.Contains([]string{"Known", "Heard", "CountPrograms", "Blind", "Same"}, v.Type().Method(i).Name) {
				continue // of tests
			}
			name := fmt.Sprintf("%T nil %v %s", of, v.IsNil(), v.Type().Method(i).Name)
			t.Run(name, func(t *testing.T) {
				m := v.Method(i)
				var args []reflect.Value
				for k := range m.Type().NumIn() {
					in := m.Type().In(k)
					switch {
					case m.Type().IsVariadic() && k == m.Type().NumIn()-1:
						if in.Elem() == reflect.TypeFor[picture.Picture]() {
							args = append(args, reflect.ValueOf(picture.Picture{Height: 1, Width: 1, Pixels: make([]uint8, 3)}))
						}
					case in == reflect.TypeFor[context.Context]():
						args = append(args, reflect.ValueOf(t.Context()))
					case in == reflect.TypeFor[glipvk.Query]():
						args = append(args, reflect.ValueOf(glipvk.Query{Classes: []string{"cat"}}))
					case in == reflect.TypeFor[[3]int]():
						args = append(args, reflect.ValueOf([3]int{1, 1, 1}))
					default:
						args = append(args, reflect.Zero(in))
					}
				}
				for _, out := range m.Call(args) {
					if out.Type() == failure && out.IsNil() {
						t.Error("no error")
					}
					switch s := out.Interface().(type) {
					case iter.Seq2[glipvk.Found, error]:
						err := errors.New("nothing")
						for _, err = range s {
						}
						checkClosed(t, err)
					case iter.Seq2[glipvk.StreamResult, error]:
						err := errors.New("nothing")
						for _, err = range s {
						}
						checkClosed(t, err)
					case error:
						checkClosed(t, s)
					}
				}
			})
		}
	}
	var d *glipvk.Detector
	for load := range d.Files("testdata/pictures/chelsea.png") {
		_, err := load(t.Context())
		checkClosed(t, err)
	}
}

func checkClosed(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, glipvk.ErrClosed) || !strings.Contains(err.Error(), "never opened") {
		t.Errorf("the error is %v", err)
	}
}

// openNano opens a small backbone.
func openNano(t *testing.T) *glipvk.Backbone {
	t.Helper()
	b, err := glipvk.OpenBackbone(t.Context(), "", glipvk.BackboneOptions{Options: glipvk.Options{Device: "cpu"}, Arch: nano()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// A stream that says nothing of its elements is refused, as are batches that no memory holds.
func TestZeroStream(t *testing.T) {
	var zero executor.Streaming[int, int]
	for _, err := range zero.Run(t.Context(), func(func(executor.Load[int]) bool) {}) {
		if !errors.Is(err, glipvk.ErrInput) {
			t.Error(err)
		}
	}
	b := openNano(t)
	for _, o := range []glipvk.StreamOptions{{Batch: -1}, {Loaders: -1}, {Batch: math.MaxInt}, {Loaders: 1 << 40}} {
		n := 0
		for _, err := range b.Stream(t.Context(), b.Files("none.png"), o) {
			if n++; !errors.Is(err, glipvk.ErrInput) || !strings.Contains(err.Error(), "want 1 to") {
				t.Errorf("%+v: %v", o, err)
			}
		}
		if n != 1 {
			t.Errorf("%+v: %d results", o, n)
		}
	}
	for _, err := range b.Stream(t.Context(), slices.Values([]glipvk.Load{nil}), glipvk.StreamOptions{}) {
		if !errors.Is(err, glipvk.ErrInput) {
			t.Errorf("an element that is nil: %v", err)
		}
	}
	for _, err := range b.Stream(t.Context(), nil, glipvk.StreamOptions{}) {
		if !errors.Is(err, glipvk.ErrInput) {
			t.Errorf("no sequence: %v", err)
		}
	}
}

// Options that mean nothing are refused before anything is read, and the error says which and what is wanted.
func TestAbsurdOptions(t *testing.T) {
	common := map[string]glipvk.Options{
		"Programs": {Programs: -1}, "MaxSide": {Limits: picture.Limits{MaxSide: -1}}, "MaxPixels": {Limits: picture.Limits{MaxPixels: -1}},
		"MaxMemory": {Limits: picture.Limits{MaxMemory: -7}}, "precision": {Precision: "f8"}, "abacus": {Device: "abacus"}, "seed": {Weights: "synthetic:-1"},
	}
	for name, o := range common {
		_, one := glipvk.OpenBackbone(t.Context(), "GLIP-T", glipvk.BackboneOptions{Options: o})
		_, two := glipvk.OpenDetector(t.Context(), "GLIP-T", glipvk.DetectorOptions{Options: o})
		_, three := glipvk.OpenDevice(t.Context(), o)
		for i, err := range []error{one, two, three} {
			if o.Weights != "" && i == 2 {
				continue // a device has none
			}
			if name == "abacus" && errors.Is(err, engine.ErrNoDevice) {
				continue // where there is none, no name of one is known to be wrong
			}
			if !errors.Is(err, glipvk.ErrInput) || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	nan, inf := math.NaN(), math.Inf(1)
	for i, o := range map[string]glipvk.DetectorOptions{
		"IoU is -1": {IoU: -1}, "IoU is NaN": {IoU: nan}, "IoU is +Inf": {IoU: inf}, "Threshold is NaN": {Threshold: nan}, "Threshold is -0.1": {Threshold: -0.1},
		"Threshold is 1.5": {Threshold: 1.5}, "Probability is NaN": {Probability: nan}, "Probability is 2": {Probability: 2}, "Aggregate is 9": {Aggregate: 9},
		"Aggregate is -1": {Aggregate: -1}, "Max is -1": {Max: -1}, "PerLevel is -1": {PerLevel: -1}, "Pictures is -1": {Pictures: -1}, "Captions is -2": {Captions: -2},
		`"a"] is NaN`: {Overrides: map[string]float32{"a": float32(nan)}}, "detector size -1": {Size: picture.DetectorSize{Short: -1}},
	} {
		if _, err := glipvk.OpenDetector(t.Context(), "GLIP-T", o); !errors.Is(err, glipvk.ErrInput) || !strings.Contains(err.Error(), i) || strings.Contains(err.Error(), "--") {
			t.Errorf("%s: %v", i, err)
		}
	}
	for i, o := range map[string]glipvk.BackboneOptions{
		"Size": {Size: glipvk.Size{Height: -1, Width: 3}}, "stage -1": {OutIndices: []int{-1}}, "out_indices": {OutIndices: []int{2, 1}},
	} {
		if _, err := glipvk.OpenBackbone(t.Context(), "GLIP-T", o); !errors.Is(err, glipvk.ErrInput) || !strings.Contains(err.Error(), i) {
			t.Errorf("%s: %v", i, err)
		}
	}
	if _, err := picture.Open(t.Context(), "testdata/pictures/chelsea.png", picture.Limits{MaxSide: -1}); err == nil || !strings.Contains(err.Error(), "MaxSide -1") {
		t.Errorf("a picture within limits of -1: %v", err)
	}
	b := openNano(t)
	for _, size := range []glipvk.InputSize{{}, {Batch: -1, Height: 128, Width: 128}, {Batch: 1, Height: -128, Width: 128}, {Batch: 1, Height: math.MaxInt, Width: math.MaxInt}} {
		_, room := b.Room(t.Context(), size)
		_, stats := b.Stats(t.Context(), size)
		_, counts := b.Counts(size)
		for _, err := range []error{room, stats, counts, b.Prepare(t.Context(), size)} {
			if !errors.Is(err, glipvk.ErrInput) {
				t.Errorf("%+v: %v", size, err)
			}
		}
	}
}

// Both models are found by one catalogue, however their names are spelled.
func TestOneCatalogue(t *testing.T) {
	for name, want := range map[string][2]string{
		"GLIP-T": {"swin-t_glip-pre_3rdparty", "glip-t"}, "glip_t": {"swin-t_glip-pre_3rdparty", "glip-t"}, "Swin-T_GLIP-pre_3rdparty": {"swin-t_glip-pre_3rdparty", "glip-t"},
		"glip-l": {"swin-l_glip-pre_3rdparty_384px", "glip-l"}, "GLIP L": {"swin-l_glip-pre_3rdparty_384px", "glip-l"},
		"SWIN-L_GLIP-PRE_3RDPARTY_384PX": {"swin-l_glip-pre_3rdparty_384px", "glip-l"}, "GLIP-T-A": {"swin-t_glip-pre_3rdparty", "glip-t-a"}, "glip_t_a": {"swin-t_glip-pre_3rdparty", "glip-t-a"},
	} {
		b, err := glipvk.LookupBackbone(name)
		d, failed := glipvk.LookupDetector(name)
		if err != nil || failed != nil || b.Name != want[0] || d.Name != want[1] || b.Detector != nil || d.Detector == nil {
			t.Errorf("%s is %q, %v and %q, %v, want %v", name, b.Name, err, d.Name, failed, want)
		}
	}
	for _, name := range []string{"", "-", "glip", "glip-x", "glip-l-a", "a"} {
		_, err := glipvk.LookupBackbone(name)
		_, failed := glipvk.LookupDetector(name)
		if !errors.Is(err, glipvk.ErrInput) || !errors.Is(failed, glipvk.ErrInput) || !strings.Contains(failed.Error(), "glip-t") {
			t.Errorf("%q: %v, %v", name, err, failed)
		}
	}
}
