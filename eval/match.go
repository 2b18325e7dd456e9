package eval

import (
	"cmp"
	"math"
	"slices"
)

// thing is a truth as it is matched.
type thing struct {
	Truth
	picture int32 // its place among the pictures that are evaluated
}

// sight is a result as it is matched.
type sight struct {
	*Found
	picture, index, rank int32 // index among the results, rank among those of its picture, from 0
}

// class is what is matched of one category.
type class struct {
	things []thing                  // by picture, else in the order of the file
	sights []sight                  // by picture, by falling score; equal ones in the order of the file
	lax    func(picture int32) bool // whether unmatched results of a picture do not count; nil for never
}

// mark says what became of a result, a bit for each threshold of the overlap.
type mark struct{ hit, ignored uint64 }

// sorted puts them in the order of matching. Where categories do not matter, they were joined one by one.
func (c *class) sorted(most int) {
	slices.SortStableFunc(c.things, func(a, b thing) int {
		return cmp.Or(cmp.Compare(a.picture, b.picture), cmp.Compare(a.Category, b.Category))
	})
	slices.SortFunc(c.sights, func(a, b sight) int {
		if a.picture != b.picture {
			return cmp.Compare(a.picture, b.picture)
		}
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Category, b.Category), cmp.Compare(a.index, b.index))
	})
	rank := int32(0)
	for i := range c.sights {
		if rank++; i == 0 || c.sights[i].picture != c.sights[i-1].picture {
			rank = 0
		}
		c.sights[i].rank = rank
	}
	c.sights = slices.DeleteFunc(c.sights, func(s sight) bool { return int(s.rank) >= most })
}

// matcher matches one picture's results and truths; what it works in is used again.
type matcher struct {
	thresholds []float64
	overlaps   []float64 // [results][truths]
	order      []int     // of truths: first those that count
	ignored    []bool    // of each truth
	taken      []bool    // likewise
}

// tally is how many truths of a picture count.
type tally struct{ picture, truths int32 }

// match marks the results of a class in each range of areas, and returns how many truths count in each.
func (m *matcher) match(c *class) (marks [areas][]mark, tallies [areas][]tally) {
	for a := range marks {
		marks[a] = make([]mark, len(c.sights))
	}
	for i, j := 0, 0; i < len(c.sights) || j < len(c.things); {
		picture := int32(math.MaxInt32)
		if i < len(c.sights) {
			picture = c.sights[i].picture
		}
		if j < len(c.things) {
			picture = min(picture, c.things[j].picture)
		}
		fromSight, fromThing := i, j
		for i < len(c.sights) && c.sights[i].picture == picture {
			i++
		}
		for j < len(c.things) && c.things[j].picture == picture {
			j++
		}
		sights, things := c.sights[fromSight:i], c.things[fromThing:j]
		m.overlap(sights, things)
		lax := c.lax != nil && c.lax(picture)
		for a, area := range areaRanges {
			if n := m.arrange(things, area); n > 0 {
				tallies[a] = append(tallies[a], tally{picture, n})
			}
			m.fates(sights, things, area, lax, marks[a][fromSight:i])
		}
	}
	return marks, tallies
}

// overlap computes those of all pairs.
func (m *matcher) overlap(sights []sight, things []thing) {
	m.overlaps = m.overlaps[:0]
	for i := range sights {
		for k := range things {
			m.overlaps = append(m.overlaps, overlap(sights[i].Box, things[k].Box, things[k].Crowd))
		}
	}
}

// arrange decides which truths are ignored and puts those that count first; their number is returned.
func (m *matcher) arrange(things []thing, area [2]float64) (count int32) {
	m.order, m.ignored = m.order[:0], m.ignored[:0]
	for k := range things {
		t := &things[k]
		ignored := t.Crowd || t.Ignore || outside(t.Area, area)
		if m.ignored = append(m.ignored, ignored); !ignored {
			m.order = append(m.order, k)
		}
	}
	count = int32(len(m.order))
	for k, ignored := range m.ignored {
		if ignored {
			m.order = append(m.order, k)
		}
	}
	return count
}

// fates marks the results of a picture: what each is at each threshold.
func (m *matcher) fates(sights []sight, things []thing, area [2]float64, lax bool, marks []mark) {
	all := ^uint64(0) >> (64 - len(m.thresholds))
	if len(things) > 0 {
		for bit, threshold := range m.thresholds {
			m.clear(len(things))
			for i := range sights {
				at := m.take(things, m.overlaps[i*len(things):], threshold)
				if at < 0 {
					continue
				}
				if things[at].ID != 0 { // the references take an id of 0 for none
					marks[i].hit |= 1 << bit
				}
				if m.ignored[at] {
					marks[i].ignored |= 1 << bit
				}
			}
		}
	}
	for i := range sights {
		if lax || outside(float64(sights[i].Box[2]*sights[i].Box[3]), area) {
			marks[i].ignored |= all &^ marks[i].hit
		}
	}
}

// clear frees all truths.
func (m *matcher) clear(n int) {
	m.taken = append(m.taken[:0], make([]bool, n)...)
}

// take finds the truth that a result shows, by its overlaps with all of them, and takes it; -1 is none.
func (m *matcher) take(things []thing, overlaps []float64, threshold float64) int {
	best, at := math.Min(threshold, 1-1e-10), -1
	for _, k := range m.order {
		if m.taken[k] && !things[k].Crowd {
			continue
		}
		if at >= 0 && !m.ignored[at] && m.ignored[k] {
			break
		}
		if overlaps[k] < best {
			continue
		}
		best, at = overlaps[k], k
	}
	if at >= 0 {
		m.taken[at] = true
	}
	return at
}

// outside says whether an area is not in a range.
func outside(v float64, area [2]float64) bool { return v < area[0] || v > area[1] }

// overlap is the intersection of two boxes over their union, over the area of the result where the truth is a crowd.
func overlap(d, g Box, crowd bool) float64 {
	w := min(d[0]+d[2], g[0]+g[2]) - max(d[0], g[0])
	if w <= 0 {
		return 0
	}
	h := min(d[1]+d[3], g[1]+g[3]) - max(d[1], g[1])
	if h <= 0 {
		return 0
	}
	both := float64(w * h)
	union := float64(d[2] * d[3])
	if !crowd {
		union = float64(union+float64(g[2]*g[3])) - both
	}
	return both / union
}
