package glipvk_test

import (
	"errors"
	"math"
	"sync"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/picture"
)

// look requires success.
func look(t *testing.T, d *glipvk.Detector, in picture.Input) *glipvk.Sight {
	t.Helper()
	s, err := d.Look(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ask requires success.
func ask(t *testing.T, s *glipvk.Sight, q glipvk.Query) [][]glipvk.Detection {
	t.Helper()
	found, err := s.Detect(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestSight requires that a query on a sight gives what Detect gives, goes by what was seen alone
// (the input is overwritten, and the vision part taken away), and that values are given back.
func TestSight(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	other := glipvk.Query{Classes: []string{"cat", "umbrella"}}
	onEach(t, func(t *testing.T, device string) {
		d := openTiny(t, c, on(device))
		in := stack(t, d, c.photo(), photo(50, 90, 7))
		queries := []glipvk.Query{c.query, other, c.query}
		var want [][][]glipvk.Detection
		for _, q := range queries {
			found, err := d.DetectInput(t.Context(), q, in)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, found)
		}
		d.Forget()
		live := d.Executor().Live() // with all programs made
		s := look(t, d, in)
		if d.Known(in) != nil {
			t.Error("a sight's picture is kept a second time")
		}
		if s.Bytes() != 4*2*32*(96+24+6+2+1) || device == "vulkan" && d.Executor().Live() <= live {
			t.Errorf("a sight holds %d bytes, %d objects, %d before", s.Bytes(), d.Executor().Live(), live)
		}
		for i := range in.Data {
			in.Data[i] = float32(math.NaN())
		}
		d.Blind()
		for i, q := range queries {
			for k, found := range ask(t, s, q) {
				if problem := differ(found, want[i][k], allowance{}); problem != "" {
					t.Errorf("query %d, picture %d: %s", i, k, problem)
				}
			}
		}
		for range 2 {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
		if _, err := s.Detect(t.Context(), other); !errors.Is(err, glipvk.ErrClosed) {
			t.Errorf("a closed sight: %v", err)
		}
		if d.Executor().Live() != live {
			t.Errorf("%d Vulkan objects after Close, %d before", d.Executor().Live(), live)
		}
	})
}

// TestSightRefuses inputs and queries that cannot be, and works on after.
func TestSightRefuses(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	d := openTiny(t, c, on("cpu"))
	if _, err := d.Look(t.Context(), picture.Input{}); !errors.Is(err, glipvk.ErrInput) {
		t.Errorf("no picture: %v", err)
	}
	if _, err := d.Look(ended(), preprocess(t, d, c.photo())); err == nil {
		t.Error("a context that had ended")
	}
	s := look(t, d, preprocess(t, d, c.photo()))
	if _, err := s.Detect(t.Context(), glipvk.Query{}); !errors.Is(err, glipvk.ErrInput) {
		t.Errorf("no query: %v", err)
	}
	if problem := differ(ask(t, s, c.query)[0], c.golden(t), exact); problem != "" {
		t.Error(problem)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.Detect(t.Context(), c.query); !errors.Is(err, glipvk.ErrClosed) {
		t.Errorf("a closed detector: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("a sight after its detector: %v", err)
	}
}

// TestSightClosedWhileAsked: each query either finds what there is, or is told that the sight is closed.
func TestSightClosedWhileAsked(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	onEach(t, func(t *testing.T, device string) {
		d := openTiny(t, c, on(device))
		in := preprocess(t, d, c.photo())
		want := detect(t, d, c.photo(), c.query)
		for range 16 { // Close falls before, between and after their runs
			s := look(t, d, in)
			var group sync.WaitGroup
			for range 3 {
				group.Go(func() {
					for range 3 {
						found, err := s.Detect(t.Context(), c.query)
						if err != nil && !errors.Is(err, glipvk.ErrClosed) {
							t.Errorf("got %v", err)
						} else if err == nil {
							if problem := differ(found[0], want, allowance{}); problem != "" {
								t.Error(problem)
							}
						}
					}
				})
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			group.Wait()
		}
	})
}

// TestSightsClosedWithTheDetector: sights may be closed while their detector is, and the device loses nothing.
func TestSightsClosedWithTheDetector(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	d := openTiny(t, c, on(vulkanDevice(t)))
	in := preprocess(t, d, photo(32, 32, 1))
	var group sync.WaitGroup
	begin := make(chan struct{})
	for range 64 {
		s := look(t, d, in)
		group.Go(func() {
			<-begin
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Go(func() {
		<-begin
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	close(begin)
	group.Wait()
	if n := d.Executor().Live(); n != 0 {
		t.Errorf("%d objects are left on the device", n)
	}
}

// TestDetectGivesBack: a detector that forgets, or keeps one picture, holds no more the more it was asked.
func TestDetectGivesBack(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	d := openTiny(t, c, func(o *glipvk.DetectorOptions) { o.Device, o.Pictures = vulkanDevice(t), 1 })
	profile := func(seed uint64) {
		if _, err := d.Profile(t.Context(), c.query, preprocess(t, d, photo(64, 96, seed))); err != nil {
			t.Error(err)
		}
	}
	profile(1) // keeps commands with clocks
	detect(t, d, c.photo(), c.query)
	live := d.Executor().Live()
	for seed := range uint64(4) {
		detect(t, d, photo(64, 96, 100+seed), c.query)
		profile(200 + seed)
		for _, err := range d.Stream(t.Context(), c.query, d.Pictures(photo(64, 96, 300+seed)), glipvk.StreamOptions{}) {
			if err != nil {
				t.Error(err)
			}
		}
	}
	if d.Executor().Live() != live {
		t.Errorf("%d Vulkan objects after many pictures, %d after one", d.Executor().Live(), live)
	}
	d.Forget()
	if d.Executor().Live() >= live {
		t.Errorf("%d Vulkan objects after Forget, %d before", d.Executor().Live(), live)
	}
}
