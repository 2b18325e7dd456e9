package bind

import (
	"errors"
	"fmt"
	"reflect"
)

// Faults are what is wrong with a configuration of the kind that an error names.
type Faults struct {
	Model string // the package, with which the error begins
	Kind  error
	found []error
}

// Want notes a fault unless ok.
func (f *Faults) Want(ok bool, format string, args ...any) {
	if !ok {
		f.found = append(f.found, fmt.Errorf(format, args...))
	}
}

// Err lists all faults in one error that wraps the kind, nil where there are none.
func (f *Faults) Err() error {
	if len(f.found) == 0 {
		return nil
	}
	return fmt.Errorf("%s: %w: %w", f.Model, f.Kind, errors.Join(f.found...))
}

// Differences say in words where the architecture of a file is not the one asked for.
type Differences []string

// Compare notes a difference unless both have the same.
func (d *Differences) Compare(what string, file, asked any) {
	if !reflect.DeepEqual(file, asked) {
		*d = append(*d, fmt.Sprintf("%s: the file has %v, the model %v", what, file, asked))
	}
}
