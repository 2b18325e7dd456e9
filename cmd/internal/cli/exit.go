package cli

import (
	"errors"
	"fmt"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/internal/memory"
	"github.com/glipvk/glipvk/text"
)

// Exit status.
const (
	Done    = 0
	Failure = 1 // of the program or the device, or an interrupt
	Input   = 2 // wrong usage or bad input
	Wrong   = 3 // numbers are not the reference's
)

// ErrWrong is wrapped where numbers are further from the reference's than they may be.
var ErrWrong = errors.New("verification failed")

// UsageError marks wrong usage found by a command itself, and bad input.
type UsageError struct{ error }

// Unwrap implements the interface of package errors.
func (e UsageError) Unwrap() error { return e.error }

// Usage makes a UsageError.
func Usage(format string, args ...any) error { return UsageError{fmt.Errorf(format, args...)} }

// Blame marks err, if any, as wrong usage.
func Blame(err error) error {
	if err == nil {
		return nil
	}
	return UsageError{err}
}

// Interrupted says what an interrupt left undone.
type Interrupted struct{ Rest string }

// Error implements the interface of errors.
func (e *Interrupted) Error() string {
	if e.Rest == "" {
		return "interrupted"
	}
	return "interrupted: " + e.Rest
}

// ExitCode is the status for the error of a command. Wrong numbers weigh more than bad input; that there is no more room to write, no
// right to, or too little memory, is nobody's input.
func ExitCode(err error) int {
	var wrong UsageError
	switch {
	case err == nil:
		return Done
	case errors.Is(err, ErrWrong):
		return Wrong
	case file.Failed(err), errors.Is(err, memory.ErrShort):
		return Failure
	case errors.As(err, &wrong), errors.Is(err, glipvk.ErrInput), errors.Is(err, text.ErrCaption):
		return Input
	}
	return Failure
}
