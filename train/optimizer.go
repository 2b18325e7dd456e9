package train

import (
	"strings"

	"github.com/glipvk/glipvk/glip"
)

// Recipe has the numbers of a training that the optimizer needs.
type Recipe struct {
	Rate         float64 // base learning rate
	LanguageRate float64 // of the text encoder
	Decay        float64 // of weights, at each step, times the rate
}

// Of gives the learning rate and the decay of a weight by canonical name, before the schedule: biases
// and whatever is called like one learn twice as fast and do not decay (make_optimizer of
// maskrcnn_benchmark/solver/build.py).
func (r Recipe) Of(name string) (rate, decay float64) {
	name = glip.OfficialName(name)
	rate, decay = r.Rate, r.Decay
	if strings.Contains(name, "language_backbone") {
		rate = r.LanguageRate
	}
	if strings.Contains(name, "bias") {
		rate, decay = 2*rate, 0
	}
	return rate, decay
}
