package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// folder is where results go. Files of one input are written beside their final
// names and renamed together, so that nothing half-written is ever seen.
type folder struct {
	path string
	// wrap, if set, stands between the encoders and the file; tests make it fail.
	wrap func(io.Writer) io.Writer
}

// openFolder makes the folder and makes sure that files can be written there.
func openFolder(path string) (*folder, error) {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, usage("--out: %w; choose a folder that can be written", err)
	}
	probe, err := os.CreateTemp(path, ".glip-*")
	if err != nil {
		return nil, usage("--out: %w; choose a folder that can be written", err)
	}
	if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
		return nil, usage("--out: %w; choose a folder that can be written", err)
	}
	return &folder{path: path}, nil
}

// pending is a set of files under way.
type pending struct {
	folder *folder
	files  []pendingFile
}

type pendingFile struct{ temporary, final string }

func (f *folder) begin() *pending { return &pending{folder: f} }

// add writes one file of the set; its name is relative to the folder.
func (p *pending) add(name string, encode func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(p.folder.path, ".glip-*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	p.files = append(p.files, pendingFile{f.Name(), filepath.Join(p.folder.path, name)})
	var w io.Writer = f
	if p.folder.wrap != nil {
		w = p.folder.wrap(f)
	}
	if err := errors.Join(encode(w), f.Chmod(0o644), f.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Join(p.folder.path, name), err)
	}
	return nil
}

// commit gives all files their names and returns these. When one cannot have it,
// those before it are taken back.
func (p *pending) commit() ([]string, error) {
	var names []string
	for i, f := range p.files {
		if err := os.Rename(f.temporary, f.final); err != nil {
			for _, name := range names {
				err = errors.Join(err, os.Remove(name))
			}
			p.files = p.files[i:]
			return nil, errors.Join(err, p.discard())
		}
		names = append(names, f.final)
	}
	p.files = nil
	return names, nil
}

// discard removes what is not committed.
func (p *pending) discard() error {
	var errs []error
	for _, f := range p.files {
		if err := os.Remove(f.temporary); err != nil && !os.IsNotExist(err) {
			errs = append(errs, err)
		}
	}
	p.files = nil
	return errors.Join(errs...)
}
