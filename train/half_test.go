package train_test

import (
	"math"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/glip"
)

// TestHalves compares the losses of steps whose stored values have 16 bits, and the length of all gradients by what it is clipped
// with, to those of 32 bits, and wants them to work in less memory and to have the same bits each time.
func TestHalves(t *testing.T) {
	size := glip.Training{Batch: 2, Height: 96, Width: 96, Tokens: 8, Objects: 1}
	for _, device := range devices {
		t.Run(device, func(t *testing.T) {
			full := small(t, device, 3, nil, whole())
			options := glipvk.Options{Device: device, Weights: "synthetic:3", Precision: glipvk.F16}
			half, again := smallAs(t, options, nil, whole()), smallAs(t, options, nil, whole())
			moved := false
			for k := range 2 { // what the third says depends on the last bits of 32 too
				want, err := full.Step(t.Context(), pair(t)...)
				if err != nil {
					t.Fatal(err)
				}
				got, err := half.Step(t.Context(), pair(t)...)
				if err != nil {
					t.Fatal(err)
				}
				if l, err := again.Step(t.Context(), pair(t)...); err != nil || l != got {
					t.Errorf("step %d: %+v and %+v, %v", k+1, got, l, err)
				}
				for name, x := range map[string][2]float64{
					"box": {got.Box, want.Box}, "centre-ness": {got.Centerness, want.Centerness}, "token": {got.Token, want.Token}, "scale": {got.Scale, want.Scale},
				} {
					d := math.Abs(x[0]-x[1]) / x[1]
					if !(d <= 0.02) {
						t.Errorf("step %d: %s is %g with 16 bits, %g with 32", k+1, name, x[0], x[1])
					}
					moved = moved || d > 0
				}
			}
			if !moved {
				t.Error("nothing was rounded")
			}
			less, err := half.Need(t.Context(), size)
			if err != nil {
				t.Fatal(err)
			}
			more, err := full.Need(t.Context(), size)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("a step works in %d bytes, with 32 bits in %d", less.Step, more.Step)
			if device != "reference" && !(float64(less.Step) < 0.8*float64(more.Step)) {
				t.Errorf("a step works in %d bytes, with 32 bits in %d", less.Step, more.Step)
			}
		})
	}
}
