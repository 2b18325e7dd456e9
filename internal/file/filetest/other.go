//go:build !unix

package filetest

import "errors"

const unix = false

func makePipe(string) error { return errors.ErrUnsupported }
