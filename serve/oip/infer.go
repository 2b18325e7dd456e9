package oip

import (
	"net/http"
	"strconv"

	"github.com/glipvk/glipvk/serve/api"
)

// headerLength is the header by which a client says how much of its body is JSON, before tensors in binary.
const headerLength = "Inference-Header-Content-Length"

// headerOf is the length of the JSON of a body of so many bytes; all of it where the header is not there.
func headerOf(h http.Header, body int) (int, error) {
	text := h.Get(headerLength)
	if text == "" {
		return body, nil
	}
	n, err := strconv.ParseUint(text, 10, 31)
	switch {
	case err != nil:
		return 0, api.Refuse(api.BadRequest, "%s is %q, want the bytes of JSON at the beginning of the body", headerLength, api.Cut(text))
	case n == 0:
		return 0, api.Refuse(api.BadRequest, "%s is 0: a body that is a tensor alone is for models of one input, this one has several", headerLength)
	case n > uint64(body):
		return 0, api.Refuse(api.BadRequest, "%s is %d, but the body has %d bytes", headerLength, n, body)
	}
	return int(n), nil
}

// reader reads the body of an inference by REST.
type reader struct {
	*request
	j      *api.JSON
	binary bool   // whether tensors may follow the JSON
	rest   []byte // what follows of it
}

// readInfer is the request in a body, whose first so many bytes are JSON. The body becomes the request's: pictures stay where they are.
func readInfer(body []byte, header int, l api.Limits) (*request, error) {
	l = l.Or()
	r := &reader{request: &request{limits: l}, j: api.ReadJSON(body[:header], l.Depth), binary: header < len(body), rest: body[header:]}
	seen := map[string]bool{}
	if !r.j.Is('{') {
		return nil, api.Refuse(api.BadRequest, "the body is no JSON object")
	}
	err := r.j.Object(func(name string) (err error) {
		if seen[name] {
			return api.Refuse(api.BadRequest, "%q is there twice", name)
		}
		switch name {
		case "id":
			r.asked.ID, err = r.j.Text(small) // which is checked to be shorter
		case "parameters":
			err = r.parameters(r.set)
		case "inputs":
			err = r.j.Array(func(int) error { return r.readInput() })
		case "outputs":
			err = r.j.Array(func(int) error { return r.readOutput() })
		default:
			return nil
		}
		seen[name] = true
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := r.j.End(); err != nil {
		return nil, err
	}
	if len(r.rest) > 0 {
		return nil, api.Refuse(api.BadTensor, "%d bytes of the body follow the tensors of binary_data_size", len(r.rest))
	}
	return r.request, nil
}

// parameters has each parameter of an object set.
func (r *reader) parameters(set func(name string, value any) error) error {
	return r.j.Object(func(name string) error {
		if ignored(name) {
			return nil // whatever it is
		}
		value, err := r.j.Scalar()
		if err != nil {
			return err
		}
		return set(name, value)
	})
}

// readInput reads an element of "inputs".
func (r *reader) readInput() error {
	t := &tensor{}
	var data []byte
	size, content := int64(-1), ""
	err := r.j.Object(func(name string) (err error) {
		switch name {
		case "name":
			t.name, err = r.j.Text(256)
		case "datatype":
			t.datatype, err = r.j.Text(256)
		case "shape":
			t.shape, err = r.shape()
		case "data":
			if !r.j.Null() {
				data, err = r.j.Raw()
			}
		case "parameters":
			size, content, err = r.inputParameters()
		}
		return err
	})
	if err != nil {
		return err
	}
	count, err := t.check(r.limits)
	if err != nil {
		return err
	}
	if t.name == "image" && content != "" && content != "base64" && content != "pillow_image" && content != "str" {
		return t.bad("content_type is %q, want base64 or pillow_image", api.Cut(content))
	}
	switch {
	case size >= 0 && data != nil:
		return t.bad("there are both data and binary_data_size")
	case size >= 0 && !r.binary && size > 0:
		return t.bad("binary_data_size is %d, but no bytes follow the JSON: %s says where they begin", size, headerLength)
	case size > int64(len(r.rest)):
		return t.bad("binary_data_size is %d, but %d bytes are left of the body", size, len(r.rest))
	case size >= 0:
		err = t.raw(r.rest[:size:size], count)
		r.rest = r.rest[size:]
	case data == nil:
		return t.bad("there are no data")
	default:
		err = t.json(data, count, r.limits)
	}
	if err != nil {
		return err
	}
	return r.input(t)
}

// inputParameters are the parameters of an input; a size of -1 is none.
func (r *reader) inputParameters() (size int64, content string, err error) {
	size = -1
	err = r.j.Object(func(name string) error {
		if name == "content_type" && r.j.Is('"') {
			content, err = r.j.Text(256)
			return err
		}
		if ignored(name) {
			return nil
		}
		value, err := r.j.Scalar()
		if err != nil || value == nil {
			return err
		}
		if name != "binary_data_size" {
			return api.Refuse(api.BadRequest, "parameter %q of an input is not known: there are binary_data_size and content_type", api.Cut(name))
		}
		if size, err = whole(name, value); err == nil && size < 0 {
			err = wrong(name, value, "a number of bytes")
		}
		return err
	})
	return size, content, err
}

// shape reads a shape.
func (r *reader) shape() (shape []int64, err error) {
	err = r.j.Array(func(i int) error {
		if i == 8 {
			return api.Refuse(api.BadTensor, "a shape has more than 8 dimensions")
		}
		value, err := r.j.Scalar()
		if err != nil {
			return err
		}
		if _, is := value.(float64); !is {
			return api.Refuse(api.BadTensor, "a dimension of a shape is no number")
		}
		d, err := whole("shape", value)
		if err != nil {
			return api.Refuse(api.BadTensor, "a dimension of a shape is %s, want a whole number", said(value))
		}
		shape = append(shape, d)
		return nil
	})
	return shape, err
}

// readOutput reads an element of "outputs".
func (r *reader) readOutput() error {
	var o output
	err := r.j.Object(func(name string) (err error) {
		switch name {
		case "name":
			o.name, err = r.j.Text(256)
		case "parameters":
			err = r.parameters(func(name string, value any) (err error) {
				if value == nil {
					return nil
				}
				if name != "binary_data" {
					return api.Refuse(api.BadRequest, "parameter %q of an output is not known: there is binary_data", api.Cut(name))
				}
				o.binary, err = truth(name, value)
				return err
			})
		}
		return err
	})
	if err != nil {
		return err
	}
	return r.want(o)
}
