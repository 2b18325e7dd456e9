package train_test

import (
	"fmt"
	"testing"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/train"
)

// remembering are options of steps that throw dice where the mode lets them.
func remembering(mode train.Mode, bytes int64) train.Options {
	o := train.Options{Mode: mode, Frozen: -1, Clip: 1, Seed: 7, Recipe: train.Recipe{Rate: 1e-3, LanguageRate: 1e-3, Decay: 0.05},
		Random: glip.Random{DropPath: 0.2, DropBlock: 0.3, Language: 0.1, Tower: 0.1}, Remember: bytes}
	if mode == train.Adapters {
		o.Adapters = train.LowRank{Globs: []string{"rpn.head.dyhead_tower.*.b_attn.attn.*"}, Rank: 2, Alpha: 4}
	}
	return o
}

// TestRemember: steps whose frozen parts were remembered have the bits of those that compute them, in every mode and
// on every executor, for one picture and for two that come back in another order.
func TestRemember(t *testing.T) {
	for _, device := range devices {
		for _, mode := range train.Modes() {
			t.Run(device+" "+string(mode), func(t *testing.T) {
				var results [2]string
				for i, bytes := range []int64{-1, 0} {
					tr := opened(t, device, remembering(mode, bytes))
					for _, seeds := range [][]uint64{{1, 2}, {3}, {2, 1}, {2, 2}} {
						l, err := tr.Step(t.Context(), drawn(t, seeds...)...)
						if err != nil {
							t.Fatal(err)
						}
						results[i] += fmt.Sprintln(l)
					}
					if pictures, bytes := tr.Held(); (pictures != 3 || bytes == 0) && i == 1 && mode != train.Full {
						t.Errorf("%d pictures are remembered in %d bytes, want 3", pictures, bytes)
					}
				}
				if results[0] != results[1] {
					t.Errorf("computed:\n%sremembered:\n%s", results[0], results[1])
				}
			})
		}
	}
}

// TestRememberBound: what is beyond the bound goes, the picture that did not come for longest first, and never what a
// step uses.
func TestRememberBound(t *testing.T) {
	tr := opened(t, "cpu", remembering(train.Prompt, 0))
	step := func(tr *train.Trainer, seeds ...uint64) {
		t.Helper()
		if _, err := tr.Step(t.Context(), drawn(t, seeds...)...); err != nil {
			t.Fatal(err)
		}
	}
	step(tr, 1)
	_, one := tr.Held()
	tr = opened(t, "cpu", remembering(train.Prompt, 2*one))
	for _, x := range []struct {
		seeds    []uint64
		pictures int
	}{{[]uint64{1}, 1}, {[]uint64{2}, 2}, {[]uint64{1}, 2}, {[]uint64{3}, 2}, {[]uint64{4, 5, 6}, 3}, {[]uint64{6}, 2}} {
		step(tr, x.seeds...)
		if pictures, bytes := tr.Held(); pictures != x.pictures || bytes != one*int64(x.pictures) {
			t.Errorf("after %d: %d pictures are remembered in %d bytes, want %d of %d", x.seeds, pictures, bytes, x.pictures, one)
		}
	}
}
