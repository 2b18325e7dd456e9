package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// example is a scene and what is asked of it.
type example struct {
	scene
	file      string // of the picture, in the folder of the annotations, with slashes
	caption          // of grounding data; else empty
	negatives []kind // of COCO's data: categories that are asked though the scene shows none; nil where all are
}

// maker makes an example by chance.
type maker func(*world, *rand.Rand) (example, error)

// part is scenes of one file of annotations.
type part struct {
	name       string
	file       string // of a picture, with the place for its number
	first      int    // number
	count      int
	categories []kind // of COCO's data; nil for grounding data
	make       maker
}

// parts are all files, the one to train with of so many scenes.
func (w *world) parts(count int) []part {
	names, novel := anyColour(w.names, w.pairs), anyColour(w.novel, all(w.novel))
	of := func(name string, count int, categories []kind, make maker) part {
		return part{name, name + "/%06d.png", 1, count, categories, make}
	}
	return []part{
		of("train", count, nil, (*world).lesson),
		of("val", 100, w.names, plain(names)),
		of("names", 500, w.names, plain(names)),
		of("pairs", 500, w.pairs, asked(w.pairs)),
		of("zeroshot", 500, w.unseen, asked(w.unseen)),
		of("sentences", 500, nil, (*world).told),
		of("novel", 60, w.novel, plain(novel)),
		of("novel-val", 100, w.novel, plain(novel)),
	}
}

// plain makes scenes of kinds, of which nothing is said.
func plain(kinds []kind) maker {
	return func(w *world, dice *rand.Rand) (example, error) { return example{scene: w.scene(dice, kinds, 1)}, nil }
}

// all is names in each of the colours.
func all(names []kind) (pairs []kind) {
	for _, k := range names {
		for c := range colours {
			pairs = append(pairs, kind{k.word, c})
		}
	}
	return pairs
}

// crowd is how many things a scene has at least that lists are learned from: the more, the more is learned of it.
const crowd = 4

// lesson is a scene to learn from: with a list of names, of pairs or of both, or with a sentence.
func (w *world) lesson(dice *rand.Rand) (e example, err error) {
	switch chance := dice.Float64(); {
	case chance < 0.50:
		e.scene = w.scene(dice, anyColour(w.names, w.pairs), crowd)
		e.caption, err = w.nameList(dice, e.things)
	case chance < 0.75:
		e.scene = w.scene(dice, w.pairs, crowd)
		e.caption, err = w.pairList(dice, e.things)
	case chance < 0.85:
		e.scene = w.scene(dice, w.pairs, crowd)
		e.caption, err = w.mixedList(dice, e.things)
	default:
		return w.told(dice)
	}
	return e, err
}

// told is a scene of trained things, with a sentence.
func (w *world) told(dice *rand.Rand) (e example, err error) {
	for range 100 {
		kinds := w.pairs
		if dice.IntN(2) == 0 {
			kinds = anyColour(w.names, w.pairs)
		}
		e.scene = w.scene(dice, kinds, 1)
		var ok bool
		if e.caption, ok = sentence(dice, e.things); ok {
			return e, nil
		}
	}
	return e, fmt.Errorf("no scene that can be told of in a hundred")
}

// How many pairs are asked of a scene, those that it shows among them.
const (
	leastAsked = 8
	mostAsked  = 10
)

// asked makes scenes of pairs, of each of which only some other pairs are asked, hard ones.
func asked(pairs []kind) maker {
	return func(w *world, dice *rand.Rand) (example, error) {
		e := example{scene: w.scene(dice, pairs, 1)}
		count := leastAsked + dice.IntN(mostAsked-leastAsked+1) - len(present(e.things, true))
		e.negatives = hard(dice, pairs, e.things)
		e.negatives = slices.Clip(e.negatives[:min(count, len(e.negatives))])
		return e, nil
	}
}
