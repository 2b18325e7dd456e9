package loader

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// What can be wrong with a checkpoint. Test with [errors.Is]; the details are
// in an [*Error], found by [errors.As].
var (
	// ErrFormat: the file contradicts itself, or is no checkpoint of a kind we
	// read. Download it again, or save it again with torch.save.
	ErrFormat = errors.New("not a sound checkpoint")

	// ErrTruncated: bytes are missing. Download or copy the file again.
	ErrTruncated = errors.New("checkpoint is truncated")

	// ErrUnsafe: the file names code to run or a path to write. Nothing of it
	// was run. Do not load it elsewhere either; export a plain state dict or a
	// safetensors file from a source you trust.
	ErrUnsafe = errors.New("unsafe checkpoint")

	// ErrMissing: there is no tensor of that name, or none at all. List what
	// is there with "glip inspect".
	ErrMissing = errors.New("no such tensor")

	// ErrChoice: several dictionaries of the file, or several models side by side in
	// one, could be the weights that are meant. Name one: [Options].Entry.
	ErrChoice = errors.New("several sets of weights")
)

// Error says which file and which tensor were refused, why, and what to do.
type Error struct {
	File   string // path or name of the file
	Tensor string // tensor name as it stands in the file; "" when the file as a whole is meant
	Kind   error  // one of the sentinels above, or nil when reading itself failed
	Detail string // the sentence: what was expected, what was found, the remedy
	Cause  error  // the underlying error, if any
}

// Error returns one sentence naming the file and, if there is one, the tensor.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Tensor != "" {
		fmt.Fprintf(&b, ": tensor %q", e.Tensor)
	}
	if e.Kind != nil {
		fmt.Fprintf(&b, ": %v", e.Kind)
	}
	b.WriteString(": " + e.Detail)
	if e.Cause != nil {
		fmt.Fprintf(&b, ": %v", e.Cause)
	}
	return b.String()
}

// Unwrap returns the kind and the cause.
func (e *Error) Unwrap() []error {
	var errs []error
	if e.Kind != nil {
		errs = append(errs, e.Kind)
	}
	if e.Cause != nil {
		errs = append(errs, e.Cause)
	}
	return errs
}

func formatErr(format string, args ...any) *Error {
	return &Error{Kind: ErrFormat, Detail: fmt.Sprintf(format, args...)}
}

func truncatedErr(format string, args ...any) *Error {
	return &Error{Kind: ErrTruncated, Detail: fmt.Sprintf(format, args...)}
}

func unsafeErr(format string, args ...any) *Error {
	return &Error{Kind: ErrUnsafe, Detail: fmt.Sprintf(format, args...)}
}

func missingErr(format string, args ...any) *Error {
	return &Error{Kind: ErrMissing, Detail: fmt.Sprintf(format, args...)}
}

// readErr turns an error of the underlying reader into ours: an early end
// means missing bytes, anything else is passed on as it is.
func readErr(what string, err error) *Error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return truncatedErr("the file ends inside %s; copy or download it again", what)
	}
	return &Error{Detail: "reading " + what, Cause: err}
}

// inFile completes an error with the file and the tensor it belongs to, unless
// it names them already.
func inFile(err error, file, tensor string) error {
	if err == nil {
		return nil
	}
	var e *Error
	if !errors.As(err, &e) {
		return &Error{File: file, Tensor: tensor, Kind: ErrFormat, Detail: "the pickle cannot be read", Cause: err}
	}
	full := *e
	if full.File == "" {
		full.File = file
	}
	if full.Tensor == "" {
		full.Tensor = tensor
	}
	return &full
}
