package guard

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"connectrpc.com/connect"
	"github.com/glipvk/glipvk/serve/api"
)

// body is a request's body with a clock. The time that a client has depends on the length, so that neither the server
// waits for what never comes nor a photograph over a bad line is cut off. Errors of Read are refusals.
type body struct {
	in       io.ReadCloser
	visit    *Visit
	request  *http.Request
	deadline func(time.Time) error // of reading, of the connection or the stream
	length   int64                 // that was declared; -1 of one that comes in chunks
	time     Times
	limited  func(int64) // bounds the reader and lets the server close the connection beyond
	rpc      bool        // whether errors are those of connect too, which tells a client of gRPC their code

	due  int64 // of a body without a length: how many bytes the time of now is for
	read int64
	err  error // the last one, since who asks again is told again
}

// mib is a MiB.
const mib = 1 << 20

// extend gives the client its time for a body of so many bytes.
func (b *body) extend(bytes int64) {
	b.due = bytes + mib
	wait := b.time.Body + time.Duration(bytes>>20)*b.time.MiB
	_ = b.deadline(b.visit.Start.Add(wait)) // a writer of tests has none
}

// bound refuses a body that is too long by its own word or comes in an encoding that is not known, and takes the
// encoding off. Lengths are bounded before and after.
func (b *body) bound(r *http.Request, limit int64, rpc bool) error {
	b.rpc = rpc
	if rpc {
		limit += 5 // of the envelope: the message may have the whole
	}
	if b.length > limit {
		return tooLong(limit, "is of %d bytes", b.length)
	}
	b.limited(limit)
	if rpc {
		return nil
	}
	coding := strings.ToLower(strings.TrimSpace(strings.Join(r.Header["Content-Encoding"], ",")))
	if coding == "" || coding == "identity" {
		return nil
	}
	decoder, err := newDecoder(coding, b, limit)
	if err != nil {
		return err
	}
	r.Body, r.ContentLength = decoder, -1
	r.Header.Del("Content-Encoding")
	r.Header.Del("Content-Length")
	return nil
}

// Read reads what came. At the end net/http stops the clock and looks whether the client leaves: who has sent all may wait
// for the answer as long as it takes.
func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.in.Read(p)
	b.read += int64(n)
	b.visit.In = b.read
	switch {
	case err == io.EOF:
		b.err = err
	case err != nil:
		b.err = b.refusal(err)
	case b.length < 0 && b.read >= b.due:
		b.extend(b.read)
	}
	return n, b.err
}

// Close closes the body of the server.
func (b *body) Close() error { return b.in.Close() }

// refusal says in words why a body ended too early.
func (b *body) refusal(err error) error {
	var refusal *api.Refusal
	if long, ok := errors.AsType[*http.MaxBytesError](err); ok {
		refusal = tooLong(long.Limit, "has more bytes than it may")
	} else if errors.Is(err, os.ErrDeadlineExceeded) {
		refusal = api.Refuse(api.Slow, "the body did not come in time: after %d bytes, %v after the request", b.read, time.Since(b.visit.Start).Round(time.Second))
	} else if b.request.Context().Err() != nil {
		refusal = api.Refuse(api.Cancelled, "the client left")
	} else {
		refusal = api.Refuse(api.BadRequest, "the body broke off after %d bytes, or its chunks are malformed", b.read)
	}
	refusal.Cause = err
	if b.rpc {
		return connect.NewError(connect.Code(refusal.Code.GRPC()), refusal)
	}
	return refusal
}
