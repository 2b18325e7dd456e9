package picture

import (
	"runtime"
	"sync"
)

// parallel splits [0, n) into one piece per processor, none shorter than
// least, and calls work for every piece, the pieces at the same time.
func parallel(n, least int, work func(from, to int)) {
	pieces := min(runtime.GOMAXPROCS(0), n/max(least, 1))
	if pieces <= 1 {
		work(0, n)
		return
	}
	var wg sync.WaitGroup
	for p := range pieces {
		wg.Go(func() { work(n*p/pieces, n*(p+1)/pieces) })
	}
	wg.Wait()
}

// rowsPerPiece is the least number of picture rows worth a goroutine.
const rowsPerPiece = 32
