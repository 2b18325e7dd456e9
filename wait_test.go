package glipvk_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/picture"
)

// ended has ended.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// others are callers who are at work until they are called off.
type others struct {
	t        *testing.T
	stop     func()
	quickest atomic.Int64 // of their calls that ended by themselves, in nanoseconds; 0 where none has
}

// busy keeps two of them at work.
func busy(t *testing.T, call func(context.Context) error) *others {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	o := &others{t: t}
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			for ctx.Err() == nil {
				begin := time.Now()
				if err := call(ctx); err == nil {
					if took, was := int64(time.Since(begin)), o.quickest.Load(); was == 0 || took < was {
						o.quickest.Store(took) // which the other may do at the same time: either serves
					}
				} else if !errors.Is(err, context.Canceled) {
					t.Errorf("who was there first: %v", err)
					return
				}
			}
		})
	}
	o.stop = func() { cancel(); group.Wait() }
	return o
}

// leaves requires of a call with a deadline of 20 ms that it returns within 50 ms, or, where the machine is slow, within a quarter of
// what a call of the others takes: one that waits for their run is late each time. Somebody else may have the machine for a moment, so
// it may try many times.
func (o *others) leaves(what string, call func(context.Context) error) {
	o.t.Helper()
	var took time.Duration
	for try := 0; try < 50 || o.quickest.Load() == 0; try++ {
		ctx, cancel := context.WithTimeout(o.t.Context(), 20*time.Millisecond)
		begin := time.Now()
		err := call(ctx)
		took = time.Since(begin)
		cancel()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			o.t.Fatalf("%s: %v", what, err)
		}
		if err != nil && took <= max(50*time.Millisecond, time.Duration(o.quickest.Load())/4) {
			return
		}
	}
	o.t.Errorf("%s: a call with a deadline of 20 ms took %v, a call of the others %v", what, took, time.Duration(o.quickest.Load()))
}

// fast are the devices for which a call is promised to return when its context ends.
func fast(t *testing.T, f func(t *testing.T, device string)) {
	t.Run("cpu", func(t *testing.T) { f(t, "cpu") })
	t.Run("vulkan", func(t *testing.T) { f(t, vulkanDevice(t)) })
}

// TestSecondCallerLeaves: a caller with a deadline returns soon while others compute what takes
// long, by programs that it wants too, and by others.
func TestSecondCallerLeaves(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	fast(t, func(t *testing.T, device string) {
		d := openTiny(t, c, func(o *glipvk.DetectorOptions) { o.Device, o.Pictures = device, 1 })
		large, small := preprocess(t, d, photo(640, 960, 1)), preprocess(t, d, photo(640, 960, 2))
		detector := func(in picture.Input) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := d.DetectInput(ctx, c.query, in)
				return err
			}
		}
		if err := detector(large)(t.Context()); err != nil {
			t.Fatal(err)
		}
		first := busy(t, func(ctx context.Context) error {
			s, err := d.Look(ctx, large)
			if err == nil {
				err = s.Close()
			}
			return err
		})
		first.leaves("the same program", detector(small))
		first.leaves("a program that is not made", detector(preprocess(t, d, photo(608, 928, 2))))
		s, of := look(t, d, preprocess(t, d, photo(608, 960, 2))), look(t, d, preprocess(t, d, photo(640, 928, 2)))
		first.leaves("word maps", func(ctx context.Context) error { _, _, err := s.Align(ctx, c.query); return err })
		first.leaves("a batch", func(ctx context.Context) error {
			_, _, err := d.DetectBatch(ctx, []glipvk.Ask{{Sight: of, Query: c.query}, {Sight: of, Query: c.query}})
			return err
		})
		first.stop()
		for _, s := range []*glipvk.Sight{s, of} {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}

		m := open(t, glipvk.BackboneOptions{PadSmallMap: true, Options: glipvk.Options{Device: device}})
		x, y := tensor(1, 768, 1024, 1), tensor(1, 768, 992, 2)
		backbone := func(in picture.Input) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := m.ExtractInput(ctx, in)
				return err
			}
		}
		second := busy(t, backbone(x))
		defer second.stop()
		second.leaves("a backbone's program", backbone(x))
		second.leaves("a backbone's program that is not made", backbone(y))
	})
}

// TestCloseEndsCalls that run, compile and wait, whether their context could end or not: each is
// told so, or was done.
func TestCloseEndsCalls(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	fast(t, func(t *testing.T, device string) {
		d := openTiny(t, c, func(o *glipvk.DetectorOptions) { o.Device, o.ProgramMemory = device, 1 })
		large, medium := preprocess(t, d, photo(640, 960, 1)), preprocess(t, d, photo(320, 480, 2))
		s := look(t, d, medium)
		var group sync.WaitGroup
		begun := make(chan struct{}, 64)
		call := func(f func(ctx context.Context) error) {
			for _, ctx := range []context.Context{context.Background(), t.Context()} {
				group.Go(func() {
					for {
						begun <- struct{}{}
						if err := f(ctx); err != nil {
							if !errors.Is(err, glipvk.ErrClosed) {
								t.Errorf("a call that Close ended got %v", err)
							}
							return
						}
					}
				})
			}
		}
		call(func(ctx context.Context) error { _, err := d.DetectInput(ctx, c.query, large); return err })
		call(func(ctx context.Context) error { _, err := d.DetectInput(ctx, c.query, medium); return err })
		call(func(ctx context.Context) error { _, err := s.Detect(ctx, c.query); return err })
		call(func(ctx context.Context) error { _, _, err := s.Align(ctx, c.query); return err })
		call(func(ctx context.Context) error {
			_, _, err := d.DetectBatch(ctx, []glipvk.Ask{{Sight: s, Query: c.query}, {Sight: s, Query: c.query}})
			return err
		})
		call(func(ctx context.Context) error {
			var last error
			for _, err := range d.Stream(ctx, c.query, d.Pictures(photo(96, 96, 1), photo(96, 96, 2)), glipvk.StreamOptions{Batch: 2}) {
				last = err
			}
			return last
		})
		go func() { // takes what the calls say
			for range begun {
			}
		}()
		defer close(begun)
		time.Sleep(100 * time.Millisecond)
		begin, closing := time.Now(), make(chan error, 1)
		go func() { closing <- d.Close() }()
		group.Wait()
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("the calls ended after %v", took)
		}
		if err := <-closing; err != nil { // which waits for what a device has begun
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestFirstCallerLeaves: a picture that two ask about is computed for the second, though the
// first, who began it, is cancelled.
func TestFirstCallerLeaves(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	fast(t, func(t *testing.T, device string) {
		d := openTiny(t, c, on(device))
		in := preprocess(t, d, c.photo())
		for round := range 5 {
			d.Forget()
			ctx, cancel := context.WithCancel(t.Context())
			first := make(chan error)
			go func() {
				_, err := d.DetectInput(ctx, c.query, in)
				first <- err
			}()
			time.AfterFunc(time.Duration(round)*time.Millisecond, cancel)
			found, err := d.DetectInput(t.Context(), c.query, in)
			if err != nil {
				t.Fatalf("the second caller got %v", err)
			}
			if problem := differ(found[0], c.golden(t), exact); problem != "" {
				t.Error(problem)
			}
			if err := <-first; err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("the first caller got %v", err)
			}
			cancel()
		}
	})
}
