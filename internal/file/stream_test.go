//go:build unix

package file_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/internal/file/filetest"
)

// A FIFO is read once somebody writes to it; nobody is waited for longer than the context says.
func TestPipe(t *testing.T) {
	filetest.Soon(t)
	path := filepath.Join(t.TempDir(), "fifo")
	if file.IsPipe(path) {
		t.Error("what is not there is a pipe")
	}
	filetest.Pipe(t, path)
	if !file.IsPipe(path) || file.IsPipe(filepath.Dir(path)) {
		t.Error("a FIFO is no pipe, or a folder is one")
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if f, err := file.OpenPipe(short, path); !errors.Is(err, context.DeadlineExceeded) || f != nil || !strings.Contains(err.Error(), path) {
		t.Errorf("without a writer: %v", err)
	}
	// The reader that was left behind opens the FIFO once somebody writes, and is gone.
	if w, err := os.OpenFile(path, os.O_WRONLY, 0); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	for gone := false; !gone; time.Sleep(time.Millisecond) {
		w, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if gone = errors.Is(err, syscall.ENXIO); !gone {
			w.Close()
		}
	}
	go func() {
		if err := os.WriteFile(path, []byte("content"), 0o600); err != nil {
			t.Error(err)
		}
	}()
	f, err := file.OpenPipe(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if data, err := file.Drain(t.Context(), f, path, 7); err != nil || string(data) != "content" {
		t.Errorf("%q, %v", data, err)
	}
}

func TestDrain(t *testing.T) {
	filetest.Soon(t)
	if _, err := file.Drain(t.Context(), strings.NewReader("12345678"), "stream", 7); !errors.Is(err, file.ErrTooLarge) || !strings.Contains(err.Error(), "stream") {
		t.Errorf("over the limit: %v", err)
	}
	broken := errors.New("broken")
	if _, err := file.Drain(t.Context(), io.MultiReader(strings.NewReader("123"), iotest.ErrReader(broken)), "stream", 7); !errors.Is(err, broken) {
		t.Errorf("of a broken stream: %v", err)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	r, w := io.Pipe()
	defer w.Close()
	if _, err := file.Drain(short, r, "stream", 7); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("of a stream that nothing comes out of: %v", err)
	}
}
