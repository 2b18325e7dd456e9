package main

import (
	"fmt"
	"io"
	"strings"
)

const intro = `# What the shaders become on AMD hardware

Every pipeline of GLIP-T (224) and GLIP-L (384), f32 and f16, compiled by Mesa's RADV for chips that need not be there. Written by
` + "`make shaderstats STATSFLAGS=-update`" + `, from the same run as the baseline that ` + "`make shaderstats`" + ` compares with.

Pipeline: shader variant and its specialization constants. Subgroup: invocations. VGPRs, SGPRs: registers of a subgroup. Spilled:
VGPRs + SGPRs. Scratch: bytes for a subgroup. LDS: shared memory, bytes for a workgroup. Waves: subgroups that fit on a SIMD unit, the
occupancy (at most 10 on GCN, 16 or 32 on RDNA). Cycles: the compiler's estimate of busy cycles for one subgroup, loops weighed by its own guess, so
that only rows of one shader compare. Multiply-adds: their share of the instructions in the loop that has most of them.
`

// writeDoc writes the tables with an introduction.
func writeDoc(w io.Writer, rows []row) error {
	if _, err := io.WriteString(w, intro); err != nil {
		return err
	}
	return writeTables(w, rows)
}

// writeTables writes a Markdown table that sums up, and one for each driver and chip, in the order of the rows.
func writeTables(w io.Writer, rows []row) error {
	summary := [][]string{{"chip", "driver", "pipelines", "that spill or use scratch", "fewest waves", "multiply-adds, least", "most"}}
	var b strings.Builder
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].Driver == rows[0].Driver && rows[n].Chip == rows[0].Chip {
			n++
		}
		summary = append(summary, sum(rows[:n]))
		fmt.Fprintf(&b, "\n## %s, %s\n\n%s", title(rows[0].Chip), rows[0].Driver, table(rows[:n]))
		rows = rows[n:]
	}
	_, err := fmt.Fprintf(w, "\n%s%s", markdown(summary), &b)
	return err
}

// sum is the line of the summary for the rows of one driver and chip.
func sum(rows []row) []string {
	spilling, waves := 0, rows[0].Waves
	var least, most row // of the shares
	for _, r := range rows {
		if r.spills() {
			spilling++
		}
		waves = min(waves, r.Waves)
		if r.Loop == 0 {
			continue
		}
		if least.Loop == 0 || r.MultiplyAdds*least.Loop < least.MultiplyAdds*r.Loop {
			least = r
		}
		if most.Loop == 0 || r.MultiplyAdds*most.Loop > most.MultiplyAdds*r.Loop {
			most = r
		}
	}
	return []string{title(rows[0].Chip), rows[0].Driver, fmt.Sprint(len(rows)), fmt.Sprint(spilling), fmt.Sprint(waves), share(least), share(most)}
}

// table shows all columns.
func table(rows []row) string {
	cells := [][]string{{"pipeline", "used by", "subgroup", "VGPRs", "SGPRs", "spilled", "scratch", "LDS", "waves", "cycles", "code", "multiply-adds"}}
	for _, r := range rows {
		cells = append(cells, []string{r.Pipeline, r.Uses, fmt.Sprint(r.Subgroup), fmt.Sprint(r.VGPRs), fmt.Sprint(r.SGPRs),
			fmt.Sprint(r.SpilledVGPRs + r.SpilledSGPRs), fmt.Sprint(r.Scratch), fmt.Sprint(r.LDS), fmt.Sprint(r.Waves),
			fmt.Sprint(r.InverseThroughput), fmt.Sprint(r.Code), share(r)})
	}
	return markdown(cells)
}

// markdown aligns the columns, so that a table reads well on a terminal too. The first two columns hold words, the others numbers.
func markdown(cells [][]string) string {
	const words = 2
	widths := make([]int, len(cells[0]))
	for _, line := range cells {
		for i, c := range line {
			widths[i] = max(widths[i], len(c))
		}
	}
	var b strings.Builder
	for n, line := range cells {
		for i, c := range line {
			if i < words {
				fmt.Fprintf(&b, "| %-*s ", widths[i], c)
			} else {
				fmt.Fprintf(&b, "| %*s ", widths[i], c)
			}
		}
		b.WriteString("|\n")
		if n > 0 {
			continue
		}
		for i := range line {
			dashes := strings.Repeat("-", widths[i])
			if i >= words {
				dashes = dashes[1:] + ":"
			}
			fmt.Fprintf(&b, "| %s ", dashes)
		}
		b.WriteString("|\n")
	}
	return b.String()
}
