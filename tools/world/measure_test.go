package main

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/eval"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/internal/difftest"
	"github.com/glipvk/glipvk/picture"
)

// fullGolden asks for the 500 scenes of each kind, which are drawn, and for 50 on every executor; minutes.
const fullGolden = "GLIPVK_GOLDEN"

// freshSeed is of scenes that nothing else is drawn for.
const freshSeed = "2026"

// fresh are newly drawn scenes of the named parts, where they are asked for.
func fresh(t *testing.T, parts string) string {
	t.Helper()
	if os.Getenv(fullGolden) != "full" {
		t.Skipf("new scenes: set %s=full to draw them; it takes Debian's packages %s and %s", fullGolden, fontPackage, namesPackage)
	}
	open(t)
	folder := t.TempDir()
	if err := run(t.Context(), []string{"-out", folder, "-seed", freshSeed, "-only", parts, "-photo", photo}, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	return folder
}

// measured is the table of a detector, as it is printed.
func measured(t *testing.T, d detector, folder string) table {
	t.Helper()
	if difftest.Race {
		t.Skip("the race detector makes a table take a minute and a half: go test without -race, as make test does besides, runs it")
	}
	result, err := tabulate(t.Context(), d, folder, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := result.write(&b, false); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", b.String())
	if len(result) != len(goals()) {
		t.Fatalf("%d rows, want %d", len(result), len(goals()))
	}
	return result
}

// TestWorld is the table of what glip-world does: in the committed scenes, and in 500 of each kind that it has never seen.
func TestWorld(t *testing.T) {
	t.Run("committed", func(t *testing.T) {
		for _, r := range measured(t, detector{model: ours, device: "cpu"}, committed) {
			if !(r.reached >= r.least) {
				t.Errorf("%s: %.3f, want %.2f in these scenes", r.what, r.reached, r.least)
			}
		}
	})
	t.Run("fresh", func(t *testing.T) {
		folder := fresh(t, "names,pairs,zeroshot,sentences,novel,novel-val")
		for _, r := range measured(t, detector{model: ours, device: "cpu"}, folder) {
			if !(r.reached >= r.asked) {
				t.Errorf("%s: %.3f, want %.2f", r.what, r.reached, r.asked)
			}
		}
	})
}

// TestWorldMadeUp says that the bounds are none that weights by formula reach.
func TestWorldMadeUp(t *testing.T) {
	for _, r := range measured(t, detector{model: ours, weights: "synthetic:1", device: "cpu"}, committed) {
		if !(r.reached < r.least/2) {
			t.Errorf("%s: made-up weights reach %.3f, and %.2f is wanted of trained ones", r.what, r.reached, r.least)
		}
	}
}

// What is compared of what executors find.
const (
	apWithin = 0.005 // of the CPU's AP
	sure     = 0.3   // the score above which a detection is to have a partner
)

// spread is how far the detections of an executor may lie from the CPU's: the share without a partner, and of those that have
// one pixels of a corner and the score.
type spread struct{ lost, box, score float64 }

var spreads = map[glipvk.Precision]spread{
	glipvk.F32: {0, difftest.BoxTolerance, difftest.ScoreTolerance},
	glipvk.F16: {0.01, 0.25, 0.02}, // seen: 0.0007, 0.06 and 0.001
}

// sight is what a detector finds in the scenes of a set.
type sight struct {
	ap    float64
	lists [][]glip.Detection // of each scene
}

func look(t *testing.T, of detector, s *dataset.Set) (got sight) {
	t.Helper()
	d, err := of.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}()
	if used := d.Device().Precision; of.precision != "" && used != of.precision {
		t.Fatalf("precision %s: %s", used, d.Device().PrecisionReason)
	}
	var found []eval.Found
	for _, p := range s.Pictures {
		decoded, err := picture.Open(t.Context(), p.Path, picture.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		all, err := d.Detect(t.Context(), glipvk.Query{Classes: s.Names()}, decoded)
		if err != nil {
			t.Fatal(err)
		}
		var list []glip.Detection
		for _, f := range all[0] {
			box := eval.FromCorners(float32(f.Box.X1), float32(f.Box.Y1), float32(f.Box.X2), float32(f.Box.Y2))
			found = append(found, eval.Found{Picture: p.ID, Category: s.Categories[f.Label-1].ID, Box: box, Score: f.Score})
			list = append(list, glip.Detection{Box: f.Box, Score: f.Score, Label: f.Label})
		}
		got.lists = append(got.lists, list)
	}
	e, err := eval.COCO(t.Context(), s.Truths(), found, eval.Params{})
	if err != nil {
		t.Fatal(err)
	}
	got.ap = e.Stats().AP
	return got
}

// unlike is how the detections of two executors differ: those of either that are sure have a partner among all of the other.
func unlike(a, b sight) (lost, of int, box, score float64) {
	for i := range a.lists {
		for _, pair := range [][2][]glip.Detection{{a.lists[i], b.lists[i]}, {b.lists[i], a.lists[i]}} {
			certain := slices.DeleteFunc(slices.Clone(pair[0]), func(d glip.Detection) bool { return !(d.Score > sure) })
			d := difftest.CompareLists(certain, pair[1])
			lost, of = lost+d.First, of+len(certain)
			box, score = max(box, d.Box), max(score, d.Score)
		}
	}
	return lost, of, box, score
}

// TestWorldExecutors detects the same on every executor, in both precisions.
func TestWorldExecutors(t *testing.T) {
	t.Run("committed", func(t *testing.T) { testExecutors(t, committed, 12, 4) })
	t.Run("fresh", func(t *testing.T) { testExecutors(t, fresh(t, "names"), 50, 50) })
}

// testExecutors compares in so many scenes; the reference, which is slow, has its own number.
func testExecutors(t *testing.T, folder string, scenes, reference int) {
	s, err := set(t.Context(), folder, "names")
	if err != nil {
		t.Fatal(err)
	}
	all := s.Pictures
	for _, d := range []detector{
		{device: "reference", precision: glipvk.F32}, {device: "vulkan", precision: glipvk.F32}, {device: "vulkan", precision: glipvk.F16},
	} {
		t.Run(d.device+"-"+string(d.precision), func(t *testing.T) {
			if s.Pictures = all[:reference]; d.device == "vulkan" {
				needVulkan(t)
				s.Pictures = all[:scenes]
			}
			d.model = ours
			want := look(t, detector{model: ours, device: "cpu"}, s)
			got, allowed := look(t, d, s), spreads[d.precision]
			if !(math.Abs(got.ap-want.ap) <= apWithin) {
				t.Errorf("AP %.4f, on the CPU %.4f", got.ap, want.ap)
			}
			lost, of, box, score := unlike(got, want)
			if of == 0 || float64(lost) > allowed.lost*float64(of) || !(box <= allowed.box) || !(score <= allowed.score) {
				t.Errorf("%d of %d detections have no partner, boxes differ by %.3g pixels, scores by %.3g; want %+v", lost, of, box, score, allowed)
			}
			t.Logf("AP %.4f and %.4f; %d of %d detections without a partner, boxes within %.3g pixels, scores within %.3g", got.ap, want.ap, lost, of, box, score)
		})
	}
}

// needVulkan skips a test where there is no device.
func needVulkan(t *testing.T) {
	t.Helper()
	d, err := engine.Open(engine.Options{})
	switch {
	case err == nil:
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	case os.Getenv("REQUIRE_VULKAN") == "1" || !errors.Is(err, engine.ErrNoDevice) && !errors.Is(err, engine.ErrUnsupported):
		t.Fatal(err)
	default:
		t.Skip(err) // which says what is missing and how to get it
	}
}

// TestMeasureCommand writes a table in both forms, and says what it lacks.
func TestMeasureCommand(t *testing.T) {
	rows := table{{goal: goals()[0], pictures: 12, reached: 0.8125, remark: "a remark"}}
	for markdown, want := range map[bool]string{
		false: "measure                    scenes  asked  reached  \ntrained names, AP50  12      0.80   0.812    a remark\n",
		true:  "| measure | scenes | asked | reached |  |\n| --- | --- | --- | --- | --- |\n| trained names, AP50 | 12 | 0.80 | 0.812 | a remark |\n",
	} {
		var b bytes.Buffer
		if err := rows.write(&b, markdown); err != nil || strings.Join(strings.Fields(b.String()), " ") != strings.Join(strings.Fields(want), " ") {
			t.Errorf("%q, %v; want %q", b.String(), err, want)
		}
	}
	for _, args := range [][]string{{"-data", t.TempDir()}, {"more"}, {"-weights", "none.safetensors"}, {"-device", "none"}} {
		if err := run(t.Context(), append([]string{"measure"}, args...), io.Discard, io.Discard); err == nil || err.Error() == "" {
			t.Errorf("measure %v: no error", args)
		}
	}
}
