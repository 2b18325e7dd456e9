package oip

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strconv"

	"github.com/glipvk/glipvk/serve/api"
	"github.com/go-json-experiment/json/jsontext"
)

// Port is a tensor that the model takes or gives.
type Port struct {
	Name     string  `json:"name"`
	Datatype string  `json:"datatype"`
	Shape    []int64 `json:"shape"` // -1 is any

	optional bool
}

// Inputs are what the model takes: pictures, and what to look for in them.
func Inputs() []Port {
	return []Port{
		{Name: "image", Datatype: "BYTES", Shape: []int64{-1}},
		{Name: "text", Datatype: "BYTES", Shape: []int64{-1}, optional: true},
		{Name: "phrases", Datatype: "BYTES", Shape: []int64{-1}, optional: true},
		{Name: "classes", Datatype: "BYTES", Shape: []int64{-1}, optional: true},
		{Name: "spans", Datatype: "INT32", Shape: []int64{-1, 2}, optional: true},
	}
}

// Outputs are what the model gives: D detections of all pictures, those of the first before the others, and how many each has.
func Outputs() []Port {
	return []Port{
		{Name: "boxes", Datatype: "FP32", Shape: []int64{-1, 4}},
		{Name: "scores", Datatype: "FP32", Shape: []int64{-1}},
		{Name: "labels", Datatype: "INT32", Shape: []int64{-1}},
		{Name: "phrases", Datatype: "BYTES", Shape: []int64{-1}},
		{Name: "spans", Datatype: "INT32", Shape: []int64{-1, 2}},
		{Name: "counts", Datatype: "INT32", Shape: []int64{-1}},
	}
}

// tensor is an input of a request.
type tensor struct {
	name, datatype string
	shape          []int64

	elements [][]byte // of BYTES
	numbers  []int64  // of INT32 and INT64
}

func (t *tensor) bad(format string, arguments ...any) error {
	r := api.Refuse(api.BadTensor, format, arguments...)
	r.Text = "input " + strconv.Quote(api.Cut(t.name)) + ": " + r.Text
	return r
}

// check is how many elements the tensor has by its shape, within the limits: before memory is taken for them.
func (t *tensor) check(l api.Limits) (count int, err error) {
	all := Inputs()
	at := slices.IndexFunc(all, func(p Port) bool { return p.Name == t.name })
	if at < 0 {
		return 0, t.bad("there is no such input, there are image, text, phrases, classes and spans")
	}
	if t.datatype != all[at].Datatype && (t.name != "spans" || t.datatype != "INT64") {
		return 0, t.bad("the datatype is %q, want %s", api.Cut(t.datatype), all[at].Datatype)
	}
	if len(t.shape) == 0 || len(t.shape) > 2 {
		return 0, t.bad("the shape has %d dimensions, want 1 or 2", len(t.shape))
	}
	rows := int64(1)
	for _, d := range t.shape {
		if d < 0 || d > 1<<20 {
			return 0, t.bad("the shape is %v, want dimensions from 0 to %d", t.shape, 1<<20)
		}
		rows *= d // of two such dimensions: no overflow
	}
	flat := len(t.shape) == 1
	column := !flat && t.shape[1] == 1
	row := !flat && t.shape[0] == 1
	want, fits, most, flag, each := "[N] or [N, 1]", flat || column, l.Pictures, "--max-pictures", 1
	switch t.name {
	case "phrases", "classes":
		want, fits, most, flag = "[K] or [1, K]", flat || row || column, l.Phrases, "--max-phrases"
	case "spans":
		want, fits, most, flag, each = "[S, 2]", !flat && t.shape[1] == 2, l.Phrases, "--max-phrases", 2
	}
	if !fits {
		return 0, t.bad("the shape is %v, want %s", t.shape, want)
	}
	if rows > int64(most*each) {
		r := api.Refuse(api.TooLarge, "input %q: the shape is %v, at most %d are taken (%s)", t.name, t.shape, most, flag)
		return 0, r
	}
	return int(rows), nil
}

// raw takes elements as they lie in memory: numbers in little endian, and before each string its length as a uint32.
func (t *tensor) raw(data []byte, count int) error {
	width := map[string]int{"INT32": 4, "INT64": 8}[t.datatype]
	if width == 0 {
		elements, err := t.split(data, count)
		t.elements = elements
		return err
	}
	if len(data) != width*count {
		return t.bad("%d bytes of data, want %d for shape %v", len(data), width*count, t.shape)
	}
	t.numbers = make([]int64, count)
	for i := range t.numbers {
		if width == 4 {
			t.numbers[i] = int64(int32(binary.LittleEndian.Uint32(data[4*i:])))
		} else {
			t.numbers[i] = int64(binary.LittleEndian.Uint64(data[8*i:]))
		}
	}
	return nil
}

// split is the elements of a BYTES tensor.
func (t *tensor) split(data []byte, count int) ([][]byte, error) {
	if len(data) < 4*count {
		return nil, t.bad("%d bytes of data are too few for shape %v", len(data), t.shape)
	}
	elements := make([][]byte, count)
	for i := range elements {
		if len(data) < 4 {
			return nil, t.bad("the data end before the length of element %d", i)
		}
		size := binary.LittleEndian.Uint32(data)
		data = data[4:]
		if uint64(size) > uint64(len(data)) {
			return nil, t.bad("element %d has %d bytes by its length, but %d are left of the data", i, size, len(data))
		}
		elements[i], data = data[:size:size], data[size:]
	}
	if len(data) > 0 {
		return nil, t.bad("%d bytes of data are left after the %d elements of shape %v", len(data), count, t.shape)
	}
	return elements, nil
}

// json takes elements from an array of them, in arrays of any depth. data is JSON; pictures are decoded where they lie in it.
func (t *tensor) json(data []byte, count int, l api.Limits) error {
	if len(data) == 0 || data[0] != '[' {
		return t.bad("the data are no array")
	}
	n := 0
	for at := 0; at < len(data); {
		if bytes.IndexByte([]byte("[], \t\r\n"), data[at]) >= 0 {
			at++
			continue
		}
		value := data[at:]
		value = value[:valueEnd(value)]
		at += len(value)
		if n == count {
			return t.bad("more data than the %d elements of shape %v", count, t.shape)
		}
		if err := t.element(value, l); err != nil {
			return err
		}
		n++
	}
	if n != count {
		return t.bad("%d elements of data, want %d for shape %v", n, count, t.shape)
	}
	return nil
}

// valueEnd is where a string, a number or a literal of JSON ends, which is at the beginning of a text of it.
func valueEnd(text []byte) int {
	if text[0] != '"' {
		if end := bytes.IndexAny(text, ",]"); end >= 0 {
			return len(bytes.TrimRight(text[:end], " \t\r\n"))
		}
		return len(text)
	}
	for at := 1; ; {
		quote := bytes.IndexByte(text[at:], '"')
		if quote < 0 {
			return len(text) // not in JSON
		}
		at += quote + 1
		before := bytes.TrimRight(text[:at-1], `\`)
		if (at-1-len(before))%2 == 0 {
			return at
		}
	}
}

// element takes one element, in JSON.
func (t *tensor) element(value []byte, l api.Limits) error {
	if t.datatype != "BYTES" {
		number, err := strconv.ParseInt(string(value[:min(len(value), 24)]), 10, 64)
		if err != nil || len(value) > 24 {
			return t.bad("%q is no whole number", api.Cut(string(value)))
		}
		t.numbers = append(t.numbers, number)
		return nil
	}
	if value[0] != '"' {
		return t.bad("%q is no string", api.Cut(string(value)))
	}
	if t.name == "image" {
		data, err := api.QuotedBase64(value)
		if err != nil {
			return t.bad("element %d: its base64 cannot be read: %v", len(t.elements), err)
		}
		t.elements = append(t.elements, data)
		return nil
	}
	if long := max(l.Sentence, l.Phrase); len(value) > 6*long+2 { // "\u0061" is a byte
		return api.Refuse(api.TooLarge, "input %q: element %d is longer than %d bytes", t.name, len(t.elements), long)
	}
	text, err := jsontext.AppendUnquote(nil, value)
	if err != nil {
		return t.bad("element %d: %v", len(t.elements), err)
	}
	t.elements = append(t.elements, text)
	return nil
}
