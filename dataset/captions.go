package dataset

import (
	"fmt"
	"slices"

	"github.com/glipvk/glipvk/text"
)

// Captions says how the pictures of a set get theirs. Pictures of grounding data keep their own. The zero value is fine-tuning's:
// all names, in the order of the set; of a picture that is asked for some of them only ([Picture.Asked]) these, in a random
// order.
type Captions struct {
	Affixes   []text.Affix // what stands around each name, one for each of the set's; they exclude the others
	Shuffle   bool         // the names in a random order, new for each sample
	Negatives int          // above 0: those that the picture shows, and so many others at most, drawn by chance (pre-training: 85)
}

// full is how probable it is that as many absent classes are drawn as can be, instead of any number (CONTROL_PROB).
const full = 0.5

// background is what label 0 is called where absent classes are drawn.
const background = "__background__"

// Captioner makes the captions of a set's pictures.
type Captioner struct {
	names     []string
	options   Captions
	tokenizer *text.Tokenizer
	fixed     Caption
}

// NewCaptioner readies it. Errors wrap [text.ErrCaption].
func NewCaptioner(names []string, o Captions, t *text.Tokenizer) (*Captioner, error) {
	if len(o.Affixes) > 0 && (o.Shuffle || o.Negatives > 0) {
		return nil, fmt.Errorf("dataset: %w: caption prompts need all names in their order, neither shuffled nor drawn by chance", text.ErrCaption)
	}
	if o.Negatives < 0 {
		return nil, fmt.Errorf("dataset: %w: %d absent classes for a caption, want at least 0", text.ErrCaption, o.Negatives)
	}
	c := &Captioner{names: names, options: o, tokenizer: t}
	if len(names) == 0 {
		return c, nil // of grounding data, whose pictures have captions
	}
	var err error
	c.fixed, err = Fixed(names, o.Affixes)
	return c, err
}

// Caption is that of a sample of a picture, by chance where the options ask for it.
func (c *Captioner) Caption(p Picture, chance Chance) (Caption, error) {
	switch {
	case p.Caption != "":
		return Caption{Text: p.Caption}, nil
	case c.options.Negatives > 0:
		names := append([]string{background}, c.names...)
		return Sampling{Names: names, Absent: p.Asked, Negatives: c.options.Negatives, Full: full, Tokenizer: c.tokenizer, Chance: chance}.Caption(p.labels())
	case c.options.Shuffle || p.Asked != nil && len(c.options.Affixes) == 0:
		labels := slices.Clone(p.Asked)
		if p.Asked == nil {
			labels = counted(1, len(c.names))
		}
		if len(labels) == 0 {
			return Caption{}, nil
		}
		chance.Shuffle(len(labels), func(i, j int) { labels[i], labels[j] = labels[j], labels[i] })
		names := make([]string, len(labels))
		for i, label := range labels {
			names[i] = c.names[label-1]
		}
		return listed(text.List{Names: names}, labels)
	}
	return c.fixed, nil
}

// labels are those of the things that a picture shows, ascending, each once.
func (p Picture) labels() []int {
	var list []int
	for _, o := range p.Objects {
		list = append(list, o.Label)
	}
	return distinct(list)
}

// distinct orders labels, each once.
func distinct(labels []int) []int {
	slices.Sort(labels)
	return slices.Compact(labels)
}

// counted are so many whole numbers from one on.
func counted(from, count int) []int {
	list := make([]int, count)
	for i := range list {
		list[i] = from + i
	}
	return list
}
