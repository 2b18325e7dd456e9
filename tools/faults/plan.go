package main

import (
	"fmt"
	"hash/fnv"
	"slices"

	"github.com/glipvk/glipvk/tools/poser/pose"
)

// fault is one call of a run that fails.
type fault struct {
	Function string
	Place    string // first, middle or last
	Nth      int
	Result   string
}

// String is what POSER_FAIL says.
func (f fault) String() string { return fmt.Sprintf("%s %d %s", f.Function, f.Nth, f.Result) }

// counts are how often a run called each function, with what else the poser counts.
type counts map[string]int

// readCounts reads the poser's file; fired is how many calls failed.
func readCounts(path string) (c counts, fired int, err error) {
	c, fired, err = pose.Counts(path)
	if err == nil && c["vkCreateInstance"] == 0 && fired == 0 {
		err = fmt.Errorf("%s says nothing of an instance: the poser was not the driver", path)
	}
	return c, fired, err
}

// live is how many objects were made and not destroyed.
func (c counts) live() int { return c["live"] }

// planned are all faults of a run that calls functions so often.
func planned(c counts) (list []fault) {
	for _, f := range pose.Functions() {
		n := c[f]
		if n == 0 {
			continue
		}
		seen := 0
		for i, nth := range []int{1, (n + 1) / 2, n} {
			if nth <= seen {
				continue
			}
			seen = nth
			for _, result := range pose.Results(f) {
				list = append(list, fault{f, []string{"first", "middle", "last"}[i], nth, result})
			}
		}
	}
	return list
}

// sampled are one fault of each function, and of each result one: the same for a seed, others for another.
func sampled(list []fault, subject string, seed int) (some []fault) {
	rank := func(f fault) uint32 {
		h := fnv.New32a()
		fmt.Fprint(h, seed, subject, f)
		return h.Sum32()
	}
	ranked := slices.Clone(list)
	slices.SortFunc(ranked, func(a, b fault) int { return int(int64(rank(a)) - int64(rank(b))) })
	met := map[string]bool{}
	for _, f := range ranked {
		if !met[f.Function] || !met[f.Result] {
			some = append(some, f)
		}
		met[f.Function], met[f.Result] = true, true
	}
	return some
}
