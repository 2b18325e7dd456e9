package cpuref

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/glipvk/glipvk/graph"
)

// rows is an operation cut into count pieces that do not touch each other's
// results: each(i) computes piece i. A piece is whatever is natural for the
// operation: a token, a row of probabilities, a few columns of a product.
type rows struct {
	count int
	each  func(i int)
}

// pool computes rows on several goroutines and keeps the count of work done.
type pool struct {
	ctx      context.Context
	workers  int
	progress func(done, total int64)
	done     int64
	total    int64
}

func newPool(ctx context.Context, o Options, g *graph.Graph) *pool {
	p := &pool{ctx: ctx, workers: o.Workers, progress: o.Progress}
	if p.workers <= 0 {
		p.workers = runtime.GOMAXPROCS(0)
	}
	for i := range g.Nodes {
		p.total += work(g, graph.ID(i))
	}
	return p
}

// work of one node, in multiply-adds plus elements written.
func work(g *graph.Graph, id graph.ID) int64 {
	n := g.Nodes[id]
	switch n.Op.(type) {
	case graph.Input, graph.Param:
		return 0
	}
	return g.MultiplyAdds(id) + int64(n.Shape.Elements())
}

// do computes all rows of one operation. Workers take the next few rows as they
// become free; the context is looked at each time.
func (p *pool) do(r rows, work int64) error {
	batch := max(1, min(r.count/(8*p.workers), 64)) // rows taken at once
	var (
		next     atomic.Int64
		wg       sync.WaitGroup
		reported sync.Mutex
		finished int64 // rows, guarded by reported
	)
	for range min(p.workers, (r.count+batch-1)/batch) {
		wg.Go(func() {
			for p.ctx.Err() == nil {
				end := int(next.Add(int64(batch)))
				start := end - batch
				if end = min(end, r.count); start >= end {
					return
				}
				for i := start; i < end; i++ {
					r.each(i)
				}
				if p.progress != nil {
					reported.Lock()
					finished += int64(end - start)
					p.progress(p.done+int64(float64(work)*float64(finished)/float64(r.count)), p.total)
					reported.Unlock()
				}
			}
		})
	}
	wg.Wait()
	p.done += work
	return p.ctx.Err()
}
