package labels

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/glipvk/glipvk/internal/file"
)

// target is what is written where.
type target struct {
	folder string
	format Format
	Options
}

// view is how a format shows a set.
type view struct {
	path      func(name string) string         // the label file of a picture, from the folder, with slashes; nil where pictures have none
	each      func(p *Picture) ([]byte, error) // its content
	place     func(name string) string         // where the picture itself goes, likewise; nil for nowhere
	documents []document                       // files of the whole set
}

// document is a file of a whole set.
type document struct {
	name  string // in the folder
	write func(ctx context.Context, w io.Writer, all *pictures) error
}

// save writes a document, piece by piece.
func (d document) save(ctx context.Context, path string, all *pictures) error {
	return file.Save(path, 0o644, func(f io.Writer) error {
		w := bufio.NewWriterSize(f, 1<<18)
		if err := d.write(ctx, w, all); err != nil {
			return err
		}
		return w.Flush()
	})
}

// pictures are those of a set, by their names' order.
type pictures struct {
	w     *Writer
	names []string
}

// whole stands for all parts.
const whole = -1

// walk calls yield with each picture of a part; those without a number of their own have that of their place in the set.
func (s *pictures) walk(ctx context.Context, part int, yield func(p *Picture) error) error {
	t := s.w.target
	for i, name := range s.names {
		if err := ctx.Err(); err != nil {
			return err
		}
		if part != whole && t.Split.Part(name) != part {
			continue
		}
		p, err := s.w.recorded(name)
		if err != nil {
			return err
		}
		if p.ID == 0 {
			p.ID = int64(i + 1)
		}
		if err := yield(p); err != nil {
			return err
		}
	}
	return nil
}

// recorded is a picture as the journal has it.
func (w *Writer) recorded(name string) (*Picture, error) {
	r, err := w.journal.at(w.at[name])
	if err != nil {
		return nil, err
	}
	p, err := r.picture(len(w.target.Classes))
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", w.journal.path, name, err)
	}
	return p, nil
}

// fitted is a picture as the format has it, and how many objects were left out for that.
func (f Format) fitted(p Picture) (Picture, int) {
	kept := p.Objects
	if f.Clips {
		kept = nil
		for _, o := range p.Objects {
			if o.Box = o.Box.Clip(p.Width, p.Height); !o.Box.empty() {
				kept = append(kept, o)
			}
		}
	}
	if f.Most > 0 && len(kept) > f.Most {
		kept = slices.Clone(kept)
		slices.SortStableFunc(kept, func(a, b Object) int { return cmp.Compare(b.Score, a.Score) })
		kept = kept[:f.Most]
	}
	dropped := len(p.Objects) - len(kept)
	p.Objects = kept
	return p, dropped
}

// place brings a picture to a path from the folder of labels. What lies there already stays.
func (t *target) place(name, to string) error {
	if t.Place == Leave {
		return nil
	}
	from, err := filepath.Abs(filepath.Join(t.Pictures, filepath.FromSlash(name)))
	if err != nil {
		return err
	}
	path := filepath.Join(t.folder, filepath.FromSlash(to))
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	if err := file.MakeFolder(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if t.Place == Link {
		if err := file.Symlink(from, path); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("linking %s: %w; where links are not possible, have pictures copied", path, err)
		}
		return nil
	}
	f, _, err := file.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	return file.Save(path, 0o644, func(w io.Writer) error {
		_, err := io.Copy(w, f)
		return err
	})
}
