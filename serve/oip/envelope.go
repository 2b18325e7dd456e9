package oip

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"strings"

	"connectrpc.com/connect"
	"github.com/glipvk/glipvk/serve/api"
	"github.com/glipvk/glipvk/serve/oip/schema"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// received is the message of an inference, or why there is none.
type received struct {
	message *schema.ModelInferRequest
	err     error
}

type receivedKey struct{}

// receiving reads the message of an inference before the library does, which would take four times its bytes: for a buffer that
// doubles, and for a copy of each picture. The library is shown an empty message and finds the other in its context.
func receiving(l api.Limits, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in received
		var data []byte
		if data, in.err = envelope(r, int(l.Body)); in.err == nil {
			in.message, in.err = unmarshal(data, l)
		}
		again := r.WithContext(context.WithValue(r.Context(), receivedKey{}, in))
		again.Header = r.Header.Clone()
		again.Header.Del("Grpc-Encoding")
		again.Body, again.ContentLength = io.NopCloser(bytes.NewReader(make([]byte, 5))), 5
		h.ServeHTTP(w, again)
	})
}

// envelope reads the one message of a body, of so many bytes at most: a byte that says whether it is compressed, its length in four, and
// the message.
func envelope(r *http.Request, most int) ([]byte, error) {
	var prefix [5]byte
	if _, err := io.ReadFull(r.Body, prefix[:]); err != nil {
		return nil, broken(r, err)
	}
	long := func(n int) error {
		return api.Refuse(api.TooLarge, "the message has %d bytes or more, at most %d are taken (--max-body)", n, most)
	}
	size := binary.BigEndian.Uint32(prefix[1:])
	if int64(size) > int64(most) {
		return nil, long(int(min(size, 1<<31-1)))
	}
	begin := 256 << 10
	if r.ContentLength >= int64(size) { // which has been let in
		begin = int(size)
	}
	data, err := grown(r.Body, int(size), begin)
	if err != nil {
		return nil, broken(r, err)
	}
	if n, err := r.Body.Read(make([]byte, 1)); n > 0 || err != nil && !errors.Is(err, io.EOF) {
		return nil, api.Refuse(api.BadRequest, "something follows the message of the inference")
	}
	if prefix[0] == 0 {
		return data, nil
	}
	var reader io.Reader
	switch encoding := r.Header.Get("Grpc-Encoding"); {
	case prefix[0] != 1:
		return nil, api.Refuse(api.BadRequest, "the message begins with %d, want 0 or, compressed, 1", prefix[0])
	case encoding == "gzip":
		reader, err = gzip.NewReader(bytes.NewReader(data))
	case encoding == "deflate":
		inflate := &inflater{}
		reader, err = inflate, inflate.Reset(bytes.NewReader(data))
	default:
		return nil, api.Refuse(api.BadMethod, "grpc-encoding %q is not known: there are gzip and deflate", api.Cut(encoding))
	}
	if err == nil {
		data, err = io.ReadAll(io.LimitReader(reader, int64(most)+1))
	}
	if err != nil {
		return nil, api.Refuse(api.BadEncoding, "the message cannot be decompressed")
	}
	if len(data) > most {
		return nil, long(len(data))
	}
	return data, nil
}

// grown reads so many bytes into memory that is taken, from a size on, as they come: a length alone is a word.
func grown(r io.Reader, size, begin int) ([]byte, error) {
	data := make([]byte, 0, min(size, begin))
	for {
		n, err := io.ReadFull(r, data[len(data):cap(data)])
		data = data[:len(data)+n]
		if err != nil || len(data) == size {
			return data, err
		}
		more := make([]byte, len(data), min(size, 4*cap(data)))
		copy(more, data)
		data = more
	}
}

// broken is why a body ended, as a refusal or as the error of its reader.
func broken(r *http.Request, err error) error {
	if known, ok := errors.AsType[*connect.Error](err); ok {
		return known
	}
	if known, ok := errors.AsType[*api.Refusal](err); ok {
		return known
	}
	if r.Context().Err() != nil {
		return r.Context().Err()
	}
	return &api.Refusal{Code: api.BadRequest, Text: "the message ends early", Cause: err}
}

// unmarshal is the message of an inference. What it has in raw contents stays where it is in data.
func unmarshal(data []byte, l api.Limits) (*schema.ModelInferRequest, error) {
	wrong := func(err error) error {
		text, _ := strings.CutPrefix(err.Error(), "proto:")
		return api.Refuse(api.BadRequest, "the message cannot be read: %s", strings.TrimSpace(strings.ReplaceAll(text, "\u00a0", " ")))
	}
	left := 8*l.Phrases + 4096
	if err := inferFields.count(data, &left); err != nil {
		return nil, wrong(err)
	}
	var raw [][]byte
	var rest []byte
	for at := data; len(at) > 0; {
		number, kind, n := protowire.ConsumeField(at) // count has seen that it can be read
		if number == 7 && kind == protowire.BytesType {
			_, _, tag := protowire.ConsumeTag(at)
			value, _ := protowire.ConsumeBytes(at[tag:n])
			raw = append(raw, value[:len(value):len(value)])
		} else if n <= separate {
			rest = append(rest, at[:n]...)
		} else { // typed contents, which are copied once
			return read(data, wrong)
		}
		at = at[n:]
	}
	m, err := read(rest, wrong)
	if err == nil {
		m.RawInputContents = raw
	}
	return m, err
}

// separate is how long a field may be that is put aside to be read without raw contents, in bytes.
const separate = 64 << 10

// read is the message of an inference, whose errors are reworded.
func read(data []byte, wrong func(error) error) (*schema.ModelInferRequest, error) {
	m := &schema.ModelInferRequest{}
	if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(data, m); err != nil {
		return nil, wrong(err)
	}
	return m, nil
}
