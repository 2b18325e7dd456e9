package oip

import (
	"encoding/binary"
	"fmt"

	"github.com/glipvk/glipvk/serve/api"
)

// result is an output with what it holds: one of the lists, which is never nil.
type result struct {
	Port
	floats []float32
	ints   []int32
	texts  []string
}

// results are all outputs of an answer to so many pictures.
func results(a api.Answer, pictures int) (map[string]*result, error) {
	if len(a.Pictures) != pictures {
		return nil, fmt.Errorf("oip: an answer of %d pictures to a question of %d", len(a.Pictures), pictures)
	}
	d := 0
	for _, p := range a.Pictures {
		d += len(p.Detections)
	}
	all := map[string]*result{}
	for _, port := range Outputs() {
		r := &result{Port: port}
		rows, columns := d, 1
		if port.Name == "counts" {
			rows = pictures
		}
		r.Shape[0] = int64(rows)
		if len(r.Shape) == 2 {
			columns = int(r.Shape[1])
		}
		switch port.Datatype {
		case "FP32":
			r.floats = make([]float32, 0, rows*columns)
		case "INT32":
			r.ints = make([]int32, 0, rows*columns)
		default:
			r.texts = make([]string, 0, rows)
		}
		all[port.Name] = r
	}
	for _, p := range a.Pictures {
		all["counts"].ints = append(all["counts"].ints, int32(len(p.Detections)))
		for _, f := range p.Detections {
			for _, corner := range f.Box {
				all["boxes"].floats = append(all["boxes"].floats, float32(corner))
			}
			all["scores"].floats = append(all["scores"].floats, float32(f.Score))
			all["labels"].ints = append(all["labels"].ints, int32(f.Label))
			all["phrases"].texts = append(all["phrases"].texts, f.Phrase)
			all["spans"].ints = append(all["spans"].ints, int32(f.Span[0]), int32(f.Span[1]))
		}
	}
	return all, nil
}

// wanted are the outputs that a request wants, in its order.
func (r *request) wanted() []output {
	if len(r.outputs) > 0 {
		return r.outputs
	}
	var all []output
	for _, p := range Outputs() {
		all = append(all, output{name: p.Name})
	}
	return all
}

// inBinary says whether an output is wanted in binary; otherwise is for requests that do not say.
func (r *request) inBinary(o output, otherwise bool) bool {
	switch {
	case o.binary != nil:
		return *o.binary
	case r.binary != nil:
		return *r.binary
	}
	return otherwise
}

// raw is what the result holds as it lies in memory: numbers in little endian, and before each string its length as a uint32.
func (r *result) raw() []byte {
	b := []byte{}
	for _, t := range r.texts {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(t)))
		b = append(b, t...)
	}
	// The other lists are of fixed size: they cannot fail.
	b, _ = binary.Append(b, binary.LittleEndian, r.floats)
	b, _ = binary.Append(b, binary.LittleEndian, r.ints)
	return b
}

// data is the list of the result.
func (r *result) data() any {
	switch {
	case r.floats != nil:
		return r.floats
	case r.ints != nil:
		return r.ints
	}
	return r.texts
}

// The answer to an inference by REST, in JSON.
type (
	inferAnswer struct {
		Model   string        `json:"model_name"`
		Version string        `json:"model_version"`
		ID      string        `json:"id,omitempty"`
		Outputs []inferOutput `json:"outputs"`
	}
	inferOutput struct {
		Port
		Parameters *outputSize `json:"parameters,omitempty"`
		Data       any         `json:"data,omitempty"` // a list, also an empty one, is there
	}
	outputSize struct {
		Size int `json:"binary_data_size"`
	}
)

// answer is the answer in JSON, and what follows of outputs in binary; header is set if there is one.
func (r *request) answer(info api.Info, all map[string]*result) (a inferAnswer, rest []byte, header bool) {
	a = inferAnswer{Model: info.Model, Version: info.Version, ID: r.asked.ID, Outputs: []inferOutput{}}
	for _, o := range r.wanted() {
		made := inferOutput{Port: all[o.name].Port}
		if r.inBinary(o, false) {
			raw := all[o.name].raw()
			rest, header = append(rest, raw...), true
			made.Parameters = &outputSize{len(raw)}
		} else {
			made.Data = all[o.name].data()
		}
		a.Outputs = append(a.Outputs, made)
	}
	return a, rest, header
}
