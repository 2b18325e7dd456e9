package main

import (
	"cmp"
	"hash/fnv"
	"slices"
)

// word is a thing that scenes can show: what it is called, and what emoji-test.txt calls its drawing.
type word struct {
	name, plural, emoji string
}

// words are the things, each a word of BERT's vocabulary, with drawings that do not look alike.
var words = []word{
	{"dog", "dogs", "dog face"}, {"cat", "cats", "cat face"}, {"pig", "pigs", "pig face"}, {"elephant", "elephants", "elephant"},
	{"rabbit", "rabbits", "rabbit face"}, {"turtle", "turtles", "turtle"}, {"fish", "fish", "tropical fish"}, {"octopus", "octopuses", "octopus"},
	{"snail", "snails", "snail"}, {"butterfly", "butterflies", "butterfly"}, {"bee", "bees", "honeybee"}, {"crab", "crabs", "crab"},
	{"duck", "ducks", "duck"}, {"owl", "owls", "owl"}, {"penguin", "penguins", "penguin"}, {"frog", "frogs", "frog"},
	{"bear", "bears", "bear"}, {"lion", "lions", "lion"}, {"whale", "whales", "spouting whale"}, {"snake", "snakes", "snake"},
	{"apple", "apples", "red apple"}, {"banana", "bananas", "banana"}, {"pizza", "pizzas", "pizza"}, {"strawberry", "strawberries", "strawberry"},
	{"carrot", "carrots", "carrot"}, {"mushroom", "mushrooms", "mushroom"}, {"cake", "cakes", "birthday cake"}, {"truck", "trucks", "delivery truck"},
	{"lemon", "lemons", "lemon"}, {"cherry", "cherries", "cherries"}, {"car", "cars", "automobile"}, {"bicycle", "bicycles", "bicycle"},
	{"airplane", "airplanes", "airplane"}, {"rocket", "rockets", "rocket"}, {"bus", "buses", "bus"}, {"house", "houses", "house"},
	{"clock", "clocks", "alarm clock"}, {"key", "keys", "key"}, {"umbrella", "umbrellas", "umbrella"}, {"guitar", "guitars", "guitar"},
	{"camera", "cameras", "camera"}, {"book", "books", "closed book"}, {"hammer", "hammers", "hammer"}, {"crown", "crowns", "crown"},
	{"hat", "hats", "top hat"}, {"shoe", "shoes", "running shoe"}, {"ball", "balls", "soccer ball"}, {"bell", "bells", "bell"},
	{"gift", "gifts", "wrapped gift"}, {"balloon", "balloons", "balloon"}, {"flower", "flowers", "hibiscus"}, {"tree", "trees", "deciduous tree"},
	{"cactus", "cacti", "cactus"}, {"star", "stars", "star"}, {"sun", "suns", "sun"}, {"moon", "moons", "crescent moon"},
	{"heart", "hearts", "red heart"}, {"chair", "chairs", "chair"},
}

// kind is a thing in a colour, or in its natural ones; as a phrase, natural is any colour.
type kind struct {
	word, colour int
}

// natural stands instead of a colour where a drawing keeps its own.
const natural = -1

// phrase is what a kind is called in a list: its name, behind its colour if it has one.
func (k kind) phrase() string {
	if k.colour == natural {
		return words[k.word].name
	}
	return colours[k.colour].name + " " + words[k.word].name
}

// names says whether, as a phrase, it names a thing.
func (k kind) names(t kind) bool {
	return k.word == t.word && (k.colour == natural || k.colour == t.colour)
}

// hash is that of a text, the same for ever: what is held out hangs on it.
func hash(text string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(text))
	return h.Sum64()
}

// novelWords is how many words are never trained.
const novelWords = 10

// split is what of the words and pairs is trained and what is held out.
type split struct {
	names, novel  []kind // without colours
	pairs, unseen []kind // of trained words: those that are trained and those that never are
}

// divide makes the split, of hashes of the words alone.
func divide() (s split) {
	order := make([]int, len(words))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Compare(hash("few shots: "+words[a].name), hash("few shots: "+words[b].name))
	})
	for i := range words {
		k := kind{i, natural}
		if slices.Contains(order[:novelWords], i) {
			s.novel = append(s.novel, k)
			continue
		}
		s.names = append(s.names, k)
		for c := range colours {
			pair := kind{i, c}
			if hash("never: "+pair.phrase())%5 == 0 {
				s.unseen = append(s.unseen, pair)
			} else {
				s.pairs = append(s.pairs, pair)
			}
		}
	}
	return s
}

// anyColour is kinds, each with so many others as to be drawn in its natural colours in half the cases or less.
func anyColour(names, pairs []kind) []kind {
	list := slices.Clone(pairs)
	for range 3 {
		list = append(list, names...)
	}
	return list
}
