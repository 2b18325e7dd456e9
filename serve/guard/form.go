package guard

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"

	"github.com/glipvk/glipvk/serve/api"
)

// Part is a field of a form. The name that a file may have had is not read.
type Part struct {
	Name string
	Data []byte
}

// Bounds of a part.
const (
	maxPartHeaders  = 16
	maxPartName     = 256
	maxPartBoundary = 70 // RFC 2046
)

// ReadForm reads the fields of a multipart/form-data body in their order, at most parts of them, in memory: there are no
// temporary files. All data lie in one piece of memory where the body says its length, so that a picture is held
// once. Errors are refusals.
func ReadForm(r *http.Request, parts int) ([]Part, error) {
	kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	boundary := parameters["boundary"]
	if err != nil || kind != "multipart/form-data" || boundary == "" || len(boundary) > maxPartBoundary {
		return nil, api.Refuse(api.BadRequest, "Content-Type has no boundary, or none that a form may have")
	}
	reader := multipart.NewReader(r.Body, boundary)
	var list []Part
	memory := make([]byte, 0, max(r.ContentLength, 0))
	for {
		part, err := reader.NextRawPart() // which undoes no encoding
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, badForm(err)
		}
		if len(list) == parts {
			return nil, api.Refuse(api.TooLarge, "the form has more than %d parts", parts)
		}
		name := part.FormName()
		if len(part.Header) > maxPartHeaders {
			return nil, api.Refuse(api.TooLarge, "a part of the form has more than %d headers", maxPartHeaders)
		}
		if name == "" || len(name) > maxPartName {
			return nil, api.Refuse(api.BadRequest, "a part of the form has no name in its Content-Disposition, or one of more than %d bytes", maxPartName)
		}
		from := len(memory)
		if memory, err = appendAll(memory, part); err != nil {
			return nil, badForm(err)
		}
		list = append(list, Part{Name: name, Data: memory[from:len(memory):len(memory)]})
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil { // what may follow: the clock stops at the end of the body alone
		return nil, badForm(err)
	}
	return list, nil
}

// appendAll appends what a reader has.
func appendAll(data []byte, r io.Reader) ([]byte, error) {
	for {
		if len(data) == cap(data) {
			data = slices.Grow(data, 512)
		}
		n, err := r.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if err == io.EOF {
			return data, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// badForm is what the body refused with, or that it is no form.
func badForm(err error) error {
	if known, ok := errors.AsType[*api.Refusal](err); ok {
		return known
	}
	refusal := api.Refuse(api.BadRequest, "the body is no multipart/form-data, or not to its end")
	refusal.Cause = err
	return refusal
}
