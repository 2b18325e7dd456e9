// Package difftest judges executors of a recorded graph: against activations of
// the original PyTorch model, and against each other. Only tests import it.
//
//	set := difftest.Committed(t)
//	c := set.Case(t, "micro-w4-61x45")
//	reports, err := c.Judge(ctx, difftest.CPU{})
//	if bad, found := difftest.FirstDivergence(reports); found {
//		t.Error(bad) // names the graph path, the worst element and both values
//	}
//
// # Bounds
//
// A stored tap knows how far PyTorch's own float32 run was from its float64 run.
// An executor may be [Factor] times as far, in relative L2 norm and in its largest
// absolute difference; see [Tap.Tolerance]. The tests of this package show that
// these bounds reject every known mistake of variants.json, by the recorded
// distances and by making the mistakes.
//
// # The detector
//
// A [DetectorSet] holds cases of GLIP's modules and of the whole of it. PlanModule, PlanSelection and
// PlanWhole record what a case is about, JudgeDetector runs it on an executor, [Absorbed] in the
// absorbed form; bounds are those of above. What is detected is compared as sets ([CompareLists]).
//
// # Where the numbers lie
//
// testdata/golden of the module holds a small subset, made by this package's tests
// from ../shared/golden with the flag -update, testdata/glip one of the detector's.
// Tests of the whole set skip visibly where that folder is absent.
package difftest
