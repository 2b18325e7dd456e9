package loader

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// Bounds on a pickle. Real state dicts have a few thousand operations per
// hundred tensors, a stack a few entries deep and strings of a line, apart
// from arrays that history buffers write as strings.
const (
	maxPickleBytes  = 64 << 20
	maxStringBytes  = 16 << 20
	maxLineBytes    = 256 // module or class name
	maxOps          = 4 << 20
	maxContainers   = 1 << 20
	maxMarks        = 1 << 10
	maxMemoIndex    = 1 << 24
	rememberedBytes = 64 // of a string, for error texts
)

// kind is what the scan knows of a value.
type kind uint8

const (
	kindScalar kind = iota // number, None, bool, bytes, plain torch values
	kindString
	kindTuple
	kindEmptyTuple
	kindList
	kindDict
	kindSet
	kindOrdered // collections.OrderedDict instance
	kindOpaque  // instance of an inert class
	kindStorage
	kindTensor
	kindClass
)

// value is an entry of the scan's stack: a kind and, for classes, which one.
type value struct {
	kind  kind
	class *class
}

// scanner runs a pickle over kinds instead of values. It proves, before
// gopickle allocates anything, that every opcode is one torch.save writes,
// every length is within the stream, every class is allowed and every operation
// finds operands of the kind it needs. gopickle's machine would otherwise
// panic on a few of these, believe lengths, and print whole operands into its
// error texts.
type scanner struct {
	r     *bufio.Reader
	pos   int64 // bytes consumed
	limit int64 // bytes there are

	stack      []value
	marks      []int // stack heights
	memo       map[uint32]value
	ops        int
	containers int
	tupleKeys  bool      // a plain dict has a tuple among its keys
	last       [2]string // the last two short strings, for error texts
}

// scanPickle checks the pickle at the start of r and returns its length in
// bytes. limit is how many bytes r has.
func scanPickle(r io.Reader, limit int64) (int64, error) {
	s := &scanner{r: bufio.NewReaderSize(r, 64<<10), limit: limit, memo: map[uint32]value{}}
	for {
		op, err := s.byte()
		if err != nil {
			return s.pos, err
		}
		if s.ops++; s.ops > maxOps {
			return s.pos, formatErr("the pickle has more than %d operations", maxOps)
		}
		if s.pos > maxPickleBytes {
			return s.pos, formatErr("the pickle is longer than %d MiB", maxPickleBytes>>20)
		}
		at := s.pos - 1
		if op == opStop {
			if len(s.stack) == 0 || len(s.marks) > 0 {
				return s.pos, formatErr("pickle byte %d: STOP with an unfinished stack", at)
			}
			return s.pos, nil
		}
		if err := s.step(op); err != nil {
			if e, ok := err.(*Error); ok && e.Kind != nil {
				e.Detail = fmt.Sprintf("pickle byte %d, %s: %s", at, opName(op), e.Detail)
			}
			return s.pos, err
		}
	}
}

// byte reads one byte.
func (s *scanner) byte() (byte, error) {
	b, err := s.r.ReadByte()
	if err != nil {
		return 0, readErr("the pickle", err)
	}
	s.pos++
	return b, nil
}

// uint reads n little-endian bytes, n at most 8.
func (s *scanner) uint(n int) (uint64, error) {
	var buf [8]byte
	if _, err := io.ReadFull(s.r, buf[:n]); err != nil {
		return 0, readErr("the pickle", err)
	}
	s.pos += int64(n)
	return binary.LittleEndian.Uint64(buf[:]), nil
}

// line reads a line of a GLOBAL, without its end.
func (s *scanner) line() (string, error) {
	var line []byte
	for {
		b, err := s.byte()
		if err != nil {
			return "", err
		}
		if b == '\n' {
			return string(line), nil
		}
		if line = append(line, b); len(line) > maxLineBytes {
			return "", formatErr("a name is longer than %d bytes", maxLineBytes)
		}
	}
}

// counted skips a string or byte string whose length is sizeBytes wide, and
// remembers its beginning.
func (s *scanner) counted(sizeBytes int) error {
	n, err := s.uint(sizeBytes)
	if err != nil {
		return err
	}
	if left := s.limit - s.pos; n > uint64(max(left, 0)) {
		return truncatedErr("%d bytes are announced, %d are left; copy or download the file again", n, left)
	}
	if n > maxStringBytes {
		return formatErr("a string of %d bytes is longer than %d MiB", n, maxStringBytes>>20)
	}
	head, err := s.r.Peek(int(min(n, rememberedBytes)))
	if err != nil {
		return readErr("the pickle", err)
	}
	s.last[0], s.last[1] = s.last[1], string(head)
	if _, err := s.r.Discard(int(n)); err != nil {
		return readErr("the pickle", err)
	}
	s.pos += int64(n)
	return nil
}

func (s *scanner) push(k kind) { s.stack = append(s.stack, value{kind: k}) }

// floor is the height below which operations may not reach: the last mark.
func (s *scanner) floor() int {
	if len(s.marks) == 0 {
		return 0
	}
	return s.marks[len(s.marks)-1]
}

// pop takes n values off the stack, deepest first.
func (s *scanner) pop(n int) ([]value, error) {
	if len(s.stack)-s.floor() < n {
		return nil, formatErr("the stack holds too few values")
	}
	popped := s.stack[len(s.stack)-n:]
	s.stack = s.stack[:len(s.stack)-n]
	return popped, nil
}

// popMark takes everything above the last mark off the stack.
func (s *scanner) popMark() ([]value, error) {
	if len(s.marks) == 0 {
		return nil, formatErr("there is no mark on the stack")
	}
	items, err := s.pop(len(s.stack) - s.floor())
	s.marks = s.marks[:len(s.marks)-1]
	return items, err
}

// top is the value an operation changes in place.
func (s *scanner) top() (*value, error) {
	if len(s.stack) == s.floor() {
		return nil, formatErr("the stack is empty")
	}
	return &s.stack[len(s.stack)-1], nil
}

// grow counts what makes gopickle allocate a container.
func (s *scanner) grow() error {
	if s.containers++; s.containers > maxContainers {
		return formatErr("the pickle builds more than %d containers", maxContainers)
	}
	return nil
}
