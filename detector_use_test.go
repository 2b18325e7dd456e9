package glipvk_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/picture"
)

// preprocess requires success.
func preprocess(t testing.TB, d *glipvk.Detector, p picture.Picture) picture.Input {
	t.Helper()
	in, err := d.Preprocess(p)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// stack is a batch of pictures that may have different sizes.
func stack(t testing.TB, d *glipvk.Detector, pictures ...picture.Picture) picture.Input {
	t.Helper()
	var list []picture.Input
	for _, p := range pictures {
		list = append(list, preprocess(t, d, p))
	}
	return picture.Stack(list...)
}

// partsOf names the parts that a profile shows, by the first words of its paths.
func partsOf(list []glipvk.Timing) string {
	var names []string
	for _, p := range []struct{ name, prefix string }{
		{"backbone", "backbone.body."}, {"pyramid", "backbone.fpn."}, {"language", "language_backbone."}, {"tower", "rpn.head.dyhead_tower."}, {"candidates", "rpn.head.candidates."},
	} {
		for _, timing := range list {
			if strings.HasPrefix(timing.Path, p.prefix) {
				names = append(names, p.name)
				break
			}
		}
	}
	return strings.Join(names, " ")
}

// TestDetectorReuse requires that nothing is computed twice: what is known of a picture and of
// a caption stays where it is until it is forgotten, and is what a query goes by.
func TestDetectorReuse(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	onEach(t, func(t *testing.T, device string) {
		d := openTiny(t, c, on(device))
		one, two := preprocess(t, d, c.photo()), preprocess(t, d, photo(64, 96, 7))
		other := glipvk.Query{Classes: []string{"cat", "umbrella"}}
		detect := func(in picture.Input, q glipvk.Query) []glipvk.Detection {
			t.Helper()
			found, err := d.DetectInput(t.Context(), q, in)
			if err != nil {
				t.Fatal(err)
			}
			return found[0]
		}
		if d.Known(one) != nil || d.Heard(c.query) != nil {
			t.Error("something is known before it was asked about")
		}
		detect(one, c.query)
		picture, caption := d.Known(one), d.Heard(c.query)
		if picture == nil || caption == nil || d.Known(two) != nil || d.Heard(other) != nil {
			t.Fatal("want the picture and the caption known that were asked about, and no other")
		}
		detect(two, c.query)                                                          // a second picture, the same caption
		detect(one, other)                                                            // a second caption, the same picture
		detect(one, glipvk.Query{Caption: c.query.Caption, Phrases: []string{"dog"}}) // other labels of the caption
		if problem := differ(detect(one, c.query), c.golden(t), exact); problem != "" {
			t.Errorf("by what is known: %s", problem)
		}
		if d.Known(one) != picture || d.Heard(c.query) != caption || d.Known(two) == nil || d.Heard(other) == nil {
			t.Error("something was computed again, or not kept")
		}
		if data, err := picture.Read(t.Context()); err != nil {
			t.Error(err)
		} else if device != "vulkan" { // what is kept is what counts: here it can be changed
			clear(data)
			if differ(detect(one, c.query), c.golden(t), exact) == "" {
				t.Error("a query on a picture that is known does not go by what is known")
			}
		}
		d.Forget()
		if d.Known(one) != nil || d.Heard(c.query) != nil {
			t.Error("something is known after Forget")
		}
		if problem := differ(detect(one, c.query), c.golden(t), exact); problem != "" {
			t.Errorf("after Forget: %s", problem)
		}
	})
}

// TestDetectorProfile requires all parts in a profile, whatever is known.
func TestDetectorProfile(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	onEach(t, func(t *testing.T, device string) {
		d := openTiny(t, c, on(device))
		in := preprocess(t, d, c.photo())
		for range 2 {
			list, err := d.Profile(t.Context(), c.query, in)
			if err != nil {
				t.Fatal(err)
			}
			if got := partsOf(list); got != "backbone pyramid language tower candidates" {
				t.Errorf("the profile shows %q", got)
			}
			checkTimings(t, d, list, in, c.query)
			detect(t, d, c.photo(), c.query)
		}
	})
}

// checkTimings compares a whole profile with the counts of the graphs; kernels leave out
// the padding of windows and count the products of a bias, a tenth at most at this size.
func checkTimings(t *testing.T, d *glipvk.Detector, list []glipvk.Timing, in picture.Input, q glipvk.Query) {
	t.Helper()
	var flops int64
	for _, timing := range list {
		flops += timing.FLOPs
		if timing.Duration < 0 || timing.Kernel == "" {
			t.Errorf("odd timing %+v", timing)
		}
	}
	counts, err := d.Counts(glipvk.SizeOf(in), q)
	if want := 2 * (counts.Vision + counts.Language + counts.Grounding); err != nil || 10*flops < 9*want || 10*flops > 11*want {
		t.Errorf("the profile counts %d operations, the graphs %d (%+v), %v", flops, want, counts, err)
	}
	s, err := d.Stats(t.Context(), glipvk.SizeOf(in), q)
	if err != nil || s.FLOPs != flops || s.Dispatches != len(list) || s.BytesMoved == 0 {
		t.Errorf("stats %+v, error %v", s, err)
	}
}

// TestDetectorStats: two captions that share their programs take twice the work of one, and
// its memory.
func TestDetectorStats(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	d := openTiny(t, c, on("cpu"))
	in := preprocess(t, d, c.photo())
	stats := func(q glipvk.Query) glipvk.Stats {
		s, err := d.Stats(t.Context(), glipvk.SizeOf(in), q)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	same := strings.Split(strings.Repeat("cat ", 119)+"cat", " ") // three captions of 40
	one, three := stats(glipvk.Query{Classes: same[:40]}), stats(glipvk.Query{Classes: same})
	if three.ArenaBytes != one.ArenaBytes || three.WeightBytes != one.WeightBytes || one.ArenaBytes == 0 {
		t.Errorf("memory of one caption %+v, of three %+v", one, three)
	}
	counts, err := d.Counts(glipvk.SizeOf(in), glipvk.Query{Classes: same})
	if err != nil || three.FLOPs != 2*(counts.Vision+counts.Language+counts.Grounding) || three.FLOPs-one.FLOPs != 4*(counts.Language+counts.Grounding)/3 {
		t.Errorf("work of one caption %+v, of three %+v, counts %+v, %v", one, three, counts, err)
	}
}

// TestDetectorGoroutines requires of many callers with pictures and queries of their own,
// more than are kept, what one caller gets.
func TestDetectorGoroutines(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	onEach(t, func(t *testing.T, device string) {
		d := openTiny(t, c, func(o *glipvk.DetectorOptions) {
			o.Device, o.Programs, o.Pictures, o.Captions, o.ProgramMemory = device, 4, 1, 1, 1
		})
		pictures := []picture.Picture{c.photo(), photo(64, 96, 7), photo(40, 61, 8)}
		queries := []glipvk.Query{c.query, {Classes: []string{"cat", "umbrella"}}}
		var want [][]glipvk.Detection
		for _, p := range pictures {
			for _, q := range queries {
				want = append(want, detect(t, d, p, q))
			}
		}
		var group sync.WaitGroup
		for worker := range 8 {
			group.Go(func() {
				for round := range 2 {
					i := (worker + 3*round) % len(want)
					got, err := d.Detect(t.Context(), queries[i%len(queries)], pictures[i/len(queries)])
					if err != nil {
						t.Errorf("worker %d: %v", worker, err)
					} else if problem := differ(got[0], want[i], allowance{}); problem != "" {
						t.Errorf("worker %d, case %d: another result than alone: %s", worker, i, problem)
					}
				}
			})
		}
		group.Wait()
	})
}

func TestDetectorCancel(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	onEach(t, func(t *testing.T, device string) {
		d := openTiny(t, c, on(device))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		in := preprocess(t, d, c.photo())
		_, verified := d.Verify(ctx, c.query, in, lists(nil))
		_, tapped := d.Taps(ctx, c.query, in, "rpn.**")
		_, profiled := d.Profile(ctx, c.query, in)
		_, detected := d.DetectInput(ctx, c.query, in)
		for i, err := range []error{verified, tapped, profiled, detected} {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("call %d, cancelled before: got %v", i, err)
			}
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		begin := time.Now()
		if _, err := d.Detect(ctx, c.query, photo(320, 480, 1)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("cancelled during the run: got %v", err)
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("a cancelled call took %v", took)
		}
		if problem := differ(detect(t, d, c.photo(), c.query), c.golden(t), exact); problem != "" {
			t.Errorf("after cancelled calls: %s", problem)
		}
		o := c.options()
		o.Device = device
		if _, err := glipvk.OpenDetector(ctx, "", o); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("OpenDetector with an ended context: got %v", err)
		}
	})
}

// TestDetectorClose closes while calls run; nothing stays on the device, and no goroutine.
func TestDetectorClose(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	onEach(t, func(t *testing.T, device string) {
		before := runtime.NumGoroutine()
		o := c.options()
		o.Device = device
		d, err := glipvk.OpenDetector(t.Context(), "", o)
		if err != nil {
			t.Fatal(err)
		}
		in := preprocess(t, d, c.photo())
		var group sync.WaitGroup
		for range 4 { // each either finishes or is told that the detector is closed
			group.Go(func() {
				if _, err := d.DetectInput(t.Context(), c.query, in); err != nil && !errors.Is(err, glipvk.ErrClosed) {
					t.Errorf("during Close: %v", err)
				}
			})
		}
		for range 2 {
			if err := d.CloseWithin(t.Context(), time.Millisecond); err != nil {
				t.Errorf("Close: %v", err)
			}
		}
		group.Wait()
		if d.Executor().Live() != 0 {
			t.Errorf("%d Vulkan objects are left", d.Executor().Live())
		}
		_, detected := d.Detect(t.Context(), c.query, c.photo())
		_, verified := d.Verify(t.Context(), c.query, in, lists(nil))
		_, tapped := d.Taps(t.Context(), c.query, in, "rpn.**")
		_, profiled := d.Profile(t.Context(), c.query, in)
		_, counted := d.Stats(t.Context(), glipvk.SizeOf(in), c.query)
		_, peak := d.Executor().Peak(t.Context(), time.Millisecond)
		_, bandwidth := d.Executor().Bandwidth(t.Context(), time.Millisecond)
		for i, err := range []error{detected, verified, tapped, profiled, counted, peak, bandwidth} {
			if !errors.Is(err, glipvk.ErrClosed) {
				t.Errorf("call %d after Close: got %v", i, err)
			}
		}
		for wait := time.Millisecond; runtime.NumGoroutine() > before; wait *= 2 {
			if wait > 8*time.Second {
				t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
			}
			time.Sleep(wait)
		}
	})
}

// TestDetectorAllocates bounds what a call allocates where picture and caption are known: the
// maps of the pyramid, 2.8 MB here, are not copied, and rows of candidates are small.
func TestDetectorAllocates(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	d := openTiny(t, c, func(o *glipvk.DetectorOptions) { o.Device, o.PerLevel = "cpu", 50 })
	in := preprocess(t, d, photo(1024, 1024, 1))
	run := func() {
		if _, err := d.DetectInput(t.Context(), c.query, in); err != nil {
			t.Fatal(err)
		}
	}
	run()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	run()
	runtime.ReadMemStats(&after)
	const most = 512 << 10
	if n := after.TotalAlloc - before.TotalAlloc; n > most {
		t.Errorf("a detection allocates %d bytes, want at most %d", n, most)
	}
}

// TestSubmissionWork: a detector whose programs are cut into many submissions finds the same, bit for bit.
func TestSubmissionWork(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	var want []glipvk.Detection
	for _, work := range []int64{-1, 1e6} {
		d := openTiny(t, c, func(o *glipvk.DetectorOptions) {
			o.Device, o.Tuning.Off, o.SubmissionWork = vulkanDevice(t), true, work
		})
		found := detect(t, d, c.photo(), c.query)
		s, err := d.Stats(t.Context(), glipvk.SizeOf(preprocess(t, d, c.photo())), c.query)
		if err != nil {
			t.Fatal(err)
		}
		if work < 0 {
			want = found
			if s.Submissions != 3 || len(found) == 0 {
				t.Errorf("%d submissions of three programs that are not cut, %d detections", s.Submissions, len(found))
			}
			continue
		}
		if s.Submissions <= 3 || !slices.Equal(found, want) {
			t.Errorf("%d submissions, found %v, want %v", s.Submissions, found, want)
		}
	}
}
