package eval

import (
	"fmt"
	"strings"
)

// Stats are the twelve numbers that COCO reports, -1 for those of which there are no truths.
type Stats struct {
	AP, AP50, AP75, APs, APm, APl, AR1, AR10, AR100, ARs, ARm, ARl float64
}

// Stats summarises an evaluation of COCO's kind. AP is of at most 100 results, -1 where the caps do not name 100, as in the reference.
func (e *Evaluation) Stats() Stats {
	s := Stats{AP: -1}
	for i, most := range e.Params.Caps {
		if most == 100 {
			s.AP = e.precision(-1, 0, i, nil)
			break
		}
	}
	s.AP50, s.AP75 = e.precision(0.5, 0, 2, nil), e.precision(0.75, 0, 2, nil)
	s.APs, s.APm, s.APl = e.precision(-1, 1, 2, nil), e.precision(-1, 2, 2, nil), e.precision(-1, 3, 2, nil)
	s.AR1, s.AR10, s.AR100 = e.recall(0, 0, nil), e.recall(0, 1, nil), e.recall(0, 2, nil)
	s.ARs, s.ARm, s.ARl = e.recall(1, 2, nil), e.recall(2, 2, nil), e.recall(3, 2, nil)
	return s
}

// CategoryAP is the AP of a category by its place in Categories, and that at an overlap of one half, both of the largest cap;
// -1 without truths.
func (e *Evaluation) CategoryAP(k int) (ap, ap50 float64) {
	last := len(e.Params.Caps) - 1
	return e.precision(-1, 0, last, []int{k}), e.precision(0.5, 0, last, []int{k})
}

// CategoryAR is the mean recall of a category.
func (e *Evaluation) CategoryAR(k int) float64 {
	return e.recall(0, len(e.Params.Caps)-1, []int{k})
}

// CategoryCount is how many truths of a category count, and how many results were matched or could have been.
func (e *Evaluation) CategoryCount(k int) (truths, results int) {
	return e.pools[k].truths(nil), len(e.pools[k].results)
}

// Curve is precision at the 101 recalls 0, 0.01 to 1, at the threshold by its number or, where it is negative, the mean of all, of
// the categories that are given by their places or, where none are, the mean of all that have truths; nil where none has.
func (e *Evaluation) Curve(threshold int, categories ...int) []float64 {
	k, m := len(e.Categories), len(e.Params.Caps)
	if len(categories) == 0 {
		categories = nil
	}
	curve := make([]float64, recalls)
	for r := range curve {
		var list []float64
		for t := range e.Params.Thresholds {
			if threshold >= 0 && t != threshold {
				continue
			}
			e.each(categories, func(ki int) {
				if v := e.Precision[(((t*recalls+r)*k+ki)*areas)*m+m-1]; v > -1 {
					list = append(list, v)
				}
			})
		}
		if len(list) == 0 {
			return nil
		}
		curve[r] = mean(list)
	}
	return curve
}

// each goes through categories, by their places; nil is all.
func (e *Evaluation) each(categories []int, do func(ki int)) {
	if categories == nil {
		for ki := range e.Categories {
			do(ki)
		}
		return
	}
	for _, ki := range categories {
		do(ki)
	}
}

// precision is the mean over recalls, categories and thresholds, or at one threshold, or of some categories.
func (e *Evaluation) precision(threshold float64, area, cap int, categories []int) float64 {
	var list []float64
	k, m := len(e.Categories), len(e.Params.Caps)
	for t, v := range e.Params.Thresholds {
		if threshold >= 0 && v != threshold {
			continue
		}
		for r := range recalls {
			e.each(categories, func(ki int) {
				if v := e.Precision[(((t*recalls+r)*k+ki)*areas+area)*m+cap]; v > -1 {
					list = append(list, v)
				}
			})
		}
	}
	return mean(list)
}

func (e *Evaluation) recall(area, cap int, categories []int) float64 {
	var list []float64
	k, m := len(e.Categories), len(e.Params.Caps)
	for t := range e.Params.Thresholds {
		e.each(categories, func(ki int) {
			if v := e.Recall[((t*k+ki)*areas+area)*m+cap]; v > -1 {
				list = append(list, v)
			}
		})
	}
	return mean(list)
}

// mean sums as NumPy does, so that the last bit is the reference's; -1 of nothing.
func mean(list []float64) float64 {
	if len(list) == 0 {
		return -1
	}
	total := 0.0
	for rest := list; len(rest) > 0; rest = rest[min(len(rest), 8192):] {
		total += pairwise(rest[:min(len(rest), 8192)])
	}
	return total / float64(len(list))
}

func pairwise(x []float64) float64 {
	n := len(x)
	if n > 128 {
		half := n / 2
		half -= half % 8
		return pairwise(x[:half]) + pairwise(x[half:])
	}
	if n < 8 {
		sum := 0.0
		for _, v := range x {
			sum += v
		}
		return sum
	}
	var r [8]float64
	copy(r[:], x)
	i := 8
	for ; i+8 <= n; i += 8 {
		for k := range r {
			r[k] += x[i+k]
		}
	}
	sum := ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]))
	for ; i < n; i++ {
		sum += x[i]
	}
	return sum
}

// printed are lines as the references print them.
type printed struct {
	strings.Builder
	span string // of the thresholds
}

func (e *Evaluation) lines() *printed {
	t := e.Params.Thresholds
	return &printed{span: fmt.Sprintf("%0.2f:%0.2f", t[0], t[len(t)-1])}
}

// line adds one; overlap is "" for all thresholds, tail what stands behind the cap.
func (p *printed) line(recall bool, overlap, area string, cap int, tail string, v float64) {
	title, kind := "Average Precision", "(AP)"
	if recall {
		title, kind = "Average Recall", "(AR)"
	}
	if overlap == "" {
		overlap = p.span
	}
	fmt.Fprintf(p, " %-18s %s @[ IoU=%-9s | area=%6s | maxDets=%3d %s] = %0.3f\n", title, kind, overlap, area, cap, tail, v)
}

// String is the table that pycocotools prints, of an evaluation of COCO's kind.
func (e *Evaluation) String() string {
	s, c, p := e.Stats(), e.Params.Caps, e.lines()
	p.line(false, "", "all", 100, "", s.AP)
	p.line(false, "0.50", "all", c[2], "", s.AP50)
	p.line(false, "0.75", "all", c[2], "", s.AP75)
	for i, v := range []float64{s.APs, s.APm, s.APl} {
		p.line(false, "", []string{"small", "medium", "large"}[i], c[2], "", v)
	}
	for i, v := range []float64{s.AR1, s.AR10, s.AR100} {
		p.line(true, "", "all", c[i], "", v)
	}
	for i, v := range []float64{s.ARs, s.ARm, s.ARl} {
		p.line(true, "", []string{"small", "medium", "large"}[i], c[2], "", v)
	}
	return p.String()
}
