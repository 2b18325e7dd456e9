package main

import (
	"image"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/text"
)

// group is the things that one phrase of a sentence names: all of a kind that the scene shows.
type group struct {
	kind
	things []int // indices of the scene's
	boxes  []image.Rectangle
}

// counts are the words for how many.
var counts = []string{1: "one", 2: "two", 3: "three", 4: "four"}

// phrase is a group's: "a red apple", "two dogs".
func (g group) phrase(dice *rand.Rand) string {
	name := g.kind.phrase()
	if len(g.things) > 1 {
		name = strings.TrimSuffix(name, words[g.word].name) + words[g.word].plural
		return counts[len(g.things)] + " " + name
	}
	switch {
	case dice.IntN(10) == 0:
		return "one " + name
	case strings.ContainsRune("aeiou", rune(name[0])):
		return "an " + name
	}
	return "a " + name
}

// groups are one to four, of a scene's things: those of a name together, or apart by their colours where all have one of the
// world's.
func groups(dice *rand.Rand, things []thing) (list []group) {
	for _, name := range present(things, false) {
		kinds := []kind{name}
		natural := slices.ContainsFunc(things, func(t thing) bool { return t.word == name.word && t.colour == natural })
		if !natural && dice.Float64() < 0.65 {
			kinds = slices.DeleteFunc(present(things, true), func(k kind) bool { return k.word != name.word })
		}
		for _, k := range kinds {
			g := group{kind: k}
			for i, t := range things {
				if k.names(t.kind) {
					g.things, g.boxes = append(g.things, i), append(g.boxes, t.box)
				}
			}
			if len(g.things) < len(counts) {
				list = append(list, g)
			}
		}
	}
	shuffle(dice, list)
	return list[:min(len(list), 1+dice.IntN(4))]
}

// middle is twice the middle of a box.
func middle(box image.Rectangle) image.Point { return box.Min.Add(box.Max) }

// every says whether something holds of each box of one group and each of another.
func every(a, b group, holds func(a, b image.Rectangle) bool) bool {
	return !slices.ContainsFunc(a.boxes, func(x image.Rectangle) bool {
		return slices.ContainsFunc(b.boxes, func(y image.Rectangle) bool { return !holds(x, y) })
	})
}

// relation is how a group stands to others, in words that are true; place says whether it is one that can follow "is".
func relation(dice *rand.Rand, a group, others ...group) (word string, place bool) {
	all := func(holds func(a, b image.Rectangle) bool) bool {
		return !slices.ContainsFunc(others, func(b group) bool { return !every(a, b, holds) })
	}
	var places []string
	if all(func(a, b image.Rectangle) bool { return middle(a).Y+24 < middle(b).Y }) {
		places = append(places, "above")
	}
	if all(func(a, b image.Rectangle) bool { return middle(a).Y > middle(b).Y+24 }) {
		places = append(places, "below")
	}
	if all(func(a, b image.Rectangle) bool { return !a.Inset(-24).Intersect(b).Empty() }) {
		places = append(places, "near", "beside", "next to")
	}
	if len(places) > 0 && dice.Float64() < 0.65 {
		return places[dice.IntN(len(places))], true
	}
	return []string{"and", "with"}[dice.IntN(2)], false
}

// writer puts a sentence together.
type writer struct {
	dice *rand.Rand
	text strings.Builder
	c    caption
}

func (w *writer) phrase(g group) {
	begin := w.text.Len()
	w.text.WriteString(g.phrase(w.dice))
	for _, i := range g.things {
		w.c.spans[i] = append(w.c.spans[i], text.Span{Begin: begin, End: w.text.Len()})
	}
}

// openings stand before a sentence's first phrase, most often nothing.
var openings = []string{"", "", "", "", "", "", "there is ", "there is ", "i see ", "find ", "show me ", "a picture of ", "a photo of "}

// sentence is a caption that speaks of some of a scene's things; false where they are too many of a kind.
func sentence(dice *rand.Rand, things []thing) (caption, bool) {
	list := groups(dice, things)
	if len(list) == 0 {
		return caption{}, false
	}
	w := writer{dice: dice, c: caption{spans: make([][]text.Span, len(things))}}
	opening := openings[dice.IntN(len(openings))]
	be := "is "
	if len(list[0].things) > 1 {
		be = "are "
		opening = strings.Replace(opening, "is ", be, 1)
	}
	w.text.WriteString(opening)
	if n := len(list); n == 1 || n == 2 || dice.IntN(2) == 0 {
		w.related(list[:min(n, 3)], opening == "", be)
		if n == 4 {
			w.text.WriteString(", ")
			w.phrase(list[3])
		}
	} else {
		w.enumerate(list)
	}
	if dice.IntN(4) == 0 {
		w.text.WriteString(".")
	}
	w.c.text = w.text.String()
	return w.c, true
}

// related writes one group, and how it stands to one or two others.
func (w *writer) related(list []group, bare bool, be string) {
	w.phrase(list[0])
	if len(list) == 1 {
		return
	}
	word, place := relation(w.dice, list[0], list[1:]...)
	w.text.WriteString(" ")
	if place && bare && w.dice.IntN(3) == 0 {
		w.text.WriteString(be)
	}
	w.text.WriteString(word + " ")
	w.phrase(list[1])
	if len(list) == 3 {
		w.text.WriteString(" and ")
		w.phrase(list[2])
	}
}

// enumerate writes groups one after the other.
func (w *writer) enumerate(list []group) {
	for i, g := range list {
		switch {
		case i > 0 && i == len(list)-1:
			w.text.WriteString(" and ")
		case i > 0:
			w.text.WriteString(", ")
		}
		w.phrase(g)
	}
}
