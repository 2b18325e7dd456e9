package train_test

import (
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/synthetic"
	"github.com/glipvk/glipvk/text"
	"github.com/glipvk/glipvk/train"
)

// devices are those of all executors.
var devices = []string{"reference", "cpu", "vulkan"}

// pair is a batch of two pictures of different sizes and captions.
func pair(t *testing.T) (list []dataset.Sample) {
	t.Helper()
	for i, p := range []picture.Picture{
		{Height: 64, Width: 96, Pixels: synthetic.Picture(64, 96, 5)}, {Height: 70, Width: 64, Pixels: synthetic.Picture(70, 64, 6)},
	} {
		in, err := picture.Detector{Size: picture.DetectorSize{Original: true}}.Apply(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		s := dataset.Sample{Input: in, Caption: []string{"a cat. a remote", "a cat"}[i]}
		s.Things = append(s.Things, dataset.Thing{Box: glip.Box{X1: 4, Y1: 6, X2: 50, Y2: 55}, Label: 1, Spans: []text.Span{{Begin: 2, End: 5}}})
		list = append(list, s)
	}
	return list
}

// whole are options under which everything is trained and thrown for.
func whole() train.Options {
	return train.Options{
		Mode: train.Full, Frozen: -1, Clip: 1, Recipe: train.Recipe{Rate: 1e-3, LanguageRate: 1e-4, Decay: 0.05},
		Schedule: train.Schedule{Kind: train.Steps, Length: 10}, Seed: 7,
		Random: glip.Random{DropPath: 0.2, DropBlock: 0.3, Language: 0.1, Tower: 0.1},
	}
}

// after is what the weights are after two steps of a new trainer.
func after(t *testing.T, device string, batch []dataset.Sample) map[string][]float32 {
	t.Helper()
	tr := small(t, device, 3, nil, whole())
	for range 2 {
		if _, err := tr.Step(t.Context(), batch...); err != nil {
			t.Fatal(err)
		}
	}
	return weightsOf(t, tr)
}

func weightsOf(t *testing.T, tr *train.Trainer) map[string][]float32 {
	t.Helper()
	w, err := tr.Weights(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// same fails unless all bits are the same.
func same(t *testing.T, what string, got, want map[string][]float32) {
	t.Helper()
	equal := func(a, b []float32) bool {
		return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
	}
	if len(want) == 0 || len(got) != len(want) {
		t.Fatalf("%s: %d weights, want %d, and some", what, len(got), len(want))
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if !equal(got[name], want[name]) {
			t.Errorf("%s: the bits of %s are others", what, name)
		}
	}
}

// TestBits takes the same steps three times, each on another number of threads, once with the batch in another order.
func TestBits(t *testing.T) {
	for _, device := range devices {
		t.Run(device, func(t *testing.T) {
			batch := pair(t)
			var first map[string][]float32
			for _, threads := range []int{2, 1, 8} {
				old := runtime.GOMAXPROCS(threads)
				got := after(t, device, batch)
				runtime.GOMAXPROCS(old)
				if first == nil {
					first = got
				}
				same(t, fmt.Sprint(threads, " threads, ", batch[0].Caption, " first"), got, first)
				if threads == 1 {
					slices.Reverse(batch)
				}
			}
		})
	}
}

// TestNoGradientIsKept wants a step not to depend on the steps before but through the state: gradients that are not cleared
// would be there.
func TestNoGradientIsKept(t *testing.T) {
	batch, path := pair(t), filepath.Join(t.TempDir(), "state")
	tr, other := small(t, "cpu", 3, nil, whole()), small(t, "cpu", 3, nil, whole())
	if _, err := tr.Step(t.Context(), batch...); err != nil {
		t.Fatal(err)
	}
	if err := tr.SaveState(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if err := other.LoadState(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	for _, x := range []*train.Trainer{tr, other} {
		if _, err := x.Step(t.Context(), batch...); err != nil {
			t.Fatal(err)
		}
	}
	same(t, "from a state", weightsOf(t, other), weightsOf(t, tr))
}
