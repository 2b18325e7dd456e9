package swin

import (
	"slices"
	"strings"
	"sync"

	"github.com/glipvk/glipvk/bind"
)

// Keys lists what the files of a family call a parameter, by its name in the recorded graph and without what stands
// before all names: one key or, where the family keeps apart what the graph has in one, several in the order in which
// they are joined. It is nil where the family has no name for it. Some families name the norm of the last
// stage otherwise where it is the only one, or know no others: the configuration says which norms there are.
func Keys(f bind.Family, cfg Config, name string) []string {
	norm, isNorm := match(name, "normN.*")
	wanted := namings[f].norms.rule(cfg, norm.norm)
	var keys []string
	for _, r := range allRules()[f] {
		c, ok := norm, isNorm && wanted != "" && r.to == wanted
		if !isNorm && r.to != "" {
			c, ok = match(name, r.to)
		}
		if ok {
			keys = append(keys, c.expand(r.from, cfg.Stages()-1))
		}
	}
	return keys
}

// allRules are the rules of all families.
var allRules = sync.OnceValue(func() map[bind.Family][]rule {
	all := map[bind.Family][]rule{}
	for f := range namings {
		all[f] = rules(f)
	}
	return all
})

// rule is the target of the rule that a family names the norm of a stage by; "" where it has no name.
func (n norms) rule(cfg Config, stage int) string {
	last := cfg.Stages() - 1
	switch {
	case n == either && slices.Equal(cfg.OutIndices, []int{last}), n == lastOnly && stage == last:
		return "normL.*"
	case n == lastOnly:
		return ""
	}
	return "normN.*"
}

// Store says how the files of a family have a parameter of the given shape, row-major: under which of [Keys], and in
// which order, which another family than mmpretrain has of patch merging. microsoft/GLIP keeps a position
// embedding as [1, C, H, W]. ok is false where the family has no name for it.
func Store(f bind.Family, cfg Config, name string, shape []int) (s bind.Stored, ok bool) {
	s = bind.Stored{Keys: Keys(f, cfg, name), Shape: slices.Clone(shape)}
	if len(s.Keys) == 0 {
		return s, false
	}
	s.Shape[0] /= len(s.Keys)
	switch {
	case strings.Contains(name, ".downsample.") && f != MMPretrain:
		s.Order = blockOrder(shape[len(shape)-1] / 4)
	case name == "absolute_pos_embed" && f == GLIPDetector:
		places, channels := shape[1], shape[2]
		s.Shape = []int{1, channels, isqrt(places), isqrt(places)}
		s.Order = func(data []float32) { copy(data, transpose(data, places, channels)) }
	}
	return s, true
}
