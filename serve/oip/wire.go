package oip

import (
	"compress/zlib"
	"errors"
	"io"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/encoding/protowire"
)

// fields count what an inference is made of before memory is taken for it: two bytes of a message can become a hundred. They are the
// fields of a message that are messages themselves, and those that are bytes or a string, by number. All others are
// numbers, one or a list of them.
type fields struct {
	messages map[protowire.Number]*fields
	bytes    map[protowire.Number]bool
}

var (
	parameterFields = &fields{bytes: map[protowire.Number]bool{3: true}}
	mapFields       = &fields{bytes: map[protowire.Number]bool{1: true}, messages: map[protowire.Number]*fields{2: parameterFields}}
	contentsFields  = &fields{bytes: map[protowire.Number]bool{8: true}}
	inputFields     = &fields{bytes: map[protowire.Number]bool{1: true, 2: true}, messages: map[protowire.Number]*fields{4: mapFields, 5: contentsFields}}
	outputFields    = &fields{bytes: map[protowire.Number]bool{1: true}, messages: map[protowire.Number]*fields{2: mapFields}}
	inferFields     = &fields{
		bytes:    map[protowire.Number]bool{1: true, 2: true, 3: true, 7: true},
		messages: map[protowire.Number]*fields{4: mapFields, 5: inputFields, 6: outputFields},
	}
)

// count takes from left one for each field, and one for each byte of numbers.
func (f *fields) count(data []byte, left *int) error {
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return protowire.ParseError(n)
		}
		data = data[n:]
		n = protowire.ConsumeFieldValue(number, kind, data)
		if n < 0 {
			return protowire.ParseError(n)
		}
		value := data[:n]
		data = data[n:]
		*left--
		if kind == protowire.BytesType {
			value, _ = protowire.ConsumeBytes(value)
			if inside := f.messages[number]; inside != nil {
				if err := inside.count(value, left); err != nil {
					return err
				}
			} else if !f.bytes[number] {
				*left -= len(value)
			}
		}
		if *left < 0 {
			return errors.New("the message has more parts than a question can have")
		}
	}
	return nil
}

// deflate offers the compression by which Triton's client calls RFC 1950.
func deflate() connect.HandlerOption {
	return connect.WithCompression("deflate",
		func() connect.Decompressor { return &inflater{} },
		func() connect.Compressor { return zlib.NewWriter(nil) })
}

// inflater is made when there is something to read: zlib reads its header at once.
type inflater struct{ io.ReadCloser }

func (i *inflater) Read(p []byte) (int, error) {
	if i.ReadCloser == nil {
		return 0, io.EOF
	}
	return i.ReadCloser.Read(p)
}

func (i *inflater) Close() error {
	if i.ReadCloser == nil {
		return nil
	}
	return i.ReadCloser.Close()
}

func (i *inflater) Reset(r io.Reader) error {
	if again, ok := i.ReadCloser.(zlib.Resetter); ok {
		return again.Reset(r, nil)
	}
	made, err := zlib.NewReader(r)
	if err != nil {
		return err
	}
	i.ReadCloser = made
	return nil
}
