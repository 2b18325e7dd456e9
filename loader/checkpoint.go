package loader

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/internal/memory"
)

// Options changes how a checkpoint is opened. The zero value is the default.
type Options struct {
	// SkipCRC leaves the checksums of zip members unverified. It saves one
	// pass over tensors that are views of a larger storage.
	SkipCRC bool

	// Entry names what to read of a file that holds more than one model: the
	// dictionary, as "model_ema", or by dots the way to it, as "ema.state_dict"; or what
	// the names of the tensors begin with, as "teacher"; or both. Such names are then
	// without it. Empty: "state_dict" if that has tensors, else "model", else the object
	// itself, else the only dictionary whose names are those of parameters; of several
	// the error is [ErrChoice], which lists them.
	Entry string
}

// Checkpoint is the index of an open checkpoint. All methods but Close may be
// called from several goroutines.
type Checkpoint struct {
	file      string
	container string
	wrapper   string
	prefix    string        // what is left out at the beginning of every name
	wanted    string        // of Options.Entry, what the dictionary's names begin with
	others    []*dictionary // that could have been chosen
	names     []string
	metadata  map[string]string
	tensors   map[string]*tensor
	skipped   []string
	skipCRC   bool
	reader    io.ReaderAt // of the file, and its size in bytes
	size      int64
	shards    []*Checkpoint // of a sharded set, instead
	closers   []io.Closer
}

// Open reads the index of the checkpoint at path and keeps the file open until
// [Checkpoint.Close]. For a sharded safetensors set, path is its
// model.safetensors.index.json.
func Open(path string) (*Checkpoint, error) { return Options{}.Open(path) }

// Read reads the index of a checkpoint of size bytes; r is read again whenever
// a tensor is asked for, and stays the caller's to close. name stands in error
// texts and helps to tell damaged files apart by its extension.
func Read(r io.ReaderAt, size int64, name string) (*Checkpoint, error) {
	return Options{}.Read(r, size, name)
}

// Metadata is what a file says besides its tensors: __metadata__ of safetensors, and what [SavePickle] wrote of a
// zip; nil where it says nothing, and for others. Like all of the file it is not to be trusted.
func (c *Checkpoint) Metadata() map[string]string { return c.metadata }

// Open is [Open] with options.
func (o Options) Open(path string) (*Checkpoint, error) {
	if strings.HasSuffix(path, ".index.json") {
		return o.openShards(path)
	}
	f, info, err := file.Open(path)
	if err != nil {
		return nil, fmt.Errorf("loader: %w", err)
	}
	c, err := o.Read(f, info.Size(), path)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	c.closers = append(c.closers, f)
	return c, nil
}

// Read is [Read] with options.
func (o Options) Read(r io.ReaderAt, size int64, name string) (*Checkpoint, error) {
	c := &Checkpoint{file: name, tensors: map[string]*tensor{}, skipCRC: o.SkipCRC, reader: r, size: size}
	kind, err := sniff(r, size, name)
	if err == nil {
		switch kind {
		case containerZip:
			err = c.readZip(r, size, o)
		case containerLegacy:
			err = c.readLegacy(r, size, o)
		case containerSafetensors:
			err = c.readSafetensors(r, size)
			c.wanted = o.Entry
		}
	}
	if err == nil {
		err = c.narrow()
	}
	if err != nil {
		return nil, inFile(err, name, "")
	}
	c.container = kind
	return c, nil
}

// narrow heeds what of a wanted entry is the beginning of names.
func (c *Checkpoint) narrow() error {
	if c.wanted == "" {
		return nil
	}
	return c.Narrow(strings.TrimSuffix(c.wanted, ".") + ".")
}

// add enters a tensor into the index; names must not repeat.
func (c *Checkpoint) add(t *tensor) error {
	if _, dup := c.tensors[t.info.Name]; dup {
		return &Error{Tensor: t.info.Name, Kind: ErrFormat, Detail: "two tensors have this name"}
	}
	c.tensors[t.info.Name] = t
	c.names = append(c.names, t.info.Name)
	return nil
}

// Close closes the files that Open opened. It may be called twice.
func (c *Checkpoint) Close() error {
	var errs []error
	for _, f := range c.closers {
		errs = append(errs, f.Close())
	}
	c.closers = nil
	return errors.Join(errs...)
}

// Path returns the path or name the checkpoint was opened with.
func (c *Checkpoint) Path() string { return c.file }

// Files returns the paths of the files that the tensors are in: that of the checkpoint, or those of a sharded set, its
// index first.
func (c *Checkpoint) Files() []string {
	files := []string{c.file}
	for _, s := range c.shards {
		files = append(files, s.file)
	}
	return files
}

// Container returns "PyTorch zip", "PyTorch legacy", "safetensors" or
// "safetensors, sharded".
func (c *Checkpoint) Container() string { return c.container }

// Wrapper returns the entry the tensors were taken from, such as "state_dict" or
// "ema.state_dict"; "" when the file holds the dictionary itself.
func (c *Checkpoint) Wrapper() string { return c.wrapper }

// Prefix returns what every name begins with in the file and not in Names, such as
// "teacher."; usually "".
func (c *Checkpoint) Prefix() string { return c.prefix }

// Others lists the entries that were not chosen though they hold weights too, as
// "model_ema (175 tensors)".
func (c *Checkpoint) Others() []string {
	var list []string
	for _, d := range c.others {
		list = append(list, d.String())
	}
	return list
}

// Names returns the names of the tensors, in file order.
func (c *Checkpoint) Names() []string { return slices.Clone(c.names) }

// Skipped returns what was left unread: top-level entries beside the chosen
// one ("optimizer", "meta"), entries that are not tensors, and the classes
// that were met and kept inert ("class numpy.dtype").
func (c *Checkpoint) Skipped() []string { return slices.Clone(c.skipped) }

// Info describes a tensor; ok is false when there is none of that name.
func (c *Checkpoint) Info(name string) (info TensorInfo, ok bool) {
	t, ok := c.tensors[name]
	if !ok {
		return TensorInfo{}, false
	}
	info = t.info
	info.Shape, info.Strides = slices.Clone(info.Shape), slices.Clone(info.Strides)
	return info, true
}

// Shape returns the shape of a tensor; ok is false when there is none.
func (c *Checkpoint) Shape(name string) (shape []int, ok bool) {
	t, ok := c.tensors[name]
	if !ok {
		return nil, false
	}
	return slices.Clone(t.info.Shape), true
}

// DType returns the element type of a tensor, such as "float32"; "" when there
// is no tensor of that name.
func (c *Checkpoint) DType(name string) string {
	t, ok := c.tensors[name]
	if !ok {
		return ""
	}
	return string(t.info.DType)
}

// Tensor reads a tensor: row-major, strides honoured, every element type
// widened or rounded to float32. The slices are the caller's to keep. Errors are
// those of [Checkpoint.Read].
func (c *Checkpoint) Tensor(name string) (shape []int, data []float32, err error) {
	if t, ok := c.tensors[name]; ok {
		if err := memory.Want(4*int64(t.elements()), "the tensor "+name); err != nil {
			return nil, nil, fmt.Errorf("loader: %s: %w", c.file, err)
		}
		shape, data = slices.Clone(t.info.Shape), make([]float32, t.elements())
	}
	if err := c.Read(name, data); err != nil {
		return nil, nil, err
	}
	return shape, data, nil
}

// Read is Tensor into memory of the caller's, which must have room for exactly the
// elements of the tensor. A large tensor is read on all cores.
// Errors: [ErrMissing], [ErrFormat] for a wrong checksum, an element type we
// do not convert or room of another size, [ErrTruncated] when the file shrank.
func (c *Checkpoint) Read(name string, into []float32) error {
	t, ok := c.tensors[name]
	if !ok {
		return &Error{File: c.file, Tensor: name, Kind: ErrMissing,
			Detail: fmt.Sprintf("the file holds %d tensors, none of that name; list them with glip inspect", len(c.names))}
	}
	return inFile(t.read(into, c.skipCRC), c.file, name)
}
