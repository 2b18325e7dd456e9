package cost

import (
	"fmt"
	"strings"
	"time"
)

// Counts are the numbers of pictures, and of machines for each, that the table has rows for.
var Counts = []struct {
	Pictures float64
	Machines int
}{{1e6, 10}, {1e9, 1000}, {1e9, 10000}}

// Table is the estimates of a job for machines, as Markdown: a row for each machine and number of pictures. pictures, where above 0, and
// the job's machines replace Counts.
func Table(j Job, machines []Machine, pictures float64) (string, error) {
	counts := Counts
	if pictures > 0 {
		counts = append(counts[:0:0], counts[0])
		counts[0].Pictures, counts[0].Machines = pictures, j.Machines
	}
	var b strings.Builder
	b.WriteString("| model and machine | pictures an hour | pictures | machines | time | dollars | read | written | held up by | of no use above |\n")
	b.WriteString("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, m := range machines {
		for _, c := range counts {
			j.Pictures, j.Machines = c.Pictures, c.Machines
			e, err := j.On(m)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %d | %s | %s | %s | %s | %s | %s machines |\n", m.Name, round(e.Rate), count(c.Pictures), c.Machines,
				span(e.Hours), round(e.Dollars), size(e.In), size(e.Out), e.Limit, round(e.Most))
		}
	}
	return b.String(), nil
}

// Defaults are the assumptions of the table.
func Defaults() Job {
	return Job{Machines: 10, In: 150e3, Decode: 12 * time.Millisecond, Storage: 10e9, Start: 2 * time.Minute}
}

// count is a number of pictures in words.
func count(n float64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.3g billion", n/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.3g million", n/1e6)
	}
	return fmt.Sprintf("%.0f", n)
}

// round is a number in two digits, with thin groups.
func round(n float64) string {
	switch {
	case n < 10:
		return fmt.Sprintf("%.1f", n)
	case n < 100:
		return fmt.Sprintf("%.0f", n)
	}
	step := 1.0
	for n/step >= 100 {
		step *= 10
	}
	digits := fmt.Sprintf("%.0f", float64(int64(n/step+0.5))*step)
	var groups []string
	for len(digits) > 3 {
		groups = append([]string{digits[len(digits)-3:]}, groups...)
		digits = digits[:len(digits)-3]
	}
	return strings.Join(append([]string{digits}, groups...), ",")
}

// span is a time in hours or days.
func span(hours float64) string {
	switch {
	case hours < 1:
		return fmt.Sprintf("%.0f min", hours*60)
	case hours < 48:
		return fmt.Sprintf("%.1f h", hours)
	}
	return fmt.Sprintf("%.1f days", hours/24)
}

// size is a number of bytes.
func size(n float64) string {
	for _, unit := range []string{"B", "kB", "MB", "GB", "TB"} {
		if n < 1000 {
			return fmt.Sprintf("%.3g %s", n, unit)
		}
		n /= 1000
	}
	return fmt.Sprintf("%.3g PB", n)
}
