package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/internal/file"
)

// ledger is a file with a line for each picture that a run has looked through, so that a run that was interrupted, or killed, goes on where it was.
type ledger struct {
	path  string
	lines map[string]ledgerLine
	file  *file.File
}

// ledgerName is its name in --out.
const ledgerName = "found.jsonl"

// mostLedger bounds a ledger, in bytes, and mostLedgerLine a line.
const mostLedger, mostLedgerLine = 8 << 30, 64 << 20

// ledgerLine is what was found in a picture, and for which question.
type ledgerLine struct {
	Key   string `json:"picture"`
	Asked string `json:"asked"`
	Rows  []row  `json:"found"`
}

// openLedger reads what an earlier run found, if one did. A last line that was not written to its end is cut off.
func openLedger(ctx context.Context, path string) (*ledger, error) {
	l := &ledger{path: path, lines: map[string]ledgerLine{}}
	whole, err := l.read(ctx)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, input(err)
	}
	if err == nil {
		if err := file.Truncate(path, whole); err != nil {
			return nil, err
		}
	}
	l.file, err = file.Append(path, 0o644)
	return l, err
}

// read returns how many bytes are of whole lines.
func (l *ledger) read(ctx context.Context) (whole int64, err error) {
	f, info, err := file.Open(l.path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if info.Size() > mostLedger {
		return 0, fmt.Errorf("%s: %d bytes, want at most %d: remove it, or choose another --out", l.path, info.Size(), int64(mostLedger))
	}
	in := bufio.NewReaderSize(f, 1<<20)
	for n := 1; ; n++ {
		if ctx.Err() != nil {
			return whole, ctx.Err()
		}
		text, err := in.ReadBytes('\n')
		if err == io.EOF {
			return whole, nil // what is not ended is not whole
		}
		if err != nil {
			return whole, err
		}
		var line ledgerLine
		if len(text) > mostLedgerLine || json.Unmarshal(text, &line) != nil || line.Key == "" {
			return whole, fmt.Errorf("%s: line %d is no record of a run of glip eval: remove the file, or choose another --out", l.path, n)
		}
		l.lines[line.Key] = line
		whole += int64(len(text))
	}
}

// known is what was found in a picture by an earlier run; that it was asked for something else is an error.
func (l *ledger) known(key, asked string) ([]row, bool, error) {
	line, ok := l.lines[key]
	if ok && line.Asked != asked {
		return nil, false, cli.Usage("%s has what another run found, with other weights, prompts or sizes: remove it, or choose another --out", l.path)
	}
	return line.Rows, ok, nil
}

// add writes what was found in a picture.
func (l *ledger) add(key, asked string, rows []row) error {
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(ledgerLine{key, asked, rows}); err != nil {
		return err
	}
	if _, err := l.file.Write(b.Bytes()); err != nil {
		return fmt.Errorf("%w; what was found before is kept there, and the same command goes on", err)
	}
	return nil
}

func (l *ledger) close() error { return l.file.Close() }
