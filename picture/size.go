package picture

import (
	"bufio"
	"context"
	"fmt"
)

// Size is the width and height in pixels of the picture in a file, as [Open] gives it, without decoding it. Errors are those of Open, as far as
// they can be told by then.
func Size(ctx context.Context, path string, l Limits, how ...Option) (width, height int, err error) {
	f, _, err := open(path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	s := &source{ctx: ctx, r: f, buffer: bufio.NewReaderSize(nil, 1<<14)}
	for _, change := range how {
		change(s)
	}
	j, _, err := s.begin(path, l)
	if err != nil {
		return 0, 0, err
	}
	if j.turn >= 5 && j.turn <= 8 { // width and height are exchanged
		return j.height, j.width, nil
	}
	return j.width, j.height, nil
}

// begin is what decoding the picture will take, and its format; a picture over the limits is refused.
func (s *source) begin(name string, l Limits) (j job, f format, err error) {
	defer func() {
		// No decoder should panic; if one does, it is the file's fault.
		if p := recover(); p != nil {
			err = fmt.Errorf("picture: %s: damaged picture (%v): %w", name, p, ErrFormat)
		}
	}()
	size, f, err := s.format()
	if err != nil {
		return j, f, fmt.Errorf("picture: %s: %w", name, err)
	}
	j, err = rewound(s, func(*bufio.Reader) (job, error) { return f.begin(s, size) })
	if err != nil {
		return j, f, decodeError(name, f, err)
	}
	if s.stored {
		j.turn = 1
	}
	if err := l.check(1, j.height, j.width); err != nil {
		return j, f, fmt.Errorf("picture: %s: %w", name, err)
	}
	return j, f, nil
}
