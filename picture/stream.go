package picture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/glipvk/glipvk/internal/file"
	"github.com/sbinet/npyio/npy"
)

// ReadStream reads a picture or a NumPy array, as its content says, from what can be read only
// once: standard input, a pipe, the body of an answer. See [Decode] and [ReadNpy]. One of the
// results is not nil; name serves the error texts.
//
// The stream is read to its end and kept, MaxMemory bytes of it at most, and no further than its
// first bytes where they begin neither. When ctx is done ReadStream returns its error at once; a
// Read under way is left to itself.
func ReadStream(ctx context.Context, r io.Reader, name string, l Limits, how ...Option) (*Picture, *Input, error) {
	data, err := file.Drain(ctx, io.LimitReader(r, headSize), name, headSize)
	array := bytes.HasPrefix(data, npy.Magic[:])
	if _, known := sniff(data); err == nil && (array || known) {
		data, err = file.Drain(ctx, io.MultiReader(bytes.NewReader(data), r), name, l.memory())
	}
	switch {
	case errors.Is(err, file.ErrTooLarge):
		return nil, nil, fmt.Errorf("picture: %s: %w: over %d bytes come out of it; raise MaxMemory to allow it", name, ErrTooLarge, l.memory())
	case err != nil:
		return nil, nil, fmt.Errorf("picture: %w", err)
	case array:
		return ReadNpy(ctx, bytes.NewReader(data), int64(len(data)), name, l)
	}
	p, err := Decode(ctx, bytes.NewReader(data), name, l, how...)
	if err != nil {
		return nil, nil, err
	}
	return &p, nil, nil
}
