package soak

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Stress keeps processors, allocator and collector busy with n goroutines, as neighbours do, until stop is called, which waits for
// their end.
func Stress(n int) (stop func()) {
	var over atomic.Bool
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			var held [64][]uint32 // churned
			x := uint32(2*i + 1)
			for turn := 0; !over.Load(); turn++ {
				for range 20_000 {
					x ^= x << 13
					x ^= x >> 17
					x ^= x << 5
				}
				block := make([]uint32, 1+x%(32<<10))
				for at := 0; at < len(block); at += 512 {
					block[at] = x
				}
				held[x%uint32(len(held))] = block
				if i == 0 && turn%100 == 0 {
					runtime.GC()
				}
				if x%8 == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	return func() {
		over.Store(true)
		group.Wait()
	}
}
