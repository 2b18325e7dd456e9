package fetch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/glipvk/glipvk/internal/file"
)

// Find looks for a published file on this machine, and makes no request. What its bytes should sum to is compared
// once, and remembered until the file's size or time changes. A file that is another one than was published is left
// alone, which is said. The error wraps [ErrAbsent], or is the context's.
func (o Options) Find(ctx context.Context, i Item) (Found, error) {
	for _, p := range o.places(ctx, i) {
		found, err := o.look(ctx, i, p)
		switch {
		case err == nil:
			return found, nil
		case ctx.Err() != nil:
			return Found{}, fmt.Errorf("fetch: looking for %s: %w", i.Name, ctx.Err())
		case !errors.Is(err, os.ErrNotExist):
			o.say(fmt.Sprintf("%s is left alone: %v", p.path, err))
		}
	}
	return Found{}, fmt.Errorf("fetch: %s (%s) is %w", i.Name, i.File, ErrAbsent)
}

// Stored says without reading it where a file seems to lie; "" for nowhere.
func (o Options) Stored(ctx context.Context, i Item) string {
	for _, p := range o.places(ctx, i) {
		if info, err := os.Stat(p.path); err == nil && info.Mode().IsRegular() && info.Size() > 0 {
			return p.path
		}
	}
	return ""
}

// look looks at one place. The error says what is there instead of the file.
func (o Options) look(ctx context.Context, i Item, p place) (Found, error) {
	found := Found{Item: i, Path: p.path, Where: p.where, Tensors: p.tensors, Checked: checkedNothing}
	f, info, err := file.Open(p.path)
	if err != nil {
		return Found{}, err
	}
	defer f.Close()
	switch {
	case info.Size() == 0:
		return Found{}, errors.New("it is empty")
	case p.tensors:
		found.Checked = checkedMembers
		return found, nil // it got its name last, when all was written and checked
	case i.Bytes > 0 && !i.Rounded && info.Size() != i.Bytes:
		return Found{}, fmt.Errorf("it has %d bytes, the published file has %d", info.Size(), i.Bytes)
	case i.Sum == "":
		return found, nil
	}
	sum, err := o.sumOf(ctx, f, info)
	if err != nil {
		return Found{}, err
	}
	if !strings.HasPrefix(sum, i.Sum) {
		return Found{}, fmt.Errorf("its SHA-256 begins with %s, that of the published file with %s", sum[:8], i.Sum[:8])
	}
	found.Checked = checkedSum(i.Sum)
	return found, nil
}

// What the bytes of a file were compared with.
const (
	checkedNothing = "no SHA-256 is published for it"
	checkedMembers = "the checksums of the archive's members were compared"
	checkedServer  = "its SHA-256 is the one that the server named; none is published"
)

func checkedSum(digits string) string {
	if len(digits) < 64 {
		return fmt.Sprintf("its SHA-256 begins with the %d digits that its name carries", len(digits))
	}
	return "its SHA-256 is the published one"
}
