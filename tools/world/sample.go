package main

import (
	"context"
	"fmt"
	"image/png"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
)

// Bounds of the scenes of the sample, which the repository carries.
const (
	mostBytes   = 24 << 10 // of a picture
	sampleTries = 20000
)

// demo is the sentence of the sample's first scene, which shows that and no more.
const demo = "a red apple and two dogs"

// sample writes a few small scenes into a folder, with annotations of each sort.
func (w *world) sample(ctx context.Context, folder string, seed uint64, say io.Writer) error {
	novel := plain(anyColour(w.novel, all(w.novel)))
	of := func(file string, first, count int, make maker, fits func(example) bool) part {
		return part{fmt.Sprint("sample ", file, first), file, first, count, nil, small(make, fits)}
	}
	type list struct {
		name       string
		categories []kind
	}
	for _, set := range []struct {
		parts []part
		lists []list
	}{
		{
			[]part{of("scene%d.png", 1, 1, demoScene, apart), of("scene%d.png", 2, 11, (*world).told, several)},
			[]list{{"scenes", w.names}, {"sentences", nil}},
		},
		{[]part{of("pair%d.png", 1, 12, asked(w.pairs), several)}, []list{{"pairs", w.pairs}}},
		{[]part{of("unseen%d.png", 1, 12, asked(w.unseen), several)}, []list{{"zeroshot", w.unseen}}},
		{[]part{of("novel%d.png", 1, 24, novel, many)}, []list{{"novel", w.novel}}},
		{[]part{of("noveltest%d.png", 1, 12, novel, many)}, []list{{"novel-val", w.novel}}},
	} {
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

// apart says whether no two things touch.
func apart(e example) bool {
	for i, a := range e.things {
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
		e.scene = w.scene(dice, []kind{apple, dog})
		if len(e.things) != 3 {
			continue
		}
		if c, ok := sentence(dice, e.things); ok && c.text == demo {
			e.caption = c
			return e, nil
		}
	}
	return e, fmt.Errorf("none of %d scenes is told as %q", sampleTries, demo)
}
