package executor

import (
	"context"
	"errors"

	"github.com/glipvk/glipvk/graph"
)

// Lent is a source that its owner closes, and no executor.
type Lent struct{ Source }

// Once computes a graph of the same parameters one time on the same device, in f32, with weights and a program of its own: for a graph
// that reads weights in other ways than that which the executor was opened for, as gradients do. All is given back before it
// returns. Results and errors are those of [Part.Host].
func (e *Executor) Once(ctx context.Context, g *graph.Graph, in ...[]float32) (out [][]float32, list []Output, err error) {
	if e.never() {
		return nil, nil, e.Close()
	}
	c, at, err := e.enter(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = c.leave(err) }()
	o := e.options
	o.Precision = F32
	if e.options.OnDeviceLost == LostCPU && at.device.Vulkan == nil {
		o.Device = "cpu" // it may have come here from a device that was lost
	}
	own, err := Open(c.ctx, g, Lent{e.weights()}, o)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, own.Close()) }()
	p := NewPart(own, Recording[struct{}]{Name: "once", Record: func(struct{}) (*graph.Graph, error) { return g, nil }})
	return p.Host(c.ctx, struct{}{}, Hosts(in)...)
}
