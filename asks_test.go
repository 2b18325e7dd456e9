package glipvk_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/picture"
)

// questions are of one extent.
func questions() []glipvk.Query {
	return []glipvk.Query{
		{Classes: []string{"cat", "umbrella"}}, {Caption: "a dog and a person", Phrases: []string{"dog", "person"}}, {Classes: []string{"bicycle"}},
	}
}

// alone is what a sight finds by itself.
func alone(t *testing.T, asks []glipvk.Ask) (want [][]glipvk.Detection) {
	t.Helper()
	for _, a := range asks {
		found, _, err := a.Sight.DetectWith(t.Context(), a.Query, a.Options)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, found[0])
	}
	return want
}

// mustBeExact says of which devices it is known that a batch gives the bits of each picture alone.
func mustBeExact(device string) bool { return device != "vulkan" }

// TestDetectBatch: pictures and questions together give what each gives alone, to the last bit where BatchExact says so.
func TestDetectBatch(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	onEach(t, func(t *testing.T, device string) {
		d := openTiny(t, c, on(device))
		size := glipvk.InputSize{Batch: 3, Height: 64, Width: 96}
		qs := questions()
		same, err := d.BatchExact(t.Context(), size, qs[0])
		if err != nil || mustBeExact(device) && !same {
			t.Fatalf("exact: %v, %v", same, err)
		}
		t.Logf("a batch gives the same bits: %v", same)
		allowed := exact
		if same {
			allowed = allowance{}
		}
		var sights []*glipvk.Sight
		for i, p := range []picture.Picture{photo(50, 90, 7), photo(64, 96, 1), photo(33, 96, 9)} {
			in := preprocess(t, d, p)
			s, _, err := d.Recall(t.Context(), fmt.Sprint(i), gives(in))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			sights = append(sights, s)
		}
		again, _, err := d.Recall(t.Context(), "1", unloaded(t)) // another sight of the same picture
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		asksOf := func(of ...*glipvk.Sight) (asks []glipvk.Ask) {
			for i, s := range of {
				asks = append(asks, glipvk.Ask{Sight: s, Query: qs[i%len(qs)]})
			}
			asks[len(asks)-1].Options = glipvk.CallOptions{Threshold: new(0.3), Max: new(5)}
			return asks
		}
		for name, asks := range map[string][]glipvk.Ask{
			"pictures": asksOf(sights...), "one picture": asksOf(sights[1], again, sights[1]), "a picture twice": asksOf(sights[0], sights[2], sights[0]), "one": asksOf(sights[2]),
		} {
			found, r, err := d.DetectBatch(t.Context(), asks)
			if err != nil || len(found) != len(asks) || !r.PictureKnown || r.Grounding <= 0 {
				t.Fatalf("%s: %d lists, %+v, %v", name, len(found), r, err)
			}
			for i, want := range alone(t, asks) {
				if problem := differ(found[i], want, allowed); problem != "" || len(want) == 0 {
					t.Errorf("%s, ask %d: %s", name, i, problem)
				}
			}
		}
	})
}

// unloaded loads what must not be loaded.
func unloaded(t *testing.T) glipvk.Load {
	return func(context.Context) (picture.Input, error) {
		t.Error("a picture that is known was loaded")
		return picture.Input{}, errors.New("none")
	}
}

// TestLookEach: pictures that are encoded together have a sight each, with what each has alone, its padding too.
func TestLookEach(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	onEach(t, func(t *testing.T, device string) {
		d := openTiny(t, c, on(device))
		pictures := []picture.Picture{photo(50, 90, 7), c.photo()}
		var want [][]glipvk.Detection
		for _, p := range pictures {
			want = append(want, detect(t, d, p, c.query))
		}
		d.Forget()
		live := d.Executor().Live()
		for n := range pictures {
			in := stack(t, d, pictures[:n+1]...)
			sights, err := d.LookEach(t.Context(), in)
			if err != nil || len(sights) != n+1 {
				t.Fatalf("%d sights, %v", len(sights), err)
			}
			for i, s := range sights {
				allowed := exact
				if mustBeExact(device) {
					allowed = allowance{}
				}
				if problem := differ(ask(t, s, c.query)[0], want[i], allowed); problem != "" {
					t.Errorf("%d pictures, picture %d: %s", n+1, i, problem)
				}
				if s.Bytes() != 4*32*(96+24+6+2+1) || s.Size() != (glipvk.InputSize{Batch: 1, Height: 64, Width: 96}) {
					t.Errorf("a sight of %d bytes, %+v", s.Bytes(), s.Size())
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
		}
		if now := d.Executor().Live(); device == "vulkan" && now <= live { // the program for two has come, and no value stays
			t.Errorf("%d objects, %d before", now, live)
		}
	})
}

// TestDetectBatchRefuses what cannot share a run, and says which.
func TestDetectBatchRefuses(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	d, other := openTiny(t, c, on("cpu")), openTiny(t, c, on("cpu"))
	s, small, foreign := look(t, d, preprocess(t, d, c.photo())), look(t, d, preprocess(t, d, photo(32, 64, 1))), look(t, other, preprocess(t, other, c.photo()))
	pair := look(t, d, stack(t, d, c.photo(), c.photo()))
	closed := look(t, d, preprocess(t, d, c.photo()))
	closed.Close()
	q := questions()[0]
	long := glipvk.Query{Classes: slices.Repeat([]string{"cat", "dog"}, 15)}
	first := glipvk.Ask{Sight: s, Query: q}
	for name, tc := range map[string]struct {
		asks  []glipvk.Ask
		want  error
		words string
	}{
		"none":             {nil, glipvk.ErrInput, "give one at least"},
		"another size":     {[]glipvk.Ask{first, {Sight: small, Query: q}}, glipvk.ErrInput, "ask 1 has the extent"},
		"another length":   {[]glipvk.Ask{first, {Sight: s, Query: long}}, glipvk.ErrInput, "ask 1 has the extent"},
		"several captions": {[]glipvk.Ask{{Sight: s, Query: glipvk.Query{Classes: slices.Repeat([]string{"cat"}, 84)}}}, glipvk.ErrInput, "one caption"},
		"another detector": {[]glipvk.Ask{first, {Sight: foreign, Query: q}}, glipvk.ErrInput, "by this detector false"},
		"two pictures":     {[]glipvk.Ask{first, {Sight: pair, Query: q}}, glipvk.ErrInput, "a sight of 2 pictures"},
		"no query":         {[]glipvk.Ask{first, {Sight: s}}, glipvk.ErrInput, "ask 1"},
		"no sight":         {[]glipvk.Ask{first, {Query: q}}, glipvk.ErrClosed, "ask 1"},
		"a closed sight":   {[]glipvk.Ask{first, {Sight: closed, Query: q}}, glipvk.ErrClosed, "ask 1"},
	} {
		if _, _, err := d.DetectBatch(t.Context(), tc.asks); !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.words) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := d.BatchExact(t.Context(), glipvk.InputSize{Batch: 0, Height: 64, Width: 96}, q); !errors.Is(err, glipvk.ErrInput) {
		t.Errorf("a batch of none: %v", err)
	}
	if _, err := d.BatchExact(t.Context(), glipvk.InputSize{Batch: 2, Height: 64, Width: 95}, q); !errors.Is(err, glipvk.ErrInput) {
		t.Errorf("no size: %v", err)
	}
	if found, _, err := d.DetectBatch(t.Context(), []glipvk.Ask{first}); err != nil || len(found) != 1 {
		t.Errorf("afterwards: %v", err)
	}
}

// TestExtent: queries that need the same programs have one extent, others another.
func TestExtent(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	d := openTiny(t, c, on("cpu"))
	of := func(height, width int, q glipvk.Query) glipvk.Extent {
		t.Helper()
		size, err := d.SizeFor(picture.Extent{Height: height, Width: width})
		if err != nil {
			t.Fatal(err)
		}
		if in := preprocess(t, d, photo(height, width, 1)); glipvk.SizeOf(in) != size {
			t.Errorf("%d x %d becomes %v, not %v", height, width, glipvk.SizeOf(in), size)
		}
		e, err := d.Extent(t.Context(), size, q)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	q := questions()
	first := of(50, 90, q[0])
	if first != (glipvk.Extent{Height: 64, Width: 96, Tokens: 16, Labels: 8, Captions: 1}) || first != of(64, 96, q[1]) || first != of(33, 65, q[2]) {
		t.Errorf("%+v, %+v, %+v", first, of(64, 96, q[1]), of(33, 65, q[2]))
	}
	if first == of(64, 97, q[0]) || of(64, 96, glipvk.Query{Classes: slices.Repeat([]string{"cat"}, 84)}).Captions != 3 {
		t.Error("others share an extent, or 84 names are not three captions")
	}
	if _, err := d.Extent(t.Context(), glipvk.InputSize{}, glipvk.Query{}); !errors.Is(err, glipvk.ErrInput) {
		t.Errorf("no query: %v", err)
	}
	for _, e := range []picture.Extent{{}, {Height: 1 << 20, Width: 1 << 20}} {
		if _, err := d.SizeFor(e); !errors.Is(err, glipvk.ErrInput) {
			t.Errorf("%+v: %v", e, err)
		}
	}
}

// TestBatchExactWorld: the model that is in the program gives the same bits in a batch, on the CPU.
func TestBatchExactWorld(t *testing.T) {
	d, in := openWorld(t)
	size := glipvk.SizeOf(in)
	size.Batch = 2
	if same, err := d.BatchExact(t.Context(), size, glipvk.Query{Caption: "a red apple and two dogs"}); err != nil || !same {
		t.Errorf("exact: %v, %v", same, err)
	}
}

// BatchExact sees one picture of several that is not what it is alone, whichever it is, by a bit of a map.
func TestBatchExactSees(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	d := openTiny(t, c, on("cpu"))
	in := stack(t, d, photo(64, 96, 1), photo(64, 96, 2), photo(64, 96, 3))
	for k := range 3 {
		for _, change := range []float32{0, 1e-6} {
			other := in
			other.Data = slices.Clone(in.Data)
			other.Data[k*len(in.Data)/3+7] *= 1 + change
			sights, err := d.LookEach(t.Context(), other)
			if err != nil {
				t.Fatal(err)
			}
			if same, err := d.Same(in, sights, questions()[0]); err != nil || same != (change == 0) {
				t.Errorf("picture %d off by %g: the same %v, %v", k, change, same, err)
			}
			for _, s := range sights {
				s.Close()
			}
		}
	}
}
