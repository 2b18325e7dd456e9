package glipvk_test

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/picture"
)

// TestCallOptions: a call with options finds what a detector does that was opened with them, and makes no program for it.
func TestCallOptions(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	onEach(t, func(t *testing.T, device string) {
		d := openTiny(t, c, on(device))
		made := d.CountPrograms()
		in := preprocess(t, d, c.photo())
		usual := detect(t, d, c.photo(), c.query)
		programs := made()
		for _, tc := range []struct {
			name   string
			call   glipvk.CallOptions
			opened func(*glipvk.DetectorOptions)
		}{
			{"threshold", glipvk.CallOptions{Threshold: new(0.5)}, func(o *glipvk.DetectorOptions) { o.Threshold = 0.5 }},
			{"IoU", glipvk.CallOptions{IoU: new(0.3)}, func(o *glipvk.DetectorOptions) { o.IoU = 0.3 }},
			{"no overlap", glipvk.CallOptions{IoU: new(0.0)}, func(o *glipvk.DetectorOptions) { o.IoU = math.SmallestNonzeroFloat64 }},
			{"max", glipvk.CallOptions{Max: new(7)}, func(o *glipvk.DetectorOptions) { o.Max = 7 }},
			{"all of them", glipvk.CallOptions{Threshold: new(0.3), IoU: new(2.0), Max: new(glipvk.All)}, func(o *glipvk.DetectorOptions) {
				o.Threshold, o.IoU, o.Max = 0.3, 2, glipvk.All
			}},
		} {
			want := detect(t, openTiny(t, c, func(o *glipvk.DetectorOptions) { o.Device = device; tc.opened(o) }), c.photo(), c.query)
			found, _, err := d.DetectWith(t.Context(), c.query, in, tc.call)
			if err != nil {
				t.Fatal(err)
			}
			if problem := differ(found[0], want, allowance{}); problem != "" || len(want) == 0 || len(want) == len(usual) {
				t.Errorf("%s: %s; %d detections, %d without", tc.name, problem, len(want), len(usual))
			}
		}
		if made() != programs || programs == 0 {
			t.Errorf("%d programs after calls with options, %d before", made(), programs)
		}
		if problem := differ(detect(t, d, c.photo(), c.query), usual, allowance{}); problem != "" {
			t.Errorf("afterwards without options: %s", problem)
		}
	})
}

// A detector's threshold, wherever a call sets none, and no longer where one does, 0 too.
func TestCallOverOpened(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	strict := openTiny(t, c, func(o *glipvk.DetectorOptions) { o.Device, o.Threshold, o.Max, o.IoU = "cpu", 0.6, 3, 0.1 })
	loose, _, err := strict.DetectWith(t.Context(), c.query, preprocess(t, strict, c.photo()), glipvk.CallOptions{Threshold: new(0.0), Max: new(100), IoU: new(0.6)})
	if err != nil {
		t.Fatal(err)
	}
	if problem := differ(loose[0], c.golden(t), exact); problem != "" {
		t.Error(problem)
	}
	if n := len(detect(t, strict, c.photo(), c.query)); n == 0 || n > 3 {
		t.Errorf("%d detections of a detector with Max 3", n)
	}
}

// Options that mean nothing are refused before anything is computed.
func TestCallRefuses(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	d := openTiny(t, c, on("cpu"))
	in := preprocess(t, d, c.photo())
	s := look(t, d, in)
	defer s.Close()
	nan, inf := math.NaN(), math.Inf(1)
	for _, o := range []glipvk.CallOptions{
		{Threshold: &nan}, {Threshold: new(-0.1)}, {Threshold: new(1.01)}, {IoU: &nan}, {IoU: new(-1.0)}, {IoU: &inf}, {Max: new(0)}, {Max: new(-1)},
	} {
		for _, call := range []func() error{
			func() error { _, _, err := d.DetectWith(t.Context(), c.query, in, o); return err },
			func() error { _, _, err := s.DetectWith(t.Context(), c.query, o); return err },
			func() error {
				_, _, err := d.DetectBatch(t.Context(), []glipvk.Ask{{Sight: s, Query: c.query, Options: o}})
				return err
			},
		} {
			if err := call(); !errors.Is(err, glipvk.ErrInput) {
				t.Errorf("%+v: %v", o, err)
			}
		}
	}
	if d.Known(in) != nil || d.Heard(c.query) != nil {
		t.Error("something was computed")
	}
}

// TestReport: what a call computed, and what not, with times that are parts of the whole.
func TestReport(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	onEach(t, func(t *testing.T, device string) {
		d := openTiny(t, c, on(device))
		one, two := preprocess(t, d, c.photo()), preprocess(t, d, photo(64, 96, 7))
		most := false // of the time of a call was told, at least once: others may have had the processor meanwhile
		for i, tc := range []struct {
			in               picture.Input
			q                glipvk.Query
			picture, caption bool
		}{
			{one, c.query, false, false}, {one, c.query, true, true}, {two, c.query, false, true},
			{two, glipvk.Query{Classes: []string{"cat"}}, true, false}, {one, glipvk.Query{Classes: []string{"cat"}}, true, true},
		} {
			begin := time.Now()
			_, r, err := d.DetectWith(t.Context(), tc.q, tc.in, glipvk.CallOptions{})
			took := time.Since(begin)
			if err != nil {
				t.Fatal(err)
			}
			if r.PictureKnown != tc.picture || r.CaptionKnown != tc.caption {
				t.Errorf("call %d: %+v, want known: picture %v, caption %v", i, r, tc.picture, tc.caption)
			}
			sum := r.Picture + r.Caption + r.Grounding
			if r.Picture <= 0 || r.Caption <= 0 || r.Grounding <= 0 || sum > took {
				t.Errorf("call %d took %v, %+v", i, took, r)
			}
			most = most || sum > took/2
		}
		if !most {
			t.Error("no call's time was told for the most part")
		}
		s := look(t, d, one)
		defer s.Close()
		_, r, err := s.DetectWith(t.Context(), glipvk.Query{Classes: []string{"dog"}}, glipvk.CallOptions{})
		if err != nil || !r.PictureKnown || r.CaptionKnown || r.Picture != 0 {
			t.Errorf("of a sight: %+v, %v", r, err)
		}
		// A list of two captions of which one is known.
		names := slices.Repeat([]string{"cat", "dog", "person", "bicycle"}, 21)
		if _, r, err = s.DetectWith(t.Context(), glipvk.Query{Classes: names[:40]}, glipvk.CallOptions{}); err != nil || r.CaptionKnown {
			t.Errorf("40 names: %+v, %v", r, err)
		}
		if _, r, err = s.DetectWith(t.Context(), glipvk.Query{Classes: names}, glipvk.CallOptions{}); err != nil || r.CaptionKnown {
			t.Errorf("84 names: %+v, %v", r, err)
		}
		if _, r, err = s.DetectWith(t.Context(), glipvk.Query{Classes: names}, glipvk.CallOptions{}); err != nil || !r.CaptionKnown {
			t.Errorf("84 names again: %+v, %v", r, err)
		}
	})
}
