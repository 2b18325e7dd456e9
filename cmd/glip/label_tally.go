package main

import (
	"cmp"
	"math"
	"slices"

	"github.com/glipvk/glipvk/labels"
)

// scoreBins is how many bins of a histogram the scores from 0 to 1 are counted in.
const scoreBins = 50

// bin is that of a score.
func bin(score float64) int { return min(max(int(score*scoreBins), 0), scoreBins-1) }

// classTally counts the boxes of a class.
type classTally struct {
	pictures, boxes int
	best, lowest    float64
	labelled        [scoreBins]int // by score
	other           [scoreBins]int // of those that are no labels: below the threshold, too small or large

	doubtful, surest ranking
}

// tally counts what became of the boxes of a set.
type tally struct {
	rule            labelRule
	pictures, empty int
	boxes           int
	by              [merged + 1]int // boxes, by their fate
	classes         []classTally
	crowded, nearly ranking

	highest judged // the best box that is no label
	in      string // its picture
}

// pick is a picture that the review may show.
type pick struct {
	labels.Picture
	boxes []judged
	key   float64
}

// ranking keeps the picks with the highest keys, of equal ones the first.
type ranking struct {
	most int
	list []*pick
}

func (r *ranking) add(key float64, p *pick) {
	if r.most == 0 || len(r.list) == r.most && !(key > r.list[len(r.list)-1].key) {
		return
	}
	p = &pick{p.Picture, p.boxes, key}
	at, _ := slices.BinarySearchFunc(r.list, key, func(have *pick, key float64) int {
		if have.key >= key {
			return -1
		}
		return 1
	})
	r.list = slices.Insert(r.list, at, p)
	r.list = r.list[:min(len(r.list), r.most)]
}

// newTally counts for a review of so many pictures.
func newTally(rule labelRule, review int) *tally {
	t := &tally{rule: rule, classes: make([]classTally, len(rule.Classes)), crowded: ranking{most: review}, nearly: ranking{most: review}}
	each := 0
	if review > 0 {
		each = 2 + review/len(rule.Classes)
	}
	for i := range t.classes {
		t.classes[i].doubtful.most, t.classes[i].surest.most = each, each
	}
	return t
}

// add takes a picture as it was found.
func (t *tally) add(p labels.Picture) {
	one := &pick{Picture: p, boxes: t.rule.judge(p)}
	t.pictures++
	labels, nearest := 0, math.Inf(-1)
	seen := map[int]bool{}
	for _, b := range one.boxes {
		t.by[b.fate]++
		c := &t.classes[b.Class]
		if b.fate != labelled {
			c.other[bin(b.Score)]++
			nearest = max(nearest, b.Score-t.rule.Thresholds[b.Class])
			if b.fate != merged && b.Score > t.highest.Score {
				t.highest, t.in = b, p.Name
			}
			continue
		}
		labels++
		c.labelled[bin(b.Score)]++
		if c.boxes++; c.boxes == 1 || b.Score < c.lowest {
			c.lowest = b.Score
		}
		c.best = max(c.best, b.Score)
		c.doubtful.add(t.rule.Thresholds[b.Class]-b.Score, one)
		if !seen[b.Class] { // boxes fall by score
			seen[b.Class] = true
			c.pictures++
			c.surest.add(b.Score, one)
		}
	}
	t.boxes += labels
	if labels == 0 {
		t.empty++
		t.nearly.add(nearest, one)
	} else {
		t.crowded.add(float64(labels), one)
	}
}

// reviewGroup is pictures that are shown for one reason.
type reviewGroup struct {
	Title, About string
	picks        []*pick
}

// groups chooses at most so many pictures, each once: the doubtful of every class, those that nearly have a label, those with the most
// labels, and the surest of every class.
func (t *tally) groups(most int) []reviewGroup {
	groups := []reviewGroup{
		{Title: "Doubtful", About: "A box is just above its threshold: if it is wrong, the threshold is too low."},
		{Title: "Nearly", About: "Nothing is labelled here; the best box is just below its threshold, or was filtered. If it is right, the threshold is too high."},
		{Title: "Crowded", About: "The most boxes: is one thing labelled twice?"},
		{Title: "Surest", About: "The highest scores: if these are wrong, the prompt is."},
	}
	candidates := [][]*pick{
		t.turns(func(c *classTally) []*pick { return c.doubtful.list }), t.nearly.list, t.crowded.list,
		t.turns(func(c *classTally) []*pick { return c.surest.list }),
	}
	taken := map[string]bool{}
	for _, room := range []int{(most + len(groups) - 1) / len(groups), most} { // a fair share first, then what is left
		for i := range groups {
			for _, p := range candidates[i] {
				if len(taken) == most || len(groups[i].picks) >= room {
					break
				}
				if !taken[p.Name] {
					taken[p.Name] = true
					groups[i].picks = append(groups[i].picks, p)
				}
			}
		}
	}
	return slices.DeleteFunc(groups, func(g reviewGroup) bool { return len(g.picks) == 0 })
}

// turns takes of each class's picks the first, then of each the second, and so on.
func (t *tally) turns(of func(*classTally) []*pick) (list []*pick) {
	for k := 0; ; k++ {
		var round []*pick
		for i := range t.classes {
			if picks := of(&t.classes[i]); k < len(picks) {
				round = append(round, picks[k])
			}
		}
		if len(round) == 0 {
			return list
		}
		slices.SortStableFunc(round, func(a, b *pick) int { return cmp.Compare(b.key, a.key) })
		list = append(list, round...)
	}
}
