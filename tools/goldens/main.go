// Goldens reads what go test -json writes, prints it as go test does without -v, and says how many goldens ran: a golden is a
// test, or the innermost part of one, that passed. None at all is a failure, and so is a test that failed.
//
//	go test -json -run Golden ./... | go run ./tools/goldens     # or: make golden
//
// Its last line begins with "goldens:".
package main

import (
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "goldens:", err)
		os.Exit(1)
	}
}

func run(stdin io.Reader, stdout io.Writer) error {
	c, err := read(stdin, stdout)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(stdout, c); err != nil {
		return err
	}
	return c.verdict()
}
