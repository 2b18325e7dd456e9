package eval

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// BestScore is the score at which F1 over all categories is highest, at the threshold of the overlap that is nearest to one half: results below it
// cost more than they bring. It is 0 where there is no hit.
func (e *Evaluation) BestScore() (score, f1 float64) {
	type step struct {
		score      float64
		hit, wrong bool
	}
	nearest := 0
	for t, v := range e.Params.Thresholds {
		if abs(v-0.5) < abs(e.Params.Thresholds[nearest]-0.5) {
			nearest = t
		}
	}
	bit := uint64(1) << nearest
	var steps []step
	truths := 0
	for _, p := range e.pools {
		truths += p.truths(nil)
		for _, r := range p.results {
			if r.ignored&bit == 0 {
				steps = append(steps, step{r.score, r.hit&bit != 0, r.hit&bit == 0})
			}
		}
	}
	slices.SortFunc(steps, func(a, b step) int { return cmp.Compare(b.score, a.score) })
	hits := 0
	for i, s := range steps {
		if s.hit {
			hits++
		}
		if i+1 < len(steps) && steps[i+1].score == s.score {
			continue // a score takes all of its results or none
		}
		if v := 2 * float64(hits) / float64(i+1+truths); v > f1 {
			score, f1 = s.score, v
		}
	}
	return score, f1
}

func abs(v float64) float64 { return max(v, -v) }

// ConfusionParams say what is compared.
type ConfusionParams struct {
	Overlap float64                            // of a result and the truth that it shows, above 0; 0 for one half
	Score   float64                            // results below it are left out
	Ask     func(picture, category int64) bool // whether results of a category count in a picture (LVIS); nil for always
}

// Confusion is what things of one category were taken for. A result shows the truth that it overlaps most, of whatever category, the best result first.
type Confusion struct {
	Categories []int64 // ascending
	Counts     [][]int // [true category][found category], with one more row for what shows nothing and one more column for what is not found
	Pictures   []Mistakes
}

// Mistakes are those in a picture.
type Mistakes struct {
	Picture                        int64
	Right, Confused, Missed, Wrong int // Wrong results show nothing
}

// All is how many they are.
func (m Mistakes) All() int { return m.Confused + m.Missed + m.Wrong }

// Worst are the pictures with most mistakes, the worst first; pictures without are left out.
func (c *Confusion) Worst(n int) []Mistakes {
	list := slices.DeleteFunc(slices.Clone(c.Pictures), func(m Mistakes) bool { return m.All() == 0 })
	slices.SortStableFunc(list, func(a, b Mistakes) int { return cmp.Compare(b.All(), a.All()) })
	return list[:min(n, len(list))]
}

// Confuse matches results with truths of all categories. Crowds, and truths that are to be ignored, count for nobody. Errors wrap [ErrInput] or are the
// context's.
func Confuse(ctx context.Context, truths *Truths, found []Found, p ConfusionParams) (*Confusion, error) {
	params := Params{Agnostic: true}.complete(truths)
	if err := params.check(found); err != nil {
		return nil, err
	}
	if p.Overlap = cmp.Or(p.Overlap, 0.5); !(p.Overlap > 0 && p.Overlap <= 1) {
		return nil, fmt.Errorf("eval: %w: an overlap of %g, want a number above 0, at most 1", ErrInput, p.Overlap)
	}
	kept := make([]Found, 0, len(found))
	for _, f := range found {
		if f.Score >= p.Score && (p.Ask == nil || p.Ask(f.Picture, f.Category)) {
			kept = append(kept, f)
		}
	}
	t := task{Params: params, truths: params.listed(truths, nil), found: kept}
	all := &t.classes(1)[0]
	all.sorted(len(kept))
	c := &Confusion{Categories: params.Categories}
	for range len(c.Categories) + 1 {
		c.Counts = append(c.Counts, make([]int, len(c.Categories)+1))
	}
	at := numbered(c.Categories)
	m := matcher{thresholds: []float64{p.Overlap}}
	for i, picture := range params.Pictures {
		if i%256 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		sights, things := all.of(int32(i))
		c.Pictures = append(c.Pictures, c.picture(&m, picture, sights, things, at, p.Overlap))
	}
	return c, nil
}

// of takes the results and truths of a picture off the front.
func (c *class) of(picture int32) (sights []sight, things []thing) {
	i, j := 0, 0
	for i < len(c.sights) && c.sights[i].picture == picture {
		i++
	}
	for j < len(c.things) && c.things[j].picture == picture {
		j++
	}
	sights, things = c.sights[:i], c.things[:j]
	c.sights, c.things = c.sights[i:], c.things[j:]
	return sights, things
}

// picture counts what is right and wrong in one.
func (c *Confusion) picture(m *matcher, picture int64, sights []sight, things []thing, at map[int64]int, overlap float64) Mistakes {
	nothing := len(c.Categories)
	out := Mistakes{Picture: picture}
	m.overlap(sights, things)
	m.arrange(things, areaRanges[0])
	m.clear(len(things))
	for i := range sights {
		truth := m.take(things, m.overlaps[i*len(things):], overlap)
		switch {
		case truth < 0:
			out.Wrong++
			c.Counts[nothing][at[sights[i].Category]]++
		case m.ignored[truth]:
		default:
			if c.Counts[at[things[truth].Category]][at[sights[i].Category]]++; things[truth].Category == sights[i].Category {
				out.Right++
			} else {
				out.Confused++
			}
		}
	}
	for k := range things {
		if !m.taken[k] && !m.ignored[k] {
			out.Missed++
			c.Counts[at[things[k].Category]][nothing]++
		}
	}
	return out
}
