package train_test

import (
	"math"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/train"
)

// TestDecay takes one step at a high rate: every word's row shrinks, in the caption or not, and before the step is taken. At the rates
// of the golden set that is below float32's last digit.
func TestDecay(t *testing.T) {
	const rate, decay = 0.05, 0.25
	for _, device := range devices {
		t.Run(device, func(t *testing.T) {
			o := whole()
			o.Mode, o.Recipe, o.Clip = train.Language, train.Recipe{Rate: rate, LanguageRate: rate, Decay: decay}, 0
			tr := small(t, device, 3, nil, o)
			start := weightsOf(t, tr)
			if _, err := tr.Step(t.Context(), pair(t)...); err != nil {
				t.Fatal(err)
			}
			now := weightsOf(t, tr)
			idle, moved := 0, 0
			for name, old := range start {
				if !strings.HasSuffix(name, "word_embeddings.weight") {
					continue
				}
				for i, x := range old {
					// The first step of AdamW is the rate, against the gradient's sign, as long as that is no noise.
					switch d := float64(now[name][i]) - float64(x)*(1-rate*decay); {
					case math.Abs(d) < 1e-7:
						idle++
					case math.Abs(math.Abs(d)-rate) < 1e-4*rate:
						moved++
					}
				}
				if rest := len(old) - idle - moved; idle == 0 || moved == 0 || rest > moved/50 {
					t.Errorf("of %d elements of %s %d shrink and %d take a step too, %d do neither", len(old), name, idle, moved, rest)
				}
			}
			if idle == 0 {
				t.Error("there are no words")
			}
		})
	}
}
