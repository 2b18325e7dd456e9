package main

import (
	"math/rand/v2"
	"slices"

	"github.com/glipvk/glipvk/text"
)

// caption is a text and, for each thing of a scene, where it is named.
type caption struct {
	text  string
	spans [][]text.Span
}

// list is the caption of phrases, in the form of lists of classes.
func list(phrases []kind, things []thing) (caption, error) {
	names := make([]string, len(phrases))
	for i, p := range phrases {
		names[i] = p.phrase()
	}
	prompt, err := text.List{Names: names}.Prompt()
	if err != nil {
		return caption{}, err
	}
	c := caption{prompt.Text, make([][]text.Span, len(things))}
	for i, t := range things {
		for j, p := range phrases {
			if p.names(t.kind) {
				c.spans[i] = append(c.spans[i], prompt.Labels[j].Span)
			}
		}
	}
	return c, nil
}

// present are the kinds that a scene shows, each once: with their colours, or by their names alone.
func present(things []thing, coloured bool) (kinds []kind) {
	for _, t := range things {
		k := t.kind
		if !coloured {
			k.colour = natural
		}
		if !slices.Contains(kinds, k) {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// absent are some of the kinds that name nothing in a scene, in an order by chance.
func absent(dice *rand.Rand, kinds []kind, things []thing) []kind {
	rest := slices.DeleteFunc(slices.Clone(kinds), func(k kind) bool {
		return slices.ContainsFunc(things, func(t thing) bool { return k.names(t.kind) })
	})
	shuffle(dice, rest)
	return rest
}

func shuffle[T any](dice *rand.Rand, list []T) {
	dice.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
}

// hard are pairs that a scene does not show, those first that are most easily taken for one that it does: the same name in another
// colour and another name in the same colour, by turns.
func hard(dice *rand.Rand, pairs []kind, things []thing) []kind {
	var named, coloured, others []kind
	for _, k := range absent(dice, pairs, things) {
		switch {
		case slices.ContainsFunc(things, func(t thing) bool { return t.word == k.word }):
			named = append(named, k)
		case slices.ContainsFunc(things, func(t thing) bool { return t.colour == k.colour }):
			coloured = append(coloured, k)
		default:
			others = append(others, k)
		}
	}
	var order []kind
	for i := range max(len(named), len(coloured)) {
		order = append(order, named[min(i, len(named)):min(i+1, len(named))]...)
		order = append(order, coloured[min(i, len(coloured)):min(i+1, len(coloured))]...)
	}
	return append(order, others...)
}

// Bounds of the lists that are learned from.
const (
	leastList = 3
	mostNames = 24
	mostPairs = 12
)

// nameList is a caption of names: all that the scene shows, and others. Long ones are twice as likely as short ones, since who asks for all
// names asks in lists as long as a caption holds.
func (w *world) nameList(dice *rand.Rand, things []thing) (caption, error) {
	phrases := present(things, false)
	count := leastList + max(dice.IntN(mostNames-leastList+1), dice.IntN(mostNames-leastList+1))
	return fill(dice, phrases, absent(dice, w.names, things), count, things)
}

// pairList is a caption of pairs: all that the scene shows, and others, half of them hard ones.
func (w *world) pairList(dice *rand.Rand, things []thing) (caption, error) {
	phrases := present(things, true)
	count := leastList + dice.IntN(mostPairs-leastList+1)
	return fill(dice, phrases, w.others(dice, things, count-len(phrases)), count, things)
}

// others are pairs that the scene does not show, the first half of count hard ones.
func (w *world) others(dice *rand.Rand, things []thing, count int) []kind {
	some := hard(dice, w.pairs, things)[:max(count+1, 0)/2]
	for _, k := range absent(dice, w.pairs, things) {
		if !slices.Contains(some, k) {
			some = append(some, k)
		}
	}
	return some
}

// mixedList is a caption of names and pairs: a thing is called by either or by both.
func (w *world) mixedList(dice *rand.Rand, things []thing) (caption, error) {
	var phrases []kind
	add := func(k kind) {
		if !slices.Contains(phrases, k) {
			phrases = append(phrases, k)
		}
	}
	for _, k := range present(things, true) {
		chance := dice.Float64()
		if chance < 0.6 {
			add(k)
		}
		if chance >= 0.4 {
			add(kind{k.word, natural})
		}
	}
	count := leastList + dice.IntN(mostPairs-leastList+1)
	rest := w.others(dice, things, (count-len(phrases))/2)
	rest = append(rest[:min(max(count-len(phrases), 0)/2, len(rest))], absent(dice, w.names, things)...)
	return fill(dice, phrases, rest, count, things)
}

// fill is the caption of phrases and as many others as make count, in an order by chance.
func fill(dice *rand.Rand, phrases, others []kind, count int, things []thing) (caption, error) {
	phrases = append(phrases, others[:min(max(count-len(phrases), 0), len(others))]...)
	shuffle(dice, phrases)
	return list(phrases, things)
}
