package picture

import (
	"context"
	"runtime"
	"sync"
)

// parallel splits [0, n) into one piece per processor, none shorter than
// least, and calls work for every piece, the pieces at the same time. When ctx is
// done it leaves the rest undone; who uses the result looks at the context again.
func parallel(ctx context.Context, n, least int, work func(from, to int)) {
	pieces := max(min(runtime.GOMAXPROCS(0), n/max(least, 1)), 1)
	piece := func(from, to int) {
		for step := 4 * max(least, 1); from < to && ctx.Err() == nil; from += step {
			work(from, min(from+step, to))
		}
	}
	if pieces == 1 {
		piece(0, n)
		return
	}
	var wg sync.WaitGroup
	for p := range pieces {
		wg.Go(func() { piece(n*p/pieces, n*(p+1)/pieces) })
	}
	wg.Wait()
}

// rowsPerPiece is the least number of picture rows worth a goroutine.
const rowsPerPiece = 32
