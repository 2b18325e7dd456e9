package train_test

import (
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"

	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/synthetic"
	"github.com/glipvk/glipvk/text"
	"github.com/glipvk/glipvk/train"
)

// opened readies the training of the small detector at a steady rate.
func opened(t *testing.T, device string, o train.Options) *train.Trainer {
	t.Helper()
	o.Schedule = train.Schedule{Kind: train.Steps, Length: 100}
	return small(t, device, 1, nil, o)
}

// TestRecompute: steps that keep nothing of blocks have the same bits, on every executor.
func TestRecompute(t *testing.T) {
	o := train.Options{Mode: train.Full, Frozen: -1, Clip: 1, Seed: 7, Recipe: train.Recipe{Rate: 1e-3, LanguageRate: 1e-3, Decay: 0.05},
		Random: glip.Random{DropPath: 0.2, DropBlock: 0.3, Language: 0.1, Tower: 0.1}}
	for _, device := range devices {
		t.Run(device, func(t *testing.T) {
			var kept map[string][]float32
			for _, globs := range [][]string{nil, {train.Blocks}} {
				o.Recompute = globs
				tr := opened(t, device, o)
				for range 2 {
					if _, err := tr.Step(t.Context(), drawn(t, 0, 1)...); err != nil {
						t.Fatal(err)
					}
				}
				weights := weightsOf(t, tr)
				if kept == nil {
					kept = weights
				}
				for name, data := range weights {
					if !slices.Equal(data, kept[name]) {
						t.Fatalf("%s has other bits", name)
					}
				}
			}
		})
	}
}

// TestMemoryBound: a step that would take more than is allowed is refused, with what would fit, and that then fits.
func TestMemoryBound(t *testing.T) {
	o := train.Options{Mode: train.Full, Frozen: -1, Memory: 1}
	for _, device := range []string{"cpu", "vulkan"} {
		o.Memory = 1
		_, err := opened(t, device, o).Step(t.Context(), drawn(t, 0, 1)...)
		if !errors.Is(err, train.ErrMemory) {
			t.Fatalf("%s: %v", device, err)
		}
		found := regexp.MustCompile(`a step of 2 pictures of 64 x 96 takes (\d+) MB: .*Options.Recompute blocks (\d+) MB, with Course.Batch 1 (\d+) MB, with both (\d+) MB, Options.Mode prompt would save`).FindStringSubmatch(err.Error())
		if len(found) != 5 {
			t.Fatalf("%s: %v", device, err)
		}
		var takes [4]int64
		for i := range takes {
			if _, err := fmt.Sscan(found[i+1], &takes[i]); err != nil {
				t.Fatal(err)
			}
		}
		if takes[1] >= takes[0] || takes[2] >= takes[0] || takes[3] > min(takes[1], takes[2]) {
			t.Errorf("%s: %v", device, err)
		}
		for _, recompute := range [][]string{nil, {train.Blocks}} {
			o.Memory, o.Recompute = 1e6*(takes[1]+1), recompute
			if _, err := opened(t, device, o).Step(t.Context(), drawn(t, 0, 1)...); errors.Is(err, train.ErrMemory) == (recompute != nil) {
				t.Errorf("%s, %v in %d MB: %v", device, recompute, takes[1]+1, err)
			}
		}
		o.Recompute = nil
	}
}

// TestSweep: what steps leave lying is collected before it is as much as what stays.
func TestSweep(t *testing.T) {
	tr := opened(t, "cpu", train.Options{Mode: train.Prompt, Frozen: -1})
	batch := drawn(t, 0)
	collected := func(bytes int) bool {
		defer debug.SetGCPercent(debug.SetGCPercent(-1)) // nobody else collects
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range bytes >> 20 {
			litter = make([]byte, 1<<20)
		}
		if _, err := tr.Step(t.Context(), batch...); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.NumGC > before.NumGC
	}
	collected(300 << 20)
	if collected(1 << 20) {
		t.Error("a little was collected")
	}
	if !collected(300 << 20) {
		t.Error("300 MB were left lying")
	}
}

// litter keeps the last piece from being left out.
var litter []byte

// drawn are samples of pictures by formula, one for each seed, with two boxes.
func drawn(t *testing.T, seeds ...uint64) (list []dataset.Sample) {
	t.Helper()
	for _, seed := range seeds {
		p := picture.Picture{Height: 64, Width: 96, Pixels: synthetic.Picture(64, 96, seed)}
		in, err := picture.Detector{Size: picture.DetectorSize{Original: true}}.Apply(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, dataset.Sample{Input: in, Caption: "red square. blue disc. ", Things: []dataset.Thing{
			{Box: glip.Box{X1: 4, Y1: 6, X2: 40, Y2: 50}, Label: 1, Spans: []text.Span{{Begin: 0, End: 10}}},
			{Box: glip.Box{X1: 50, Y1: 10, X2: 90, Y2: 60}, Label: 2, Spans: []text.Span{{Begin: 12, End: 21}}},
		}})
	}
	return list
}
