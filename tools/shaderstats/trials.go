package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/engine"
)

// tried is who uses a pipeline that is compiled to compare tiles. One that nobody else uses may spill.
const tried = "tried"

// trial is one shader in several shapes.
type trial struct {
	what     string
	shader   string
	adds     func(constants []uint32) uint32 // multiply-adds of an invocation in one turn of its inner loop
	shapes   [][]uint32                      // all its constants
	relevant []int                           // which of them differ
}

func gemmAdds(c []uint32) uint32      { return c[9] * c[10] }
func attentionAdds(c []uint32) uint32 { return c[7] * c[4] * 8 }

var trials = []trial{
	{"product, tile", "gemm_tiled", gemmAdds, [][]uint32{
		{128, 1, 0, 0, 0, 3, 64, 64, 16, 4, 8, 1}, {128, 1, 0, 0, 0, 3, 64, 128, 16, 8, 8, 1}, {128, 1, 0, 0, 0, 3, 64, 96, 16, 4, 12, 1},
		{64, 1, 0, 0, 0, 3, 64, 64, 16, 8, 8, 1}, {128, 1, 0, 0, 0, 3, 32, 32, 32, 4, 8, 4}, {64, 1, 0, 0, 0, 3, 32, 32, 16, 4, 4, 1},
	}, []int{6, 7, 8, 9, 10, 11}},
	{"normed product, tile", "gemm_tiled", gemmAdds, [][]uint32{
		{128, 1, 1, 0, 1, 3, 64, 64, 16, 4, 8, 1}, {128, 1, 1, 0, 1, 3, 64, 128, 16, 8, 8, 1}, {128, 1, 1, 0, 1, 3, 64, 96, 16, 4, 12, 1},
	}, []int{6, 7, 8, 9, 10, 11}},
	{"attention in windows of 12, keys staged and at a time", "attention", attentionAdds, [][]uint32{
		{160, 1, 1, 12, 8, 1, 12, 12}, {160, 1, 1, 12, 8, 1, 12, 6}, {160, 1, 1, 12, 8, 1, 12, 4}, {160, 1, 1, 12, 8, 1, 48, 12},
	}, []int{6, 7}},
	{"attention in windows of 7, keys staged and at a time", "attention", attentionAdds, [][]uint32{
		{64, 1, 1, 7, 8, 1, 7, 7}, {64, 1, 1, 7, 8, 1, 7, 1}, {64, 1, 1, 7, 8, 1, 49, 7},
	}, []int{6, 7}},
}

// tries lists the pipelines of the trials.
func tries(uses []use) []use {
	var list []use
	for _, t := range trials {
		i := slices.IndexFunc(uses, func(u use) bool { return u.spec.Label == t.shader })
		if i < 0 {
			continue
		}
		for _, shape := range t.shapes {
			spec := uses[i].spec
			spec.Constants = shape
			list = append(list, use{tried, uses[i].path, spec})
		}
	}
	return list
}

// onlyTried reports a pipeline that is there for comparison alone.
func (r row) onlyTried() bool { return r.Uses == tried }

// trialTable compares the shapes on one chip. What is predicted is the share of an invocation's instructions that multiply and add, less where
// fewer than a quarter of the waves fit that fit at most: these hide how long memory takes.
func trialTable(rows []row) string {
	most := 0
	for _, r := range rows {
		most = max(most, r.Waves)
	}
	cells := [][]string{{"tried", "shape", "registers", "spilled", "waves", "multiply-adds", "predicted", "default"}}
	for _, t := range trials {
		for _, shape := range t.shapes {
			n := name(engine.PipelineSpec{Label: t.shader, Constants: shape})
			i := slices.IndexFunc(rows, func(r row) bool { return r.Pipeline == n })
			if i < 0 {
				continue
			}
			r := rows[i]
			predicted, of := "spills", fmt.Sprintf("%d of %d", t.adds(shape), r.Instructions)
			ratio := float64(t.adds(shape)) / float64(max(r.Instructions, 1))
			if r.Loop > 0 {
				of, ratio = fmt.Sprintf("%d of %d", r.MultiplyAdds, r.Loop), float64(r.MultiplyAdds)/float64(r.Loop)
			}
			if !r.spills() {
				if most > 0 {
					ratio *= min(1, 4*float64(r.Waves)/float64(most))
				}
				predicted = fmt.Sprintf("%.3f", ratio)
			}
			var parts []string
			for _, c := range t.relevant {
				parts = append(parts, fmt.Sprint(shape[c]))
			}
			chosen := ""
			if !r.onlyTried() {
				chosen = "yes"
			}
			cells = append(cells, []string{t.what, strings.Join(parts, " "), fmt.Sprint(r.Registers), fmt.Sprint(r.Spilled + r.SpilledScalars), fmt.Sprint(r.Waves), of, predicted, chosen})
		}
	}
	tries := func(r row) bool { return slices.Contains(strings.Fields(r.Uses), tried) }
	if len(cells) == 1 || !slices.ContainsFunc(rows, tries) {
		return ""
	}
	return markdown(cells) + "\n"
}
