package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/internal/file"
)

// folder is where results go. Files of one input are written beside their final
// names and renamed together, so that nothing half-written is ever seen. They replace
// the results of an earlier run, but nothing that this run reads.
type folder struct {
	path string
	kept []kept
	// wrap, if set, stands between the encoders and the file; tests make it fail.
	wrap func(io.Writer) io.Writer
	// swept are the folders in which no file of a program that was killed lies any more.
	swept map[string]bool
}

// sweep removes from a folder, once, what programs that were killed left. What stays for that it cannot be removed is in nobody's way.
func (f *folder) sweep(path string) {
	if !f.swept[path] {
		f.swept[path] = true
		_ = file.Sweep(path)
	}
}

// kept is a file that no result may replace.
type kept struct {
	what, path string
	info       fs.FileInfo
}

// keep lets no result replace the files at paths, by whatever name. What is not there,
// such as "synthetic:7" or "", needs no care.
func (f *folder) keep(what string, paths ...string) {
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil {
			f.kept = append(f.kept, kept{what, path, info})
		}
	}
}

// keepItems lets no result replace an input.
func (f *folder) keepItems(items []item) {
	for _, i := range items {
		if i.stream != nil {
			f.keep("the input", "/dev/stdin") // which may be a file
		}
		f.keep("the input", i.path)
	}
}

// keepModel lets no result replace a checkpoint or an architecture.
func (f *folder) keepModel(w cli.Weights) {
	f.keep("the weights", w.Files()...)
	f.keep("the architecture", w.Arch)
}

// precheck finds before the work which results would replace something that is kept, of
// those whose names are known: an input's stem with one of the endings.
func (f *folder) precheck(items []item, endings []string) error {
	for _, i := range items {
		for _, ending := range endings {
			if err := f.check(filepath.Join(f.path, i.stem+ending)); err != nil {
				return cli.Blame(err)
			}
		}
	}
	return nil
}

// check refuses a name of a result that stands for something that is kept.
func (f *folder) check(final string) error {
	info, err := os.Stat(final)
	if err != nil {
		return nil // nothing is there, or renaming will say more
	}
	for _, k := range f.kept {
		if os.SameFile(k.info, info) {
			return fmt.Errorf("writing %s would replace %s %s: choose another --out", final, k.what, k.path)
		}
	}
	return nil
}

// openFolder makes the folder and makes sure that files can be written there.
func openFolder(path string) (*folder, error) {
	if err := file.Probe(path); err != nil {
		return nil, cli.Usage("--out: %w; choose a folder that can be written", err)
	}
	return &folder{path: path, swept: map[string]bool{}}, nil
}

// pending is a set of files under way.
type pending struct {
	folder *folder
	files  []pendingFile
}

// pendingFile is one of them; earlier is another name of what its final name stood for,
// once it is placed, and "" if that was nothing.
type pendingFile struct {
	f                         *file.File // open until it is placed, so that nobody sweeps it away
	temporary, final, earlier string
	letGo                     func() // of earlier
}

func (f *folder) begin() *pending { return &pending{folder: f} }

// add writes one file of the set; its name is relative to the folder.
func (p *pending) add(name string, encode func(io.Writer) error) error {
	final := filepath.Join(p.folder.path, name)
	if err := p.folder.check(final); err != nil {
		return err
	}
	beside := filepath.Dir(final) // a folder of its own for an input of a folder in a folder
	if err := file.MakeFolder(beside, 0o755); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	p.folder.sweep(beside)
	f, err := file.Temporary(final)
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	p.files = append(p.files, pendingFile{f: f, temporary: f.Name(), final: final})
	var w io.Writer = f
	if p.folder.wrap != nil {
		w = p.folder.wrap(f)
	}
	if err := errors.Join(encode(w), f.Chmod(0o644)); err != nil {
		return fmt.Errorf("writing %s: %w", final, err)
	}
	return nil
}

// commit gives all files their names and returns these. When one cannot have it, all
// names stand again for what they stood for before.
func (p *pending) commit() ([]string, error) {
	for i := range p.files {
		if err := p.place(&p.files[i]); err != nil {
			return nil, errors.Join(err, p.restore(i), p.discard())
		}
	}
	var names []string
	var errs []error
	for _, f := range p.files {
		names = append(names, f.final)
		if f.earlier != "" {
			errs = append(errs, file.Clear(f.earlier))
			f.letGo()
		}
	}
	p.files = nil
	return names, errors.Join(errs...)
}

// place gives a file its name. What had the name gets a second one first; where the file
// system knows no second names, or there is no right to them, it is copied.
func (p *pending) place(f *pendingFile) error {
	if err := p.folder.check(f.final); err != nil {
		return err
	}
	if err := f.f.Close(); err != nil {
		return err
	}
	info, err := os.Lstat(f.final)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return file.Rename(f.temporary, f.final)
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%s is a folder: remove it, or choose another --out", f.final)
	}
	if f.earlier, f.letGo, err = f.f.Double(f.final); err != nil {
		f.earlier = ""
		return err
	}
	if err := file.Rename(f.temporary, f.final); err != nil {
		return errors.Join(err, f.restore())
	}
	return nil
}

// restore takes back what was placed of the first files, the last first.
func (p *pending) restore(placed int) error {
	var errs []error
	for i := placed - 1; i >= 0; i-- {
		errs = append(errs, p.files[i].restore())
	}
	return errors.Join(errs...)
}

// restore makes the final name stand again for what it did.
func (f *pendingFile) restore() error {
	if f.earlier == "" {
		return file.Remove(f.final)
	}
	defer f.letGo()
	if err := file.Rename(f.earlier, f.final); err != nil {
		return fmt.Errorf("what was %s before is %s now: %w", f.final, f.earlier, err)
	}
	// Where both are names of one file, renaming leaves both.
	return file.Clear(f.earlier)
}

// discard removes what is not committed.
func (p *pending) discard() error {
	var errs []error
	for _, f := range p.files {
		_ = f.f.Close() // twice, where it could not be placed
		errs = append(errs, file.Clear(f.temporary))
	}
	p.files = nil
	return errors.Join(errs...)
}
