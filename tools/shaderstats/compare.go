package main

import "fmt"

// compare returns what must not be (spills, scratch, less occupancy or a smaller share of multiply-adds than before), and what a
// reader should know: rows that there is nothing to compare with.
func compare(rows, before []row) (problems, notes []string) {
	old, known := map[string]row{}, map[string]bool{}
	for _, b := range before {
		old[b.key()] = b
		known[b.place()] = true
	}
	added := map[string]int{}
	var places []string // of rows that are not in the baseline
	for _, r := range rows {
		if r.onlyTried() {
			delete(old, r.key())
			continue
		}
		if r.spills() {
			problems = append(problems, fmt.Sprintf("%s: %d registers and %d scalar ones are spilled, %d bytes of scratch", r, r.Spilled, r.SpilledScalars, r.Scratch))
		}
		b, ok := old[r.key()]
		if !ok {
			if added[r.place()]++; added[r.place()] == 1 {
				places = append(places, r.place())
			}
			continue
		}
		delete(old, r.key())
		if r.Waves < b.Waves {
			problems = append(problems, fmt.Sprintf("%s: %d waves, the baseline has %d", r, r.Waves, b.Waves))
		}
		if r.MultiplyAdds*b.Loop < b.MultiplyAdds*r.Loop || r.Loop == 0 && b.MultiplyAdds > 0 {
			problems = append(problems, fmt.Sprintf("%s: %s of the inner loop multiply and add, in the baseline %s", r, share(r), share(b)))
		}
	}
	for _, p := range places {
		if known[p] {
			notes = append(notes, fmt.Sprintf("%s: %d pipelines are new: only spills and scratch are checked, until -update takes them in", p, added[p]))
		} else {
			notes = append(notes, fmt.Sprintf("%s: NO BASELINE for this driver and chip: only spills and scratch are checked (%d pipelines)", p, added[p]))
		}
	}
	if len(old) > 0 {
		notes = append(notes, fmt.Sprintf("%d pipelines of the baseline were not measured", len(old)))
	}
	return problems, notes
}

// share is the row's share of multiply-adds in words, "-" without a loop.
func share(r row) string {
	if r.Loop == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(r.MultiplyAdds)/float64(r.Loop))
}
