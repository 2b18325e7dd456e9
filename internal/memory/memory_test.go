package memory_test

import (
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/internal/memory"
)

func TestWant(t *testing.T) {
	if err := memory.Want(1<<10, "a little"); err != nil {
		t.Error(err)
	}
	left, known := memory.Room()
	if runtime.GOOS != "linux" {
		t.Skipf("what is left is not known on %s", runtime.GOOS)
	}
	if !known || left.Bytes < 1 || left.Of == "" {
		t.Fatalf("%+v, %v", left, known)
	}
	if err := memory.Want(left.Bytes/4, "a quarter"); err != nil && left.Bytes > 4*memory.Spare {
		t.Error(err)
	}
	err := memory.Want(math.MaxInt64/2, "the sky")
	var short *memory.Short
	if !errors.Is(err, memory.ErrShort) || !errors.As(err, &short) || !strings.Contains(err.Error(), "the sky takes") || !strings.Contains(err.Error(), short.Left.Of) {
		t.Fatal(err)
	}
	if s := short.Share(); !(s >= 0 && s < 1) {
		t.Errorf("a share of %g", s)
	}
	if err := memory.Enough(); err != nil {
		t.Error(err)
	}
}
