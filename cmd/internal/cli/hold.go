package cli

import (
	"context"
	"sync"
)

// holdKey is the key of a program's hold in its context.
type holdKey struct{}

// Hold keeps the first interrupt from ending the program until release is called: for work that has something to save then, and
// ends by itself soon after its context has. A second interrupt ends the program all the same.
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
