package main

import (
	"context"
	"fmt"
	"image/png"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"

	"github.com/glipvk/glipvk/text"
)

// Bounds of the scenes of the sample, which the repository carries.
const (
	mostBytes   = 24 << 10 // of a picture
	sampleTries = 20000
)

// demo is the sentence of the sample's first scene, which shows that and no more.
const demo = "a red apple and two dogs"

// sampleSet is scenes of one sort, with the files of annotations that list them.
type sampleSet struct {
	parts []part
	lists []sampleList
}

// sampleList is a file of annotations: its name, and its categories or none, of grounding data.
type sampleList struct {
	name       string
	categories []kind
}

// sampleSets are all of the sample.
func (w *world) sampleSets() []sampleSet {
	novel := plain(anyColour(w.novel, all(w.novel)))
	of := func(file string, first, count int, make maker, fits func(example) bool) part {
		return part{fmt.Sprint("sample ", file, first), file, first, count, nil, small(make, fits)}
	}
	return []sampleSet{
		{
			[]part{of("scene%d.png", 1, 1, demoScene, several), of("scene%d.png", 2, 11, (*world).told, talkative)},
			[]sampleList{{"names", w.names}, {"sentences", nil}},
		},
		{[]part{of("pair%d.png", 1, 12, asked(w.pairs), several)}, []sampleList{{"pairs", w.pairs}}},
		{[]part{of("unseen%d.png", 1, 12, asked(w.unseen), several)}, []sampleList{{"zeroshot", w.unseen}}},
		{[]part{of("novel%d.png", 1, 24, novel, many)}, []sampleList{{"novel", w.novel}}},
		{[]part{of("noveltest%d.png", 1, 12, novel, many)}, []sampleList{{"novel-val", w.novel}}},
	}
}

// sample writes a few small scenes into a folder, with annotations of each sort.
func (w *world) sample(ctx context.Context, folder string, seed uint64, say io.Writer) error {
	for _, set := range w.sampleSets() {
		var examples []example
		for _, p := range set.parts {
			drawn, err := p.draw(ctx, w, folder, seed, png.BestCompression)
			if err != nil {
				return err
			}
			examples = append(examples, drawn...)
		}
		for _, l := range set.lists {
			if err := annotate(l.categories, examples).save(filepath.Join(folder, l.name+".json"), say); err != nil {
				return err
			}
		}
	}
	return nil
}

// What is asked of the scenes of the sample.
func several(e example) bool { return len(e.things) > 1 }
func many(e example) bool    { return len(present(e.things, false)) > 2 }

// talkative says whether a sentence has several phrases.
func talkative(e example) bool {
	phrases := map[text.Span]bool{}
	for _, spans := range e.spans {
		for _, s := range spans {
			phrases[s] = true
		}
	}
	return len(phrases) > 1
}

// apart says whether all things are large and no two touch.
func apart(e example) bool {
	for i, a := range e.things {
		if min(a.box.Dx(), a.box.Dy()) < 40 {
			return false
		}
		for _, b := range e.things[:i] {
			if a.box.Overlaps(b.box) {
				return false
			}
		}
	}
	return true
}

// small makes examples that fit, with pictures of few bytes.
func small(make maker, fits func(example) bool) maker {
	return func(w *world, dice *rand.Rand) (example, error) {
		for range sampleTries {
			e, err := make(w, dice)
			if err != nil {
				return e, err
			}
			if !fits(e) {
				continue
			}
			if data, err := encode(e.picture, png.BestCompression); err != nil || len(data) <= mostBytes {
				return e, err
			}
		}
		return example{}, fmt.Errorf("none of %d scenes fits", sampleTries)
	}
}

// demoScene is a scene that the sentence demo tells all of: the apple red, the dogs as dogs are.
func demoScene(w *world, dice *rand.Rand) (e example, err error) {
	find := func(phrase string) kind {
		i := slices.IndexFunc(slices.Concat(w.names, w.pairs), func(k kind) bool { return k.phrase() == phrase })
		return slices.Concat(w.names, w.pairs)[i]
	}
	apple, dog := find("red apple"), find("dog")
	for range sampleTries {
		e.scene = w.scene(dice, []kind{apple, dog}, 1)
		if len(e.things) != 3 || !apart(e) {
			continue
		}
		for range 500 { // they say other things of it as well, or are longer
			var ok bool
			if e.caption, ok = sentence(dice, e.things); ok && e.text == demo {
				return e, nil
			}
		}
	}
	return e, fmt.Errorf("none of %d scenes is told as %q", sampleTries, demo)
}
