package arrows

import (
	"maps"
	"slices"
)

// needs says what of another node a node needs: needs[from][to] are the names, sorted. Nodes are files of a package, or rows of the map.
type needs map[string]map[string][]string

// add notes that from needs name of to. What a node needs of itself is no arrow.
func (n needs) add(from, to, name string) {
	if from == to {
		return
	}
	if n[from] == nil {
		n[from] = map[string][]string{}
	}
	if at, found := slices.BinarySearch(n[from][to], name); !found {
		n[from][to] = slices.Insert(n[from][to], at, name)
	}
}

// circles returns circles whose thinnest arrows, once gone, leave none: each is the shortest that is left, its first node not repeated.
// They come in the same order every time.
func (n needs) circles() [][]string {
	left := needs{}
	for from, targets := range n {
		left[from] = maps.Clone(targets)
	}
	var found [][]string
	for {
		circle := left.shortest()
		if circle == nil {
			return found
		}
		found = append(found, circle)
		thin, width := 0, int(^uint(0)>>1)
		for i, from := range circle {
			if n := len(left[from][circle[(i+1)%len(circle)]]); n < width {
				thin, width = i, n
			}
		}
		delete(left[circle[thin]], circle[(thin+1)%len(circle)])
	}
}

// shortest is the shortest circle, nil if there is none.
func (n needs) shortest() []string {
	var best []string
	for _, start := range slices.Sorted(maps.Keys(n)) {
		if path := n.back(start); path != nil && (best == nil || len(path) < len(best)) {
			best = path
		}
	}
	return best
}

// back is the shortest way from start to itself, breadth first.
func (n needs) back(start string) []string {
	paths := [][]string{{start}}
	seen := map[string]bool{}
	for ; len(paths) > 0; paths = paths[1:] {
		path := paths[0]
		for _, next := range slices.Sorted(maps.Keys(n[path[len(path)-1]])) {
			if next == start {
				return path
			}
			if !seen[next] {
				seen[next] = true
				paths = append(paths, append(slices.Clone(path), next))
			}
		}
	}
	return nil
}
