package dataset

import (
	"math/rand/v2"
	"slices"

	"github.com/glipvk/glipvk/text"
)

// Caption is a text and where the classes of a set stand in it.
type Caption struct {
	Text  string
	Spans map[int]text.Span // by label; of the classes that are in the text
}

// Fixed is the caption of all names in their order, as fine-tuning has it. affixes, if any, say what stands around each
// name (the caption prompts of ODinW); their names are cleaned as those of classes are. Errors wrap [text.ErrCaption].
func Fixed(names []string, affixes []text.Affix) (Caption, error) {
	affixes = slices.Clone(affixes)
	for i := range affixes {
		affixes[i].Name = text.CleanName(affixes[i].Name)
	}
	return listed(text.List{Names: names, Affixes: affixes}, nil)
}

// listed is the caption of a list; labels are those of its names, nil for 1, 2 and so on.
func listed(l text.List, labels []int) (Caption, error) {
	p, err := l.Prompt()
	if err != nil {
		return Caption{}, err
	}
	c := Caption{Text: p.Text, Spans: map[int]text.Span{}}
	for i, label := range p.Labels {
		at := i + 1
		if labels != nil {
			at = labels[i]
		}
		c.Spans[at] = label.Span
	}
	return c, nil
}

// Sampling draws captions with some of the classes that a picture does not show, as pre-training does
// (od_to_grounding.py): those it shows, and a random number of others, as many as fit.
type Sampling struct {
	Names     []string // by label from 1; Names[0] is that of label 0, which can be drawn as an absent class
	Absent    []int    // labels that absent classes are drawn from; nil for all
	Negatives int      // the most that are drawn
	Full      float64  // how probable it is that as many are drawn; else it is any number from 1 on
	Tokenizer *text.Tokenizer
	Chance    Chance
}

// Chance is what a caption throws dice with; [rand.Rand] is one.
type Chance interface {
	Float64() float64
	IntN(n int) int
	Shuffle(n int, swap func(i, j int))
}

var _ Chance = (*rand.Rand)(nil)

// room is how many tokens a caption's names may take.
const room = 254

// Caption draws one for a picture that shows the given labels. Boxes of labels that it has no room for are to be left out:
// they are not in its spans.
func (s Sampling) Caption(shown []int) (Caption, error) {
	positive := slices.Clone(shown)
	slices.Sort(positive)
	positive = slices.Compact(positive)
	s.Chance.Shuffle(len(positive), func(i, j int) { positive[i], positive[j] = positive[j], positive[i] })
	length := 0
	for i, label := range positive {
		n, err := s.length(label)
		if err != nil {
			return Caption{}, err
		}
		if length += n; length > room {
			positive = positive[:i] // what overflowed is counted, and left out
			break
		}
	}
	negative, err := s.negatives(positive, room-length)
	if err != nil {
		return Caption{}, err
	}
	all := append(negative, positive...)
	s.Chance.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	var names []string
	for _, label := range all {
		names = append(names, s.Names[label])
	}
	if len(names) == 0 {
		return Caption{}, nil
	}
	return listed(text.List{Names: names}, all)
}

// negatives draws labels that are not positive, as many as there is room for.
func (s Sampling) negatives(positive []int, left int) ([]int, error) {
	drawn := slices.Clone(s.Absent)
	if s.Absent == nil {
		drawn = counted(0, len(s.Names))
	}
	count := min(s.Negatives, len(drawn))
	if s.Chance.Float64() >= s.Full {
		count = 1 + s.Chance.IntN(max(count, 1))
	}
	s.Chance.Shuffle(len(drawn), func(i, j int) { drawn[i], drawn[j] = drawn[j], drawn[i] })
	drawn = slices.DeleteFunc(drawn[:min(count, len(drawn))], func(label int) bool { return slices.Contains(positive, label) })
	s.Chance.Shuffle(len(drawn), func(i, j int) { drawn[i], drawn[j] = drawn[j], drawn[i] })
	for i, label := range drawn {
		n, err := s.length(label)
		if err != nil {
			return nil, err
		}
		if left -= n; left <= 0 {
			return drawn[:i], nil
		}
	}
	return drawn, nil
}

// length is the number of tokens of a name and the separator behind it.
func (s Sampling) length(label int) (int, error) {
	e, err := s.Tokenizer.Encode(text.CleanName(s.Names[label]) + text.Separator)
	if err != nil {
		return 0, err
	}
	return len(e.IDs()) - 2, nil // without [CLS] and [SEP]
}
