package main

import (
	"fmt"
	"io"
	"strings"
)

const intro = `# What the shaders become on hardware that is not here

Every pipeline of GLIP-T (224) and GLIP-L (384) and of GLIP-T's detector, f32 and f16, compiled by Mesa's drivers for chips that need not be there. Written by
` + "`make shaderstats STATSFLAGS=-update`" + `, from the same run as the baseline that ` + "`make shaderstats`" + ` compares with
(tools/shaderstats/baseline.csv, which has every pipeline; here are the products and attentions, and the others in a sentence).

Pipeline: shader variant and its specialization constants. Subgroup: invocations. Registers: words for an invocation. Spilled: registers
(Adreno: stores of them). Scratch: bytes for a subgroup. Shared: memory, bytes for a workgroup. Waves: subgroups that fit on an execution unit,
the occupancy (a SIMD unit: at most 10 on GCN, 16 or 32 on RDNA; a core: 16 on Adreno, 32 on Apple; a multiprocessor: 64, 48 or 32 on Nvidia; Mali: 2 with
at most 32 registers, else 1; V3D: threads of a core, 4, 2 or 1).
Cycles: the compiler's estimate for one subgroup, loops weighed by its own guess, so that only rows of one shader compare. Multiply-adds: their
share of the instructions in the loop that has most of them; a cycle of waiting that Adreno's compiler writes into an instruction is one. Nvidia's
compiler writes what follows an outer loop before that loop's end, and it is counted there: a product with GELU or a norm seems worse than it is. 0 and
"-": the driver does not tell.

The first table of a chip compares shapes, but for Mali, V3D and PowerVR, whose drivers run in an emulator (` + "`make shaderstats-arm`" + `). Multiply-adds: those of the inner loop, of its instructions (Apple, whose compiler shows no loop: those of one turn, of all
instructions). Predicted: that share, less in proportion where fewer than a quarter of the chip's most waves fit; only shapes of one chip compare.
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
		fmt.Fprintf(&b, "\n## %s, %s\n\n%s", title(rows[0].Chip), rows[0].Driver, trialTable(rows[:n])+table(rows[:n]))
		rows = rows[n:]
	}
	_, err := fmt.Fprintf(w, "\n%s%s", markdown(summary), &b)
	return err
}

// sum is the line of the summary for the rows of one driver and chip.
func sum(rows []row) []string {
	spilling, waves := 0, rows[0].Waves
	var least, most row // of the shares
	pipelines := 0
	for _, r := range rows {
		if r.onlyTried() {
			continue
		}
		pipelines++
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
	return []string{title(rows[0].Chip), rows[0].Driver, fmt.Sprint(pipelines), fmt.Sprint(spilling), fmt.Sprint(waves), share(least), share(most)}
}

// table shows the matrix products, and sums up the rest.
func table(rows []row) string {
	cells := [][]string{{"pipeline", "used by", "subgroup", "registers", "spilled", "scratch", "shared", "waves", "cycles", "instructions", "code", "multiply-adds"}}
	others, registers, waves, spilling := 0, 0, 0, 0
	for _, r := range rows {
		switch {
		case r.onlyTried():
		case products(r.Pipeline):
			cells = append(cells, []string{r.Pipeline, r.Uses, fmt.Sprint(r.Subgroup), fmt.Sprint(r.Registers), fmt.Sprint(r.Spilled + r.SpilledScalars),
				fmt.Sprint(r.Scratch), fmt.Sprint(r.Shared), fmt.Sprint(r.Waves), fmt.Sprint(r.Cycles), fmt.Sprint(r.Instructions), fmt.Sprint(r.Code), share(r)})
		default:
			if others++; others == 1 {
				waves = r.Waves
			}
			registers, waves = max(registers, r.Registers), min(waves, r.Waves)
			if r.spills() {
				spilling++
			}
		}
	}
	return fmt.Sprintf("%s\n%d others: at most %d registers, at least %d waves, %d spill.\n", markdown(cells), others, registers, waves, spilling)
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
