package turn

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestWaitersMayLeave(t *testing.T) {
	l := New()
	if err := l.Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := l.Acquire(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("while it is held: %v", err)
	}
	l.Release()
	if err := l.Acquire(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("free, with a context that has ended: %v", err)
	}
	if err := l.Acquire(t.Context()); err != nil {
		t.Fatalf("after the waiter left: %v", err)
	}
	l.Release()
}
