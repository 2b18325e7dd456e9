package main

import "fmt"

// compare returns what must not be (spills, scratch, less occupancy or a smaller share of multiply-adds than before), and what a
// reader should know: rows that there is nothing to compare with.
func compare(rows, before []row) (problems, notes []string) {
	old, known := map[string]row{}, map[string]bool{}
	for _, b := range before {
		old[b.key()] = b
		known[b.Driver+"|"+b.Chip] = true
	}
	added := map[string]int{}
	var places []string
	for _, r := range rows {
		name := fmt.Sprintf("%s, %s: %s (%s)", r.Driver, r.Chip, r.Pipeline, r.Path)
		if r.spills() {
			problems = append(problems, fmt.Sprintf("%s: %d VGPRs and %d SGPRs are spilled, %d bytes of scratch", name, r.SpilledVGPRs, r.SpilledSGPRs, r.Scratch))
		}
		b, ok := old[r.key()]
		if !ok {
			place := r.Driver + "|" + r.Chip
			if added[place]++; added[place] == 1 {
				places = append(places, place)
			}
			continue
		}
		if r.Waves < b.Waves {
			problems = append(problems, fmt.Sprintf("%s: %d waves, the baseline has %d", name, r.Waves, b.Waves))
		}
		if r.MultiplyAdds*b.Loop < b.MultiplyAdds*r.Loop || r.Loop == 0 && b.MultiplyAdds > 0 {
			problems = append(problems, fmt.Sprintf("%s: %s of the inner loop multiply and add, in the baseline %s", name, share(r), share(b)))
		}
	}
	for _, place := range places {
		if known[place] {
			notes = append(notes, fmt.Sprintf("%s: %d pipelines are new, so only spills and scratch are checked; shaderstats -update takes them in", place, added[place]))
		} else {
			notes = append(notes, fmt.Sprintf("%s: there is NO BASELINE for this driver and chip, so only spills and scratch are checked (%d pipelines)", place, added[place]))
		}
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
