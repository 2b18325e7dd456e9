//go:build cgo

package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	vk "github.com/vulkan-go/vulkan"
)

// Commands are recorded work, submitted as often as wanted, one submission at a time: do
// not use one Commands from several goroutines at once (Run says so if it happens).
// Different Commands may run at the same time. The caller closes them, before the buffers
// they use.
type Commands struct {
	d        *Device
	label    string
	barriers int
	ticks    []int // ticks[i] is the query after dispatch i
	queries  int

	unordered bool // see RecorderOptions

	pool        vk.CommandPool
	buffer      vk.CommandBuffer
	descriptors vk.DescriptorPool
	stamps      vk.QueryPool
	views       map[viewKey]vk.BufferView
	fence       vk.Fence

	buffers []*Buffer // held open

	busy      sync.Mutex // held by the call that uses what follows
	inFlight  bool       // submitted and not known to be over
	signalled bool       // the fence is, and must be reset before the next submission
	ran       bool       // the last submission ended well
	closed    bool
}

// waitSlice is how long one fence wait lasts before the context is looked at again.
const waitSlice = 2 * time.Millisecond

// Barriers returns the number of barriers between the steps, without the one at either
// end that orders the commands after earlier ones and before the host.
func (c *Commands) Barriers() int { return c.barriers }

// Run is [Commands.Start] and [Commands.Wait]. A cancelled context is seen before the
// submission and during the wait: Run then returns its error at once, while the device
// finishes the work by itself. The next Start, Run, Wait or Close waits for that work first.
// In the steady state neither of them makes a Vulkan object or allocates memory.
func (c *Commands) Run(ctx context.Context) error {
	return c.use(ctx, "run", func(c *Commands, ctx context.Context) error {
		if err := c.start(ctx); err != nil {
			return err
		}
		return c.wait(ctx)
	})
}

// Start submits the commands and returns while the device works; Wait says when it is over.
// When the last submission of these commands is not over, Start waits for it first. The device
// takes the commands of all its Commands in the order of their submission, and each sees
// what those before it wrote, without a wait between them. Buffers may not be written by the
// host meanwhile.
func (c *Commands) Start(ctx context.Context) error {
	return c.use(ctx, "start", (*Commands).start)
}

// Wait waits until what Start began, or what a cancelled Run left on the device, is over. It
// returns at once where nothing is.
func (c *Commands) Wait(ctx context.Context) error {
	return c.use(ctx, "wait for", (*Commands).wait)
}

// use guards one call on the commands.
func (c *Commands) use(ctx context.Context, verb string, f func(c *Commands, ctx context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("engine: %s %q: %w", verb, c.label, err)
	}
	if !c.busy.TryLock() {
		return fmt.Errorf("engine: %s %q: the same commands are in use by another goroutine; record them once for each", verb, c.label)
	}
	defer c.busy.Unlock()
	if c.closed {
		return fmt.Errorf("engine: %s %q: %w", verb, c.label, ErrClosed)
	}
	if err := c.d.enter(); err != nil {
		return err
	}
	defer c.d.leave()
	return errors.Join(f(c, ctx), c.d.messages(c.label))
}

func (c *Commands) start(ctx context.Context) error {
	if err := c.wait(ctx); err != nil {
		return err
	}
	return c.submit()
}

// submit hands the commands to the queue; they must not be in flight.
func (c *Commands) submit() error {
	d := c.d
	if c.signalled {
		if err := d.call("vkResetFences", c.label, func() int32 { return d.in.resetFence(d.vk, c.fence) }); err != nil {
			return err
		}
		c.signalled = false
	}
	d.queueMu.Lock()
	defer d.queueMu.Unlock()
	if err := d.call("vkQueueSubmit", c.label, func() int32 { return d.in.submit(d.queue, c.buffer, c.fence) }); err != nil {
		return err
	}
	c.inFlight, c.ran = true, false
	return nil
}

// wait waits for the fence in slices, so that a cancelled context is seen.
func (c *Commands) wait(ctx context.Context) error {
	for c.inFlight {
		over, err := c.poll(waitSlice)
		if err != nil {
			return err
		}
		if over {
			break
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("engine: run %q: %w", c.label, err)
		}
	}
	return nil
}

// poll waits for the fence for a while and reports whether the work is over.
func (c *Commands) poll(patience time.Duration) (bool, error) {
	d := c.d
	timeout := false
	err := d.call("vkWaitForFences", c.label, func() int32 {
		r := d.in.waitFence(d.vk, c.fence, patience)
		if timeout = r == resultTimeout; timeout {
			r = resultSuccess
		}
		return r
	})
	if err != nil || timeout {
		return false, err
	}
	c.inFlight, c.signalled, c.ran = false, true, true
	return true, nil
}

// drain waits for the queue where waiting for a fence failed, so that what the device may
// still use can be freed. On a lost device the wait ends at once.
func (c *Commands) drain() {
	if d := c.d; c.inFlight {
		d.queueMu.Lock()
		defer d.queueMu.Unlock()
		vk.QueueWaitIdle(d.queue)
	}
	c.inFlight, c.signalled = false, true
}

// Times returns how long each dispatch of the last Run took, in record order: the time from
// the end of the step before it to its own end, so that the times add up even where the
// device overlaps steps.
func (c *Commands) Times() ([]time.Duration, error) {
	var times []time.Duration
	err := c.use(context.Background(), "times of", func(c *Commands, _ context.Context) error {
		switch {
		case c.stamps == nil:
			return fmt.Errorf("engine: times of %q: recorded without RecorderOptions.Timestamps", c.label)
		case !c.ran:
			return fmt.Errorf("engine: times of %q: the commands have not run to their end", c.label)
		}
		ticks := make([]uint64, c.queries)
		err := c.d.call("vkGetQueryPoolResults", c.label, func() int32 { return queryResults(c.d.vk, c.stamps, ticks) })
		for _, q := range c.ticks {
			times = append(times, c.elapsed(ticks[q-1], ticks[q]))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return times, nil
}

// elapsed converts ticks, whose counter may have fewer than 64 bits and wrap.
func (c *Commands) elapsed(from, to uint64) time.Duration {
	caps := c.d.info.Caps
	return ticksToDuration(from, to, caps.TimestampBits, caps.TimestampPeriod)
}

// Close waits for work in flight and frees everything. Calling it again does nothing.
func (c *Commands) Close() error {
	c.busy.Lock()
	defer c.busy.Unlock()
	c.d.mu.Lock()
	if c.closed || c.d.closed { // Device.Close frees what is left
		c.closed = true
		c.d.mu.Unlock()
		return nil
	}
	c.closed = true
	c.d.active++
	c.d.mu.Unlock()
	defer c.d.leave()
	var err error
	for c.inFlight && err == nil && !c.d.lost.Load() {
		_, err = c.poll(time.Second)
	}
	c.drain()
	c.release()
	return errors.Join(err, c.d.messages(c.label))
}

// hold keeps the buffers open for as long as the commands are.
func (c *Commands) hold(ops []op) error {
	seen := map[*Buffer]bool{}
	add := func(b *Buffer) {
		if !seen[b] {
			seen[b] = true
			c.buffers = append(c.buffers, b)
		}
	}
	for _, o := range ops {
		for _, b := range o.dispatch.Bindings {
			add(b.Buffer)
		}
		if o.kind == opCopy {
			add(o.copy.dst)
			add(o.copy.src)
		}
	}
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	for _, b := range c.buffers {
		if b.closed {
			return fmt.Errorf("engine: %s: buffer %q: %w", c.label, b.label, ErrClosed)
		}
	}
	for _, b := range c.buffers {
		b.users++
	}
	c.d.commands[c] = struct{}{}
	return nil
}

// release destroys the Vulkan objects and lets the buffers go. The device is done with them.
func (c *Commands) release() {
	d := c.d
	destroyObject(d, "fence", c.fence, vk.DestroyFence)
	destroyObject(d, "query pool", c.stamps, vk.DestroyQueryPool)
	destroyObject(d, "command pool", c.pool, vk.DestroyCommandPool)              // and with it the command buffer
	destroyObject(d, "descriptor pool", c.descriptors, vk.DestroyDescriptorPool) // and with it the descriptor sets
	for _, v := range c.views {
		destroyObject(d, "buffer view", v, vk.DestroyBufferView)
	}
	c.fence, c.stamps, c.pool, c.descriptors, c.views = nil, nil, nil, nil, nil
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, b := range c.buffers {
		b.users--
	}
	c.buffers = nil
	delete(d.commands, c)
}
