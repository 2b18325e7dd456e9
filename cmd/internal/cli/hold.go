package cli

import (
	"context"
	"sync"
	"time"
)

// holdKey is the key of a program's hold in its context.
type holdKey struct{}

// Hold keeps the first interrupt from ending the program until release is called, and a while longer, in which it says what it saved:
// for work that has something to save then, and ends by itself soon after its context has. A second interrupt ends the program all the same.
func Hold(ctx context.Context) (release func()) {
	hold, ok := ctx.Value(holdKey{}).(*sync.RWMutex)
	if !ok {
		return func() {} // not a program's
	}
	hold.RLock()
	return hold.RUnlock
}

// holding is ctx with what Hold looks for.
func holding(ctx context.Context) (context.Context, *sync.RWMutex) {
	hold := &sync.RWMutex{}
	return context.WithValue(ctx, holdKey{}, hold), hold
}

// patient waits until an interrupted program has had its time: patience from now, and from when nothing holds it any more.
func patient(hold *sync.RWMutex, patience time.Duration) {
	time.Sleep(patience)
	if !hold.TryLock() {
		hold.Lock()
		time.Sleep(patience)
	}
}
