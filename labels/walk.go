package labels

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"

	"github.com/glipvk/glipvk/internal/file"
)

// Walk calls yield with each picture that was added, by this run or those that it goes on with, in the order of names; ID is
// 0 where none was given. It may not call the writer. Errors are yield's, the context's, or those of reading.
func (w *Writer) Walk(ctx context.Context, yield func(Picture) error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(w.at)) {
		if err := ctx.Err(); err != nil {
			return err
		}
		p, err := w.recorded(name)
		if err != nil {
			return err
		}
		if err := yield(*p); err != nil {
			return err
		}
	}
	return nil
}

// Abandon is Close, and lets go of the journal too where no picture was added and nothing is finished: the folder is as if nobody
// had begun.
func (w *Writer) Abandon() error {
	w.mu.Lock()
	begun := w.journal == nil || len(w.at) > 0 || w.summary.Files != nil
	path := filepath.Join(w.target.folder, journalName)
	w.mu.Unlock()
	err := w.Close()
	if !begun {
		err = errors.Join(err, file.Remove(path))
	}
	return err
}
