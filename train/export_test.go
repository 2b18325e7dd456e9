package train

import (
	"context"

	"github.com/glipvk/glipvk/glip"
)

// Scarce is what a step of a size says of an error.
func (t *Trainer) Scarce(ctx context.Context, err error, s glip.Training) error {
	return t.scarce(ctx, err, s)
}

// Held is how many pictures' frozen parts are remembered, and their bytes.
func (t *Trainer) Held() (pictures int, bytes int64) {
	if t.front == nil {
		return 0, 0
	}
	return len(t.front.held), t.front.bytes
}
