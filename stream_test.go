package glipvk_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/picture"
)

// elements is a stream of tensors; a nil function stands for an element that fails to load.
func elements(list ...glipvk.Load) iter.Seq[glipvk.Load] {
	return func(yield func(glipvk.Load) bool) {
		for _, l := range list {
			if !yield(l) {
				return
			}
		}
	}
}

var errLoad = errors.New("nothing there")

func gives(t picture.Input) glipvk.Load {
	return func(context.Context) (picture.Input, error) { return t, nil }
}

func fails(context.Context) (picture.Input, error) { return picture.Input{}, errLoad }

// slowly gives t after some milliseconds.
func slowly(t picture.Input, ms int) glipvk.Load {
	return func(context.Context) (picture.Input, error) {
		time.Sleep(time.Duration(ms) * time.Millisecond)
		return t, nil
	}
}

// noGoroutines requires that a test ends with as many goroutines as it began with.
func noGoroutines(t *testing.T) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		for range 200 { // those of the runtime and of drivers may take a moment
			if runtime.NumGoroutine() <= before {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
		stacks := make([]byte, 1<<16)
		t.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
	})
}

// TestStream requires one result for each element, in order, equal to that of the
// element alone, with sizes, batches and failures mixed.
func TestStream(t *testing.T) {
	onEach(t, func(t *testing.T, device string) {
		m := open(t, glipvk.BackboneOptions{PadSmallMap: true, Options: glipvk.Options{Device: device}})
		nan := tensor(1, 64, 64, 9)
		nan.Data[7] = float32(math.NaN())
		list := []picture.Input{
			tensor(1, 64, 64, 1), tensor(1, 64, 64, 2), {}, tensor(1, 64, 64, 3), tensor(1, 48, 80, 4), nan, tensor(2, 64, 64, 5),
			tensor(1, 64, 64, 6), {}, {}, tensor(1, 64, 64, 7), tensor(1, 64, 64, 8),
		}
		var loads []glipvk.Load
		var want []glipvk.Features
		for i, x := range list {
			switch {
			case x.Batch == 0:
				loads, want = append(loads, fails), append(want, nil)
			case i == 5:
				loads, want = append(loads, gives(x)), append(want, nil)
			default:
				loads, want = append(loads, slowly(x, 5*(i%3))), append(want, extract(t, m, x))
			}
		}
		for _, o := range []glipvk.StreamOptions{{}, {Batch: 2}, {Batch: 3, Loaders: 5}, {Batch: 50, Loaders: 1}} {
			t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) {
				noGoroutines(t)
				n, elapsed := 0, time.Duration(0)
				for r, err := range m.Stream(t.Context(), elements(loads...), o) {
					if r.Index != n {
						t.Fatalf("result %d comes as number %d", r.Index, n)
					}
					checkResult(t, r, err, list[n], want[n])
					elapsed += r.Elapsed
					n++
				}
				if elapsed <= 0 {
					t.Errorf("the elements took %v together", elapsed)
				}
				if n != len(list) {
					t.Errorf("%d results for %d elements", n, len(list))
				}
			})
		}
	})
}

func checkResult(t *testing.T, r glipvk.StreamResult, err error, in picture.Input, want glipvk.Features) {
	t.Helper()
	switch {
	case in.Batch == 0:
		if !errors.Is(err, errLoad) {
			t.Errorf("element %d: error %v, want its own", r.Index, err)
		}
	case want == nil:
		if !errors.Is(err, glipvk.ErrInput) || !strings.Contains(err.Error(), "NaN") {
			t.Errorf("element %d: error %v, want one about NaN", r.Index, err)
		}
	case err != nil:
		t.Errorf("element %d: %v", r.Index, err)
	case !near(r.Features, want) || r.Elapsed < 0 || r.Input.Batch != in.Batch:
		t.Errorf("element %d has other features than alone, took %v, input %d", r.Index, r.Elapsed, r.Input.Batch)
	}
}

// near allows for a batch's other order of sums.
func near(a, b glipvk.Features) bool {
	for i := range b {
		if a[i].Name != b[i].Name || fmt.Sprint(a[i].Shape) != fmt.Sprint(b[i].Shape) || len(a[i].Data) != len(b[i].Data) {
			return false
		}
		for k, v := range b[i].Data {
			if !(math.Abs(float64(a[i].Data[k]-v)) <= 1e-4) {
				return false
			}
		}
	}
	return len(a) == len(b)
}

// TestStreamTaps requires the values inside, cut by picture.
func TestStreamTaps(t *testing.T) {
	onEach(t, func(t *testing.T, device string) {
		m := open(t, glipvk.BackboneOptions{Options: glipvk.Options{Device: device}})
		list := []picture.Input{tensor(1, 128, 128, 1), tensor(1, 128, 128, 2), tensor(1, 128, 128, 3)}
		glob := "stages.0.blocks.1.attn.m*"
		o := glipvk.StreamOptions{Batch: 2, Taps: []string{glob}}
		for r, err := range m.Stream(t.Context(), elements(gives(list[0]), gives(list[1]), gives(list[2])), o) {
			if err != nil {
				t.Fatal(err)
			}
			f, taps, err := m.Taps(t.Context(), list[r.Index], glob)
			if err != nil {
				t.Fatal(err)
			}
			if !near(r.Features, f) || !near(r.Taps, taps) || len(r.Taps) != 1 || !r.Taps[0].Shared {
				t.Errorf("element %d: taps differ from those alone", r.Index)
			}
		}
		for _, err := range m.Stream(t.Context(), elements(gives(list[0])), glipvk.StreamOptions{Taps: []string{"nothing"}}) {
			if !errors.Is(err, glipvk.ErrInput) {
				t.Errorf("a glob that matches nothing: %v", err)
			}
		}
	})
}

// endless gives the same tensor for ever and counts.
func endless(x picture.Input, taken *atomic.Int32) iter.Seq[glipvk.Load] {
	return func(yield func(glipvk.Load) bool) {
		for taken.Add(1); yield(gives(x)); taken.Add(1) {
		}
	}
}

// TestStreamBreak requires that leaving the loop ends everything, and that elements
// are not taken far ahead of it.
func TestStreamBreak(t *testing.T) {
	onEach(t, func(t *testing.T, device string) {
		m := open(t, glipvk.BackboneOptions{PadSmallMap: true, Options: glipvk.Options{Device: device}})
		x := tensor(1, 64, 64, 1)
		want := extract(t, m, x)
		noGoroutines(t)
		for _, o := range []glipvk.StreamOptions{{Loaders: 3}, {Batch: 4}, {Taps: []string{"norm1"}}} {
			var taken atomic.Int32
			for r, err := range m.Stream(t.Context(), endless(x, &taken), o) {
				if err != nil {
					t.Fatal(err)
				}
				if r.Index == 5 {
					time.Sleep(30 * time.Millisecond) // time to run ahead
					break
				}
			}
			loaders := o.Loaders
			if loaders == 0 {
				loaders = runtime.GOMAXPROCS(0)
			}
			if most := 6 + 4*max(o.Batch, 1) + loaders + 1; int(taken.Load()) > most {
				t.Errorf("%+v: %d elements taken, want at most %d", o, taken.Load(), most)
			}
		}
		if !equal(extract(t, m, x), want) {
			t.Error("a call after the stream gives other features")
		}
	})
}

// TestStreamCancel requires one last error when the context ends, whether the loop
// waits for a loader or for the device.
func TestStreamCancel(t *testing.T) {
	onEach(t, func(t *testing.T, device string) {
		m := open(t, glipvk.BackboneOptions{PadSmallMap: true, Options: glipvk.Options{Device: device}})
		x := tensor(1, 64, 64, 1)
		want := extract(t, m, x)
		noGoroutines(t)
		stuck := func(ctx context.Context) (picture.Input, error) {
			<-ctx.Done()
			return x, ctx.Err()
		}
		var taken atomic.Int32
		for name, source := range map[string]iter.Seq[glipvk.Load]{
			"loader": elements(gives(x), gives(x), stuck, gives(x)), "device": endless(x, &taken),
		} {
			ctx, cancel := context.WithCancel(t.Context())
			n, last := 0, error(nil)
			for r, err := range m.Stream(ctx, source, glipvk.StreamOptions{Loaders: 2}) {
				if r.Index != n || last != nil {
					t.Fatalf("%s: result %d comes as number %d after %v", name, r.Index, n, last)
				}
				n++
				if last = err; n == 2 {
					time.AfterFunc(5*time.Millisecond, cancel)
				}
			}
			if !errors.Is(last, context.Canceled) {
				t.Errorf("%s: %d results, the last %v, want a cancelled context", name, n, last)
			}
			cancel()
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		n := 0
		for _, err := range m.Stream(ctx, elements(gives(x)), glipvk.StreamOptions{}) {
			if n++; !errors.Is(err, context.Canceled) || n > 1 {
				t.Errorf("cancelled before: result %d, %v", n, err)
			}
		}
		if n == 0 {
			t.Error("cancelled before: no result")
		}
		if !equal(extract(t, m, x), want) {
			t.Error("a call after the stream gives other features")
		}
	})
}

// TestStreamClose requires that the model may be closed within the loop.
func TestStreamClose(t *testing.T) {
	onEach(t, func(t *testing.T, device string) {
		for _, o := range []glipvk.StreamOptions{{}, {Taps: []string{"norm1"}}} {
			m := open(t, glipvk.BackboneOptions{PadSmallMap: true, Options: glipvk.Options{Device: device}})
			x := gives(tensor(1, 64, 64, 1))
			var loads []glipvk.Load
			for range 20 {
				loads = append(loads, x)
			}
			n, refused := 0, 0
			for r, err := range m.Stream(t.Context(), elements(loads...), o) {
				n++
				switch {
				case r.Index == 1:
					if err := m.Close(); err != nil {
						t.Error(err)
					}
				case errors.Is(err, glipvk.ErrClosed):
					refused++
				case err != nil:
					t.Errorf("element %d: %v", r.Index, err)
				}
			}
			if n != 20 || refused < 10 {
				t.Errorf("%d results, %d of them refused", n, refused)
			}
		}
	})
}

func TestStreamEmpty(t *testing.T) {
	m := open(t, glipvk.BackboneOptions{Options: glipvk.Options{Device: "cpu"}})
	for r, err := range m.Stream(t.Context(), elements(), glipvk.StreamOptions{Batch: 3}) {
		t.Errorf("nothing streamed gives %+v, %v", r, err)
	}
	n := 0
	for _, err := range m.Stream(t.Context(), elements(fails), glipvk.StreamOptions{Batch: -1}) {
		if n++; !errors.Is(err, glipvk.ErrInput) {
			t.Errorf("batches of -1: %v", err)
		}
	}
	if n != 1 {
		t.Errorf("%d results, want one refusal", n)
	}
}

// TestStreamFiles requires pictures and tensors from files, and names in errors.
func TestStreamFiles(t *testing.T) {
	m := open(t, glipvk.BackboneOptions{Options: glipvk.Options{Device: "cpu"}})
	cat := filepath.Join("testdata", "pictures", "chelsea.png")
	pic, err := picture.Open(t.Context(), cat, picture.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want, err := m.Extract(t.Context(), pic)
	if err != nil {
		t.Fatal(err)
	}
	paths := []string{cat, "none.png", filepath.Join("testdata", "pictures", "truncated.jpg"), cat, "none.npy"}
	for r, err := range m.Stream(t.Context(), m.Files(paths...), glipvk.StreamOptions{Batch: 2}) {
		if good := paths[r.Index] == cat; good && (err != nil || !near(r.Features, want)) {
			t.Errorf("%s: %v, or other features", paths[r.Index], err)
		} else if !good && (!errors.Is(err, glipvk.ErrInput) || !strings.Contains(err.Error(), paths[r.Index])) {
			t.Errorf("%s: %v", paths[r.Index], err)
		}
	}
	for _, err := range m.Stream(t.Context(), m.Pictures(picture.Picture{}), glipvk.StreamOptions{}) {
		if !errors.Is(err, glipvk.ErrInput) || !strings.Contains(err.Error(), "picture 0") {
			t.Errorf("an empty picture: %v", err)
		}
	}
	for r, err := range m.Stream(t.Context(), m.Pictures(pic), glipvk.StreamOptions{}) {
		if err != nil || !near(r.Features, want) {
			t.Errorf("a decoded picture: %v, or other features", err)
		}
	}
}
