package executor

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/glipvk/glipvk/cpu"
)

// processed is a program of package cpu. Memory of results that were closed is that of later ones: new memory takes the
// system longer than some programs run.
type processed struct {
	p *cpu.Program

	mu    sync.Mutex
	spare [][]float32 // one of each result at most
}

func newProcessed(p *cpu.Program, results int) *processed {
	return &processed{p: p, spare: make([][]float32, results)}
}

// using calls f with inputs in memory of the host, which stay there meanwhile.
func using(in []Value, f func(in [][]float32) error) error {
	for i, v := range in {
		if v.lent == nil {
			continue
		}
		if !v.lent.hold() {
			return fmt.Errorf("glipvk: input %d is a value that was closed: %w", i+1, ErrClosed)
		}
		defer v.lent.release()
	}
	return f(hosts(in))
}

func (c *processed) run(ctx context.Context, in []Value) ([]Value, error) {
	return c.runOver(ctx, nil, in)
}

// runOver writes results where the inputs lie that they replace, if the program can.
func (c *processed) runOver(ctx context.Context, over, in []Value) (out []Value, err error) {
	return out, using(in, func(data [][]float32) error {
		room := c.room(over, data)
		if err := c.p.RunInto(ctx, room, data...); err != nil {
			return err
		}
		out = c.lend(room)
		for i, v := range over {
			if v.lent != nil && alike(v.host, room[i]) {
				v.lent.moved()
			}
		}
		return closeAll(over)
	})
}

// room is memory for results.
func (c *processed) room(over []Value, in [][]float32) [][]float32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	there := slices.Clone(c.spare)
	clear(c.spare)
	for i, v := range over {
		k := slices.IndexFunc(in, func(x []float32) bool { return alike(x, v.host) })
		if v.lent != nil && k >= 0 && c.p.InPlace(i, k) {
			there[i] = v.host
		}
	}
	return c.p.Room(there)
}

// alike says whether two values lie in one place.
func alike(a, b []float32) bool { return len(a) > 0 && len(b) > 0 && &a[0] == &b[0] }

// keep takes memory back.
func (c *processed) keep(result int, data []float32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.spare != nil {
		c.spare[result] = data
	}
}

// lend makes values of results.
func (c *processed) lend(room [][]float32) []Value {
	list := make([]Value, len(room))
	for i, data := range room {
		list[i] = Value{host: data, lent: lend(data, func(data []float32) { c.keep(i, data) })}
	}
	return list
}

func (c *processed) runInto(ctx context.Context, out [][]float32, in []Value) error {
	return using(in, func(in [][]float32) error { return c.p.RunInto(ctx, out, in...) })
}

func (c *processed) profile(ctx context.Context, in []Value) (out []Value, list []Timing, err error) {
	return out, list, using(in, func(data [][]float32) (err error) {
		room := c.room(nil, data)
		if list, err = c.p.RunProfiled(ctx, room, data...); err == nil {
			out = c.lend(room)
		}
		return err
	})
}

func (c *processed) stats() Stats { return c.p.Stats() }

func (c *processed) close() error {
	c.p.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spare = nil
	return nil
}
