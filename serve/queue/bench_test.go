package queue

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// instant is a queue whose detector answers at once.
func instant(tb testing.TB, o Options[int, int, int]) *Queue[int, int, int] {
	tb.Helper()
	o.Prepare = func(_ context.Context, job int) (int, error) { return job, nil }
	o.Compute = func(_ context.Context, _ int, batch []Item[int, int]) ([]Result[int], error) {
		results := make([]Result[int], len(batch))
		for i, item := range batch {
			results[i].Value = item.Prepared
		}
		return results, nil
	}
	q, err := New(o)
	if err != nil {
		tb.Fatal(err)
	}
	q.Ready()
	tb.Cleanup(q.Close)
	return q
}

// BenchmarkUnit is what a unit costs from Admit to its answer, by how many callers ask at a time, each with one request.
func BenchmarkUnit(b *testing.B) {
	for _, callers := range []int{1, 64, 1024} {
		for _, batch := range []int{1, 8} {
			b.Run(fmt.Sprintf("callers=%d/batch=%d", callers, batch), func(b *testing.B) {
				q := instant(b, Options[int, int, int]{Queue: callers, Batch: batch, Known: func(Key) bool { return false }})
				var group sync.WaitGroup
				var left atomic.Int64
				left.Store(int64(b.N))
				b.ReportAllocs()
				for n := range callers {
					group.Go(func() {
						r := Request[int]{Client: fmt.Sprint(n), Units: []Unit[int]{{Job: n, Bytes: 1000}}}
						r.Units[0].Picture = Key{1, byte(n), byte(n >> 8)}
						for left.Add(-1) >= 0 {
							p, err := q.Admit(context.Background(), 1000)
							if err != nil {
								b.Error(err)
								return
							}
							answers, err := p.Do(context.Background(), r)
							if err != nil || answers[0].Value != n {
								b.Error(answers, err)
								return
							}
						}
					})
				}
				group.Wait()
			})
		}
	}
}

// BenchmarkRefusal is what it costs to refuse a request of a full queue before it is read.
func BenchmarkRefusal(b *testing.B) {
	q := instant(b, Options[int, int, int]{Queue: 1, Expect: time.Second})
	for range 1 + spare {
		if _, err := q.Admit(context.Background(), 0); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if p, err := q.Admit(context.Background(), 0); err == nil {
				b.Error("taken")
				p.Leave()
			}
		}
	})
}

// BenchmarkStats is what a scrape of metrics costs.
func BenchmarkStats(b *testing.B) {
	q := instant(b, Options[int, int, int]{})
	b.ReportAllocs()
	for b.Loop() {
		q.Stats()
	}
}
