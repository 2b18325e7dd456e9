package guard

import (
	"bufio"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"

	"github.com/glipvk/glipvk/serve/api"
)

// decoder takes a Content-Encoding off a body. What it yields is bounded as the body is: 32 KiB of gzip may hold 32 MiB,
// and a reader of the body sees the refusal after that many bytes, whatever is still to come.
type decoder struct {
	coding string
	open   func(io.Reader) (io.ReadCloser, error)
	source *bufio.Reader
	body   io.ReadCloser // whose errors are refusals
	plain  io.ReadCloser // nil until the first Read: who makes it reads its header
	limit  int64
	read   int64
	err    error
}

// newDecoder undoes gzip and deflate, which is zlib's format (RFC 1950) in HTTP. One coding is taken: two are a bomb's.
func newDecoder(coding string, b io.ReadCloser, limit int64) (*decoder, error) {
	d := &decoder{coding: coding, body: b, limit: limit}
	switch coding {
	case "gzip", "x-gzip":
		d.open = func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }
	case "deflate":
		d.open = zlib.NewReader
	default:
		return nil, api.Refuse(api.BadEncoding, "Content-Encoding %s: gzip and deflate are undone, one at a time, or send the body as it is", Quote(coding))
	}
	return d, nil
}

// Read yields decoded bytes. Errors are refusals.
func (d *decoder) Read(p []byte) (n int, err error) {
	if d.err != nil {
		return 0, d.err
	}
	if d.plain == nil {
		d.source = bufio.NewReaderSize(d.body, 16<<10)
		if d.plain, err = d.open(d.source); err != nil {
			d.err = d.refusal(err)
			return 0, d.err
		}
	}
	if room := d.limit - d.read + 1; int64(len(p)) > room {
		p = p[:room]
	}
	n, err = d.plain.Read(p)
	d.read += int64(n)
	switch {
	case d.read > d.limit:
		n -= int(d.read - d.limit)
		d.err = tooLong(d.limit, "has more bytes once its "+d.coding+" is undone than it may")
	case err == io.EOF:
		// The end must be the body's too: only then does the clock stop and net/http watch for a client that leaves.
		if _, err = d.source.ReadByte(); err == nil {
			err = errors.New("bytes after the end")
		}
		d.err = err
		if err != io.EOF {
			d.err = d.refusal(err)
		}
	case err != nil:
		d.err = d.refusal(err)
	}
	return n, d.err
}

// refusal is what the body refused with, or that it is not of its encoding.
func (d *decoder) refusal(err error) error {
	if known, ok := errors.AsType[*api.Refusal](err); ok {
		return known
	}
	refusal := api.Refuse(api.BadRequest, "Content-Encoding is %s and the body is not, or not to its end", d.coding)
	refusal.Cause = err
	return refusal
}

// Close closes the body.
func (d *decoder) Close() error { return d.body.Close() }
