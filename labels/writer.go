package labels

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/glipvk/glipvk/internal/file"
)

// Writer writes a set of labels into a folder. Its methods may be called by several goroutines.
type Writer struct {
	mu      sync.Mutex
	target  *target
	view    *view
	journal *journal

	at      map[string]span   // of each picture's line in the journal
	files   map[string]string // the picture that each label file is of, where pictures have one each
	numbers map[int64]string  // the picture of each number, where pictures have their own
	swept   map[string]bool   // folders where nothing unfinished lies
	summary Summary
}

// Summary says what is in a set.
type Summary struct {
	Pictures int
	Empty    int      // pictures without objects
	Objects  int      // that were written
	Dropped  int      // objects that were left out: they have no area in their picture, or are more than the format has
	PerClass []int    // objects of each class
	PerPart  [3]int   // pictures of each of [Parts]
	Files    []string // those of the whole set, as [Writer.Finish] wrote them
}

// Create begins to write labels into a folder, or goes on with those of an earlier run, as o.Existing says. Errors wrap
// [ErrFormat], [ErrExists], [ErrOther], or are those of writing.
func Create(folder, format string, o Options) (*Writer, error) {
	f, err := Find(format)
	if err != nil {
		return nil, err
	}
	if !f.Writes {
		return nil, fmt.Errorf("%w: %s is only read; %s", ErrFormat, f.Name, able("this", func(Format) bool { return true }))
	}
	if err := o.check(f); err != nil {
		return nil, err
	}
	w := &Writer{
		target: &target{folder: folder, format: f, Options: o},
		at:     map[string]span{}, files: map[string]string{}, numbers: map[int64]string{}, swept: map[string]bool{},
		summary: Summary{PerClass: make([]int, len(o.Classes))},
	}
	if w.view, err = f.open(w.target); err != nil {
		return nil, err
	}
	if err := w.open(); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// open finds out what is in the folder and opens the journal.
func (w *Writer) open() error {
	t := w.target
	path := filepath.Join(t.folder, journalName)
	now := heading{1, t.format.Name, t.Asked, t.Stored, t.VOC, t.Classes, t.CategoryIDs}
	_, err := os.Lstat(path)
	switch there := err == nil; {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case there && t.Existing == Refuse:
		return fmt.Errorf("%w in %s, of an earlier run; go on with them, overwrite them, or choose another folder", ErrExists, t.folder)
	case there && t.Existing == Continue:
		return w.goOn(path, now)
	case there:
		if err := w.forget(path); err != nil {
			return err
		}
	case t.Existing != Overwrite:
		for _, d := range w.view.documents {
			if _, err := os.Lstat(filepath.Join(t.folder, d.name)); err == nil {
				return fmt.Errorf("%w: %s is in %s, and not of a run that can be gone on with; overwrite it, or choose another folder", ErrExists, d.name, t.folder)
			}
		}
	}
	if w.journal, err = begin(path, now); err != nil {
		return err
	}
	return w.sweep(path)
}

// goOn takes the pictures of an earlier run.
func (w *Writer) goOn(path string, now heading) (err error) {
	if w.journal, err = reopen(path); err != nil {
		return err
	}
	if err := w.sweep(path); err != nil {
		return err
	}
	return w.journal.scan(func(h heading) error {
		if how := h.unlike(now); how != "" {
			return fmt.Errorf("%w: %s; give the same, or another folder", ErrOther, how)
		}
		return nil
	}, func(r record, at span) error {
		p, err := r.picture(len(w.target.Classes))
		if err == nil {
			err = w.fits(p)
		}
		if err == nil {
			w.take(p, r.Dropped, at)
		}
		return err
	})
}

// forget removes the labels of an earlier run.
func (w *Writer) forget(path string) error {
	j, err := reopen(path)
	if err != nil {
		return err
	}
	var old *view
	err = j.scan(func(h heading) error {
		f, err := Find(h.Format)
		if err != nil || !f.Writes {
			return err
		}
		for _, split := range []Split{{Train: 1, Val: 1, Test: 1}, {}} { // which of them it had is not known
			if old, err = f.open(&target{folder: w.target.folder, format: f, Options: Options{Classes: h.Classes, Existing: Overwrite, Split: split}}); err != nil {
				return err
			}
			for _, d := range old.documents {
				if err := file.Clear(filepath.Join(w.target.folder, d.name)); err != nil {
					return err
				}
			}
		}
		return nil
	}, func(r record, _ span) error {
		if old == nil || old.path == nil || checkName(r.Name) != nil {
			return nil
		}
		return file.Clear(filepath.Join(w.target.folder, filepath.FromSlash(old.path(r.Name))))
	})
	if err != nil {
		return errors.Join(fmt.Errorf("overwriting: %w", err), j.close())
	}
	return errors.Join(j.close(), file.Remove(path))
}

// Has says whether a picture is among those that were added, by this run or the one that it goes on with.
func (w *Writer) Has(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, ok := w.at[name]
	return ok
}

// Plan says before the work which of the pictures to come cannot be written: a name is wrong, given twice, or stands for the
// same label file as another one. The error wraps [ErrPicture].
func (w *Writer) Plan(names []string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	files := maps.Clone(w.files)
	for _, name := range names {
		if err := checkName(name); err != nil {
			return err
		}
		if err := w.shares(files, name); err != nil {
			return err
		}
		if w.view.path != nil {
			files[w.view.path(name)] = name
		}
	}
	return nil
}

// shares is an error if a picture's label file is that of another one.
func (w *Writer) shares(files map[string]string, name string) error {
	if w.view.path == nil {
		return nil
	}
	path := w.view.path(name)
	if other, taken := files[path]; taken && other != name {
		return fmt.Errorf("%w: %s and %s would share the label file %s; rename one of them", ErrPicture, other, name, path)
	}
	return nil
}

// Add adds a picture. When it returns without an error, the picture is in the set, whatever ends the program. Errors wrap
// [ErrPicture] or are those of writing; after one the set is as it was before.
func (w *Writer) Add(ctx context.Context, p Picture) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.journal == nil {
		return fmt.Errorf("labels: %s: %w", w.target.folder, fs.ErrClosed)
	}
	if err := p.check(len(w.target.Classes)); err != nil {
		return err
	}
	if err := w.fits(&p); err != nil {
		return err
	}
	p, dropped := w.target.format.fitted(p)
	if w.view.path != nil {
		if err := w.file(&p); err != nil {
			return fmt.Errorf("writing the labels of %s: %w", p.Name, err)
		}
	}
	if w.view.place != nil {
		if err := w.target.place(p.Name, w.view.place(p.Name)); err != nil {
			return err
		}
	}
	at, err := w.journal.add(recordOf(&p, dropped))
	if err != nil {
		return errors.Join(fmt.Errorf("writing the labels of %s: %w", p.Name, err), w.unfile(p.Name))
	}
	w.take(&p, dropped, at)
	return nil
}

// fits says what keeps a picture out of the set.
func (w *Writer) fits(p *Picture) error {
	if _, twice := w.at[p.Name]; twice {
		return fmt.Errorf("%w: %s was added before", ErrPicture, p.Name)
	}
	if len(w.at) > 0 && (p.ID != 0) != (len(w.numbers) > 0) {
		return fmt.Errorf("%w: %s: some pictures have a number and some have none", ErrPicture, p.Name)
	}
	if other, taken := w.numbers[p.ID]; taken {
		return fmt.Errorf("%w: %s has the number %d of %s", ErrPicture, p.Name, p.ID, other)
	}
	if w.target.format.NeedsScores {
		for i, o := range p.Objects {
			if !o.Scored {
				return fmt.Errorf("%w: %s: object %d has no score, which %s needs", ErrPicture, p.Name, i, w.target.format.Name)
			}
		}
	}
	return w.shares(w.files, p.Name)
}

// take counts a picture in.
func (w *Writer) take(p *Picture, dropped int, at span) {
	w.at[p.Name] = at
	if p.ID != 0 {
		w.numbers[p.ID] = p.Name
	}
	if w.view.path != nil {
		w.files[w.view.path(p.Name)] = p.Name
	}
	s := &w.summary
	s.Pictures++
	if len(p.Objects) == 0 {
		s.Empty++
	}
	s.Objects += len(p.Objects)
	s.Dropped += dropped
	for _, o := range p.Objects {
		s.PerClass[o.Class]++
	}
	s.PerPart[w.target.Split.Part(p.Name)]++
}

// file writes the label file of a picture.
func (w *Writer) file(p *Picture) error {
	path := w.labelFile(p.Name)
	if w.target.Existing == Refuse {
		if _, err := os.Lstat(path); err == nil {
			return fmt.Errorf("%w: %s; overwrite it, or choose another folder", ErrExists, path)
		}
	}
	if err := w.sweep(path); err != nil {
		return err
	}
	data, err := w.view.each(p)
	if err != nil {
		return err
	}
	return file.Replace(path, data, 0o644)
}

// labelFile is the path of a picture's label file.
func (w *Writer) labelFile(name string) string {
	return filepath.Join(w.target.folder, filepath.FromSlash(w.view.path(name)))
}

// unfile removes the label file of a picture that did not come into the journal, unless it may stand where another one was.
func (w *Writer) unfile(name string) error {
	if w.view.path == nil || w.target.Existing != Refuse {
		return nil
	}
	return file.Remove(w.labelFile(name))
}

// sweep removes, once for each folder, what a killed program left beside a path.
func (w *Writer) sweep(path string) error {
	folder := filepath.Dir(path)
	if w.swept[folder] {
		return nil
	}
	w.swept[folder] = true
	if err := file.Sweep(folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Finish writes the files of the whole set, of the pictures that were added until now; more may be added afterwards. Errors
// are the context's or those of writing; the files of an earlier Finish then stand.
func (w *Writer) Finish(ctx context.Context) (Summary, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.journal == nil {
		return Summary{}, fmt.Errorf("labels: %s: %w", w.target.folder, fs.ErrClosed)
	}
	w.summary.Files = nil
	all := &pictures{w, slices.Sorted(maps.Keys(w.at))}
	for _, d := range w.view.documents {
		path := filepath.Join(w.target.folder, d.name)
		if err := w.sweep(path); err != nil {
			return Summary{}, err
		}
		if err := d.save(ctx, path, all); err != nil {
			return Summary{}, fmt.Errorf("writing %s: %w", path, err)
		}
		w.summary.Files = append(w.summary.Files, path)
	}
	s := w.summary
	s.PerClass, s.Files = slices.Clone(s.PerClass), slices.Clone(s.Files)
	return s, nil
}

// Close lets go of the folder. What was added stays there for [Continue].
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.journal == nil {
		return nil
	}
	err := errors.Join(w.journal.f.Sync(), w.journal.close())
	w.journal = nil
	return err
}
