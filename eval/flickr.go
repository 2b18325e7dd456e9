package eval

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Flickr are sentences about pictures, and where what they name is: Flickr30k Entities, as files of its own layout or MDETR's file say it.
type Flickr struct {
	Sentences []Sentence // those in which a phrase has a box, in the order of the list of pictures
	Others    int        // sentences without such a phrase, which are not asked for
}

// Sentence is one, about a picture.
type Sentence struct {
	Picture string // its id, which the name of its file begins with
	Index   int    // of the sentence among those of the picture, from 0
	File    string // of the picture
	Caption string
	Phrases []Phrase // those that have boxes, in order
}

// Phrase is a part of a sentence.
type Phrase struct {
	Spans [][2]int     // [begin, end) in code points of the caption
	Types []string     // of what it names: people, clothing and so on; none from MDETR's file
	Boxes [][4]float64 // corners of each thing that it names
}

// Grounding is what was found for a sentence: of each phrase that has boxes its boxes as corners, by falling score.
type Grounding struct {
	Picture string
	Index   int
	Boxes   [][][4]float64
}

// FlickrParams say how phrases are judged.
type FlickrParams struct {
	Merged bool // MERGED-BOXES: all boxes of what a phrase names become the hull of them; else ANY-BOX
}

// Ranks are those at which recall is reported; -1 is all boxes, the upper bound.
func Ranks() []int { return []int{1, 5, 10, -1} }

// AllPhrases is the type under which all phrases are counted.
const AllPhrases = "all"

// Recall is what came out for sentences.
type Recall struct {
	ByRank                map[int]map[string]float64 // by rank and type of phrase
	Sentences, Phrases    int
	Unexpected, Duplicate int // groundings of sentences that are not asked for, and second ones: they do not count

	pictures []pictureRecall
}

// pictureRecall are the phrases of a picture, and how many are hit at each rank.
type pictureRecall struct {
	phrases int
	hits    [4]int
}

// Recall measures groundings as MDETR's evaluator does, which GLIP took over. Every sentence that has a phrase with a box needs one, with a list of
// boxes for each such phrase; an empty list is a phrase that is missed, where the original would fail. Errors wrap [ErrInput] or are the context's.
func (f *Flickr) Recall(ctx context.Context, found []Grounding, p FlickrParams) (*Recall, error) {
	type key struct {
		picture string
		index   int
	}
	wanted := map[key]int{}
	for i, s := range f.Sentences {
		wanted[key{s.Picture, s.Index}] = i
	}
	r := &Recall{ByRank: map[int]map[string]float64{}}
	c := counter{byPicture: map[string]*pictureRecall{}, hits: map[string]*[4]int{}, all: map[string]int{}}
	seen := make([]bool, len(f.Sentences))
	for n, g := range found {
		if n%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		i, ok := wanted[key{g.Picture, g.Index}]
		switch {
		case !ok:
			r.Unexpected++
			continue
		case seen[i]:
			r.Duplicate++
			continue
		}
		s := f.Sentences[i]
		if seen[i] = true; len(g.Boxes) != len(s.Phrases) {
			return nil, fmt.Errorf("eval: %w: %d lists of boxes for sentence %d of picture %s, which has %d phrases with boxes", ErrInput, len(g.Boxes), s.Index, s.Picture, len(s.Phrases))
		}
		for k, phrase := range s.Phrases {
			c.count(s.Picture, phrase, hitAt(g.Boxes[k], phrase.truths(p.Merged)))
		}
		r.Sentences, r.Phrases = r.Sentences+1, r.Phrases+len(s.Phrases)
	}
	for i, s := range f.Sentences {
		if !seen[i] {
			return nil, fmt.Errorf("eval: %w: nothing was given for sentence %d of picture %s; %d of %d sentences are there", ErrInput, s.Index, s.Picture, r.Sentences, len(f.Sentences))
		}
	}
	for k, rank := range Ranks() {
		r.ByRank[rank] = map[string]float64{}
		for kind, n := range c.all {
			r.ByRank[rank][kind] = float64(c.hits[kind][k]) / float64(n)
		}
	}
	for _, picture := range slices.Sorted(maps.Keys(c.byPicture)) {
		r.pictures = append(r.pictures, *c.byPicture[picture])
	}
	return r, nil
}

// counter counts phrases by type and by picture.
type counter struct {
	byPicture map[string]*pictureRecall
	hits      map[string]*[4]int
	all       map[string]int
}

// count adds a phrase to all, to each of its types and to its picture.
func (c *counter) count(picture string, p Phrase, hit [4]bool) {
	at := c.byPicture[picture]
	if at == nil {
		at = &pictureRecall{}
		c.byPicture[picture] = at
	}
	at.phrases++
	for _, kind := range append([]string{AllPhrases}, p.Types...) {
		if c.hits[kind] == nil {
			c.hits[kind] = &[4]int{}
		}
		c.all[kind]++
		for k, h := range hit {
			if h {
				c.hits[kind][k]++
			}
		}
	}
	for k, h := range hit {
		if h {
			at.hits[k]++
		}
	}
}

// truths are the boxes of a phrase, or their hull.
func (p Phrase) truths(merged bool) [][4]float64 {
	if !merged || len(p.Boxes) < 2 {
		return p.Boxes
	}
	hull := p.Boxes[0]
	for _, b := range p.Boxes[1:] {
		hull = [4]float64{min(hull[0], b[0]), min(hull[1], b[1]), max(hull[2], b[2]), max(hull[3], b[3])}
	}
	return [][4]float64{hull}
}

// hitAt says for each rank whether one of the first boxes overlaps one of the truths by a half. An overlap that is no number, of a truth and a
// box that both have no area, spoils every rank that has it, as the reference's maximum does.
func hitAt(boxes, truths [][4]float64) (hit [4]bool) {
	best := math.Inf(-1)
	for i := 0; i <= len(boxes); i++ {
		for k, rank := range Ranks() {
			if i == rank || i < rank && i == len(boxes) || rank < 0 && i == len(boxes) {
				hit[k] = best >= 0.5
			}
		}
		if i == len(boxes) {
			break
		}
		for _, t := range truths {
			best = max(best, cornerOverlap(boxes[i], t)) // max keeps what is no number
		}
	}
	return hit
}

// cornerOverlap is the intersection over the union of two boxes given by corners.
func cornerOverlap(a, b [4]float64) float64 {
	w, h := max(min(a[2], b[2])-max(a[0], b[0]), 0), max(min(a[3], b[3])-max(a[1], b[1]), 0)
	both := float64(w * h)
	union := float64((a[2]-a[0])*(a[3]-a[1])) + float64((b[2]-b[0])*(b[3]-b[1])) - both
	return both / union
}

// Types are those of phrases, sorted.
func (r *Recall) Types() []string { return slices.Sorted(maps.Keys(r.ByRank[1])) }

// String is the table that the reference prints.
func (r *Recall) String() string {
	rows := [][]string{append([]string{"Recall@k"}, r.Types()...)}
	for _, rank := range Ranks() {
		row := []string{fmt.Sprintf("Recall@%d", rank)}
		if rank < 0 {
			row[0] = "Upper_bound"
		}
		for _, kind := range r.Types() {
			row = append(row, shortest(r.ByRank[rank][kind]))
		}
		rows = append(rows, row)
	}
	return framed(rows)
}

// framed draws rows, the first of them names, as prettytable does: in the middle of their columns.
func framed(rows [][]string) string {
	wide := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			wide[i] = max(wide[i], len([]rune(cell)))
		}
	}
	var b strings.Builder
	rule := func() {
		for _, w := range wide {
			b.WriteString("+" + strings.Repeat("-", w+2))
		}
		b.WriteString("+\n")
	}
	rule()
	for i, row := range rows {
		for k, cell := range row {
			length := len([]rune(cell))
			left := (wide[k] - length) / 2
			if (wide[k]-length)%2 == 1 && length%2 == 0 {
				left++ // an odd blank stands left of a text of even length
			}
			b.WriteString("| " + strings.Repeat(" ", left) + cell + strings.Repeat(" ", wide[k]-length-left) + " ")
		}
		b.WriteString("|\n")
		if i == 0 {
			rule()
		}
	}
	rule()
	return b.String()
}

// shortest writes a number as Python does: the fewest digits that give it back, and .0 behind a whole one.
func shortest(v float64) string {
	if a := math.Abs(v); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(v, 'e', -1, 64)
	}
	text := strconv.FormatFloat(v, 'f', -1, 64)
	if !strings.ContainsAny(text, ".NI") {
		text += ".0"
	}
	return text
}
