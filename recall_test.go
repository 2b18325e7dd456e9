package glipvk_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/picture"
)

// loading gives an input and counts how often.
func loading(in picture.Input, n *atomic.Int32) glipvk.Load {
	return func(context.Context) (picture.Input, error) {
		n.Add(1)
		return in, nil
	}
}

// TestRecall: a picture is loaded and looked at once, whoever asks, until it is forgotten or others push it out.
func TestRecall(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	onEach(t, func(t *testing.T, device string) {
		d := openTiny(t, c, func(o *glipvk.DetectorOptions) { o.Device, o.Pictures = device, 2 })
		in := preprocess(t, d, c.photo())
		var loads atomic.Int32
		recall := func(key string) *glipvk.Sight {
			t.Helper()
			s, r, err := d.Recall(t.Context(), key, loading(in, &loads))
			if err != nil {
				t.Fatal(err)
			}
			if r.PictureKnown != (loads.Load() == 0) || r.Picture <= 0 {
				t.Errorf("%s: %+v with %d loads", key, r, loads.Load())
			}
			loads.Store(0)
			return s
		}
		if d.Knows("a") {
			t.Error("something is known before it was asked about")
		}
		first, second := recall("a"), recall("a")
		if !d.Knows("a") || d.Knows("b") || first.Bytes() != second.Bytes() || first.Size() != glipvk.SizeOf(in) {
			t.Errorf("known: a %v, b %v; %d and %d bytes", d.Knows("a"), d.Knows("b"), first.Bytes(), second.Bytes())
		}
		for _, s := range []*glipvk.Sight{first, second} {
			if problem := differ(ask(t, s, c.query)[0], c.golden(t), exact); problem != "" {
				t.Error(problem)
			}
			for range 2 { // closing again gives nothing back twice
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
			if _, err := s.Detect(t.Context(), c.query); !errors.Is(err, glipvk.ErrClosed) {
				t.Errorf("a closed sight: %v", err)
			}
		}
		if !d.Knows("a") {
			t.Error("closing its sights forgot a picture")
		}
		for _, key := range []string{"b", "a", "c"} { // b is the oldest when c comes
			if err := recall(key).Close(); err != nil {
				t.Error(err)
			}
		}
		eventually(t, "b goes", func() bool { return d.Knows("a") && !d.Knows("b") && d.Knows("c") })
		s := recall("a")
		d.ForgetPicture("a")
		d.ForgetPicture("never there")
		if d.Knows("a") || !d.Knows("c") {
			t.Errorf("after a is forgotten: a %v, c %v", d.Knows("a"), d.Knows("c"))
		}
		if problem := differ(ask(t, s, c.query)[0], c.golden(t), exact); problem != "" {
			t.Errorf("a sight of what is forgotten: %s", problem)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		detect(t, d, c.photo(), c.query)
		if key := glipvk.Fingerprint(in); !d.Knows(key) {
			t.Error("what DetectInput remembers is not known by its fingerprint")
		} else if d.ForgetPicture(key); d.Knows(key) {
			t.Error("and not forgotten by it")
		}
	})
}

// eventually waits for what others do in the background.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for range 4000 {
		if f() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Error("not seen: " + what)
}

// TestRemember: pictures that were encoded together are remembered one by one; what is known stays, and nothing is left of the others.
func TestRemember(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	onEach(t, func(t *testing.T, device string) {
		d := openTiny(t, c, on(device))
		in := stack(t, d, c.photo(), photo(50, 90, 7))
		other := detect(t, d, photo(50, 90, 7), c.query)
		d.Forget()
		live := 0
		for round := range 3 { // the first makes a program, the third finds what the second left
			sights, err := d.LookEach(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			for i, s := range sights {
				kept, err := d.Remember(t.Context(), fmt.Sprint(i), s)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := s.Detect(t.Context(), c.query); !errors.Is(err, glipvk.ErrClosed) {
					t.Errorf("the old sight: %v", err)
				}
				want := [][]glipvk.Detection{c.golden(t), other}[i]
				if problem := differ(ask(t, kept, c.query)[0], want, exact); problem != "" {
					t.Errorf("round %d, picture %d: %s", round, i, problem)
				}
				if _, err := d.Remember(t.Context(), "again", kept); !errors.Is(err, glipvk.ErrInput) || d.Knows("again") {
					t.Errorf("what is remembered already: %v", err)
				}
				if err := kept.Close(); err != nil || !d.Knows(fmt.Sprint(i)) {
					t.Errorf("%v; known: %v", err, d.Knows(fmt.Sprint(i)))
				}
			}
			if round == 1 {
				live = d.Executor().Live()
			}
		}
		if now := d.Executor().Live(); now != live {
			t.Errorf("%d objects, %d before they were kept a second time", now, live)
		}
		if err := look(t, d, in).Close(); err != nil { // makes the program for both together
			t.Error(err)
		}
		d.Forget()
		live = d.Executor().Live()
		for range 3 { // whoever has left keeps nothing, and the key is free
			kept, err := d.Remember(ended(), "0", look(t, d, in))
			if err == nil { // it was done before that was seen
				err = kept.Close()
			}
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			d.Forget()
		}
		eventually(t, "what was looked at goes", func() bool { return !d.Knows("0") && d.Executor().Live() == live })
	})
}

// TestRecallShares: callers of one key share a load, which is called off when the last of them has left and not before;
// what failed is not remembered.
func TestRecallShares(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	noGoroutines(t)
	d := openTiny(t, c, on("cpu"))
	in := preprocess(t, d, c.photo())
	var loads, called atomic.Int32
	release := make(chan struct{})
	load := func(ctx context.Context) (picture.Input, error) {
		loads.Add(1)
		select {
		case <-release:
			return in, nil
		case <-ctx.Done():
			called.Add(1)
			return picture.Input{}, ctx.Err()
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			ctx := ctx
			if i == 3 {
				ctx = t.Context()
			}
			s, r, err := d.Recall(ctx, "a", load)
			if i < 3 {
				if !errors.Is(err, context.Canceled) {
					t.Errorf("who left got %v", err)
				}
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			t.Logf("the last one: %+v", r)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	eventually(t, "the load", func() bool { return loads.Load() == 1 && d.Knows("a") })
	time.Sleep(20 * time.Millisecond)
	cancel()
	time.Sleep(20 * time.Millisecond)
	close(release)
	group.Wait()
	if loads.Load() != 1 || called.Load() != 0 {
		t.Errorf("%d loads, %d called off, want one that went on", loads.Load(), called.Load())
	}

	alone, leave := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer leave()
	if _, _, err := d.Recall(alone, "b", func(ctx context.Context) (picture.Input, error) {
		<-ctx.Done()
		called.Add(1)
		return picture.Input{}, ctx.Err()
	}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("alone, and left: %v", err)
	}
	eventually(t, "the load is called off", func() bool { return called.Load() == 1 && !d.Knows("b") })

	failure := errors.New("no such file")
	for _, tc := range []struct {
		load glipvk.Load
		want error
	}{
		{func(context.Context) (picture.Input, error) { return picture.Input{}, failure }, failure},
		{func(context.Context) (picture.Input, error) {
			return picture.Input{Batch: 1, Height: 32, Width: 32}, nil
		}, glipvk.ErrInput},
		{nil, glipvk.ErrInput},
	} {
		if _, _, err := d.Recall(t.Context(), "c", tc.load); !errors.Is(err, tc.want) || d.Knows("c") {
			t.Errorf("got %v, want %v; known: %v", err, tc.want, d.Knows("c"))
		}
	}
}

// TestRecallEnds: whoever waits is told that the detector was closed, and no picture stays on the device.
func TestRecallEnds(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	fast(t, func(t *testing.T, device string) {
		d := openTiny(t, c, func(o *glipvk.DetectorOptions) { o.Device, o.Pictures = device, 2 })
		in := preprocess(t, d, photo(320, 480, 1))
		var group sync.WaitGroup
		for i := range 4 {
			group.Go(func() {
				for n := 0; ; n++ {
					s, _, err := d.Recall(t.Context(), fmt.Sprint((n+i)%3), func(context.Context) (picture.Input, error) { return in, nil })
					if err == nil {
						_, err = s.Detect(t.Context(), c.query)
						if n%2 == 0 { // others leave it to the detector
							s.Close()
						}
					}
					if err != nil {
						if !errors.Is(err, glipvk.ErrClosed) {
							t.Errorf("a call that Close ended got %v", err)
						}
						return
					}
				}
			})
		}
		time.Sleep(100 * time.Millisecond)
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		group.Wait()
	})
}

// TestGiveUpMemory: pictures and programs that are given up leave nothing on the device but weights, and are made again.
func TestGiveUpMemory(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	d := openTiny(t, c, on(vulkanDevice(t)))
	empty := d.Executor().Live()
	var after []int
	for range 2 {
		if problem := differ(detect(t, d, c.photo(), c.query), c.golden(t), exact); problem != "" {
			t.Error(problem)
		}
		full := d.Executor().Live()
		d.Forget()
		d.Executor().DropPrograms()
		after = append(after, d.Executor().Live())
		if after[0] >= full {
			t.Errorf("%d objects after all was given up, %d before, %d when it was opened", after[0], full, empty)
		}
	}
	if after[0] != after[1] { // what stays are pipelines, for the next programs
		t.Errorf("%d objects are left, the next time %d", after[0], after[1])
	}
}

// A detector that is to remember nothing finds the same, and has nothing when it was asked.
func TestRemembersNone(t *testing.T) {
	d, err := glipvk.OpenDetector(t.Context(), "glip-world", glipvk.DetectorOptions{
		Options: glipvk.Options{Device: "cpu"}, Threshold: 0.3, Pictures: glipvk.None, Captions: glipvk.None,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	p, err := picture.Open(t.Context(), "testdata/world/scene1.png", picture.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	in, err := d.Preprocess(p)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		found, report, err := d.DetectWith(t.Context(), glipvk.Query{Caption: "a red apple and two dogs"}, in, glipvk.CallOptions{})
		if err != nil || len(found[0]) == 0 || report.PictureKnown || report.CaptionKnown || d.Remembered() != 0 || d.Knows(glipvk.Fingerprint(in)) {
			t.Error(err, len(found), report, d.Remembered())
		}
	}
}
