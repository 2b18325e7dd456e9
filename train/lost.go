package train

import (
	"context"
	"fmt"

	"github.com/glipvk/glipvk/glip"
)

// recovered says whether a course that failed with err can go on: where the device was lost and the executor is on another, from the
// state that was saved last, or from the beginning where there is none. What it reported since is taken back.
func (c *course) recovered(ctx context.Context, err error) (again bool, _ error) {
	again, err = c.executor.Recover(ctx, err)
	if !again {
		return false, err
	}
	if c.kept < 0 && c.begun > 0 {
		return false, fmt.Errorf("train: the device was lost, and with it %d steps that no state was saved of", c.begun)
	}
	c.still()
	c.ahead = nil
	if err := c.restart(ctx); err != nil {
		return false, err
	}
	if c.kept >= 0 {
		if err := c.LoadState(ctx, c.path("last.state")); err != nil {
			return false, err
		}
	}
	c.begun, c.spent = c.taken, 0
	return true, c.metrics.Truncate(c.at.Bytes)
}

// restart is the trainer as [New] makes it, on the device where the executor is now.
func (t *Trainer) restart(ctx context.Context) error {
	if err := t.leave(); err != nil {
		return err
	}
	t.state = state{}
	t.options.Schedule.State, t.taken, t.at, t.torn = t.origin, 0, position{Best: -1}, false
	return t.load(ctx)
}

// leave gives up what steps keep on a device that was lost, but for the state.
func (t *Trainer) leave() error {
	t.results, t.fitting = nil, map[glip.Training]bool{}
	return t.Forget()
}
