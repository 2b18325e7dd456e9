package eval_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/glipvk/glipvk/eval"
)

// recorded says how far a mistake moves the AP of a case.
type recorded map[string]map[string]struct {
	Cases map[string]struct{ AP float64 }
}

// oracleCase is a committed case that the oracle can run.
type oracleCase struct {
	name  string
	make  func() *oracle
	plain numbers
	ap    float64
}

// oracleCases reads those of COCO and LVIS that have no special choice of categories or pictures.
func oracleCases(t *testing.T, g *golden) map[string][]oracleCase {
	cases := map[string][]oracleCase{}
	for _, c := range g.Groups.COCO {
		p := c.Params
		if c.Error != nil || c.Corners != "" || p.Categories != nil || p.Pictures != nil || p.UseCats != nil || c.Name == "id-duplicate" {
			continue
		}
		e, truths, err := g.coco(t, c)
		if err != nil {
			t.Fatal(err)
		}
		var found []eval.Found
		if !p.None {
			if found, err = eval.ReadResults(t.Context(), g.path(c.DT)); err != nil {
				t.Fatal(err)
			}
		}
		make := func() *oracle {
			return &oracle{truths: truths, found: found, thresholds: slices.Clone(e.Params.Thresholds), caps: e.Params.Caps}
		}
		one := oracleCase{c.Name, make, make().run(), c.Stats.AP}
		agree(t, c.Name, one.plain, e)
		cases["coco"] = append(cases["coco"], one)
	}
	for _, c := range g.Groups.LVIS {
		if c.Standard.Error != nil {
			continue
		}
		truths, err := eval.ReadLVISTruths(t.Context(), g.path(c.GT))
		if err != nil {
			t.Fatal(err)
		}
		found, err := eval.ReadResults(t.Context(), g.path(c.DT))
		if err != nil {
			t.Fatal(err)
		}
		e, err := eval.LVIS(t.Context(), truths, found, eval.LVISParams{})
		if err != nil {
			t.Fatal(err)
		}
		make := func() *oracle {
			return &oracle{truths: truths, found: found, thresholds: slices.Clone(e.Params.Thresholds), caps: []int{math.MaxInt}, lvis: true}
		}
		one := oracleCase{c.Name, make, make().run(), c.Standard.Results["AP"]}
		agree(t, c.Name, one.plain, e.Evaluation)
		cases["lvis"] = append(cases["lvis"], one)
	}
	return cases
}

// agree compares the oracle without a mistake with the package, to the bit.
func agree(t *testing.T, name string, n numbers, e *eval.Evaluation) {
	t.Helper()
	k, m := len(e.Categories), len(e.Params.Caps)
	for ki := range e.Categories {
		for a := range 4 {
			for ti := range e.Params.Thresholds {
				recall := -1.0
				if n.recall[ki][a] != nil {
					recall = n.recall[ki][a][ti]
				}
				if got := e.Recall[((ti*k+ki)*4+a)*m+m-1]; got != recall {
					t.Fatalf("%s: recall of category %d, area %d, threshold %d is %v, the oracle says %v", name, ki, a, ti, got, recall)
				}
				for r := range 101 {
					want := -1.0
					if n.curves[ki][a] != nil {
						want = n.curves[ki][a][ti][r]
					}
					if got := e.Precision[(((ti*101+r)*k+ki)*4+a)*m+m-1]; got != want {
						t.Fatalf("%s: precision of category %d, area %d, threshold %d, recall %d is %v, the oracle says %v", name, ki, a, ti, r, got, want)
					}
				}
			}
		}
	}
}

// mean is that of what there is of an area; absent stands for a category without truths, NaN leaves it out.
func (n numbers) mean(of func(ki int) []float64, absent float64) float64 {
	sum, count := 0.0, 0
	for ki := range n.ap {
		values := of(ki)
		if values == nil && absent == absent {
			sum, count = sum+absent, count+1
		}
		mean := 0.0
		for _, v := range values {
			mean += v / float64(len(values))
		}
		if values != nil {
			sum, count = sum+mean, count+1
		}
	}
	if count == 0 {
		return -1
	}
	return sum / float64(count)
}

// report are the numbers that a report has of areas: AP and AR of each.
func (n numbers) report(mistake string) (list []float64) {
	absent := math.NaN()
	switch mistake {
	case "absent-as-zero":
		absent = 0
	case "absent-as-minus-one":
		absent = -1
	}
	for a := range 4 {
		recall := func(ki int) []float64 { return n.recall[ki][a] }
		if mistake == "ar-integral" {
			recall = func(ki int) []float64 {
				r := n.recall[ki][a]
				if r == nil {
					return nil
				}
				area := 0.0
				for t := range len(r) - 1 {
					area += (r[t] + r[t+1]) / 2 * 0.05
				}
				return []float64{2 * area}
			}
		}
		list = append(list, n.mean(func(ki int) []float64 { return n.ap[ki][a] }, absent), n.mean(recall, absent))
	}
	return list
}

// byReport are mistakes in the report alone, which arrays do not show.
var byReport = []string{"absent-as-zero", "absent-as-minus-one", "ar-integral"}

// TestMistakes makes the mistakes, one by one, in an oracle that agrees with the package to the bit without them: each must move a number, and the AP of
// the references as far as it is recorded.
func TestMistakes(t *testing.T) {
	eachGolden(t, func(t *testing.T, g *golden) {
		if g.folder != committed {
			t.Skip("the oracle is for small cases: TestVariants takes the recorded distances of the large ones")
		}
		text, err := os.ReadFile(g.path("variants.json"))
		if err != nil {
			t.Fatal(err)
		}
		var groups recorded
		if err := json.Unmarshal(text, &groups); err != nil {
			t.Fatal(err)
		}
		cases := oracleCases(t, g)
		made := 0
		for group := range cases {
			for mistake, r := range groups[group] {
				if mistake == "mean-of-groups" {
					continue // TestLVISGolden: AP and the groups are numbers of their own
				}
				seen := false
				for _, c := range cases[group] {
					want, listed := r.Cases[c.name]
					if !listed {
						continue
					}
					o := c.make()
					o.mistake = mistake
					n := o.run()
					before, after := c.plain.report(""), n.report(mistake)
					if slices.Contains(byReport, mistake) {
						seen = seen || !slices.Equal(before, after)
					} else {
						seen = seen || !slices.Equal(before, after) || differ(c.plain, n)
					}
					if !seen && group == "coco" { // what shows where one result a picture counts
						first, wrong := c.make(), c.make()
						first.caps, wrong.caps, wrong.mistake = []int{1}, []int{1}, mistake
						seen = differ(first.run(), wrong.run())
					}
					if moved := after[0] - before[0]; math.Abs(moved-want.AP) > 1e-9 {
						t.Errorf("%s: the mistake %s moves the AP of %s by %v, recorded is %v", group, mistake, c.name, moved, want.AP)
					}
				}
				if made++; !seen {
					t.Errorf("%s: the mistake %s moves nothing", group, mistake)
				}
			}
		}
		if made < 40 {
			t.Errorf("%d mistakes were made, want 40 at least", made)
		}
	})
}

// differ says whether a precision, a recall or a mean is another.
func differ(a, b numbers) bool {
	for ki := range a.ap {
		for area := range 4 {
			if !slices.Equal(a.ap[ki][area], b.ap[ki][area]) || !slices.Equal(a.recall[ki][area], b.recall[ki][area]) {
				return true
			}
		}
	}
	return false
}
