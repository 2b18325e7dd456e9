package oip

import (
	"bytes"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/serve/api"
	"github.com/glipvk/glipvk/serve/oip/schema"
	"google.golang.org/protobuf/proto"
)

// FuzzSplit splits what is said to be a tensor of strings: what is taken is all of it, and writes as it was.
func FuzzSplit(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x00a\x00\x00\x00\x00"), 2)
	f.Add([]byte("\xff\xff\xff\xff"), 1)
	f.Add([]byte("\x01\x00"), 1)
	f.Add([]byte{}, 0)
	f.Fuzz(func(t *testing.T, data []byte, count int) {
		count &= 1<<11 - 1
		in := tensor{name: "image", datatype: "BYTES", shape: []int64{int64(count)}}
		elements, err := in.split(data, count)
		if err != nil {
			return
		}
		if made := (&result{texts: texts(elements)}).raw(); len(elements) != count || !bytes.Equal(made, data) {
			t.Fatalf("%x became %x", data, made)
		}
	})
}

// FuzzInfer reads bodies of inferences: what is taken is within the limits, and no picture is longer than the body.
func FuzzInfer(f *testing.F) {
	bin, header := inBinary([][]byte{[]byte("x")}, []string{"cat"}, `,"id":"7","outputs":[{"name":"boxes","parameters":{"binary_data":true}}]`)
	f.Add(bin, header)
	for _, text := range []string{
		inJSON([]byte("x"), phrases+`,"parameters":{"threshold":0.5,"headers":{}},"id":null}`),
		`{"inputs":[{"data":[[["a"],[]],"\u00e9"],"shape":[1,2],"name":"phrases","datatype":"BYTES"}]}`,
		`{"inputs":[{"name":"spans","shape":[1,2],"datatype":"INT32","data":[0, 1 ]}]}`,
		`{"inputs":[{"name":"image","shape":[2],"datatype":"BYTES","data":["data:image/png;base64,AA\/_==","\"\\"]}]}`,
		`{"inputs":[{"name":"text","shape":[1],"datatype":"BYTES","data":[` + strings.Repeat("[", 40) + `]}]}`,
	} {
		f.Add([]byte(text), len(text))
	}
	f.Fuzz(func(t *testing.T, body []byte, header int) {
		if header < 0 || header > len(body) {
			return
		}
		l := api.Limits{}.Or()
		r, err := readInfer(body, header, l)
		if err != nil {
			known := api.Refused(err, "")
			if known.Code == api.Internal || len(known.Text) > 600 {
				t.Fatalf("%v", err)
			}
			return
		}
		for _, in := range r.tensors {
			total := 0
			for _, e := range in.elements {
				total += len(e)
			}
			rows, err := in.check(l)
			if err != nil || max(len(in.elements), len(in.numbers)) != rows || total > len(body) {
				t.Fatalf("%+v: %d elements by the shape, %v", in, rows, err)
			}
		}
		if q, err := r.question(); err == nil && (len(q.Pictures) == 0 || q.Check(l) != nil) {
			t.Fatalf("%+v", q)
		}
	})
}

// FuzzMessage reads messages: those that are taken become requests or refusals.
func FuzzMessage(f *testing.F) {
	for _, m := range []*schema.ModelInferRequest{message([]byte("x"), "cat"), inRaw(message([]byte("x"), "cat"))} {
		data, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l := api.Limits{}.Or()
		var r *request
		m, err := unmarshal(data, l)
		if err == nil {
			var plain schema.ModelInferRequest
			if whole := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(data, &plain); whole != nil || !proto.Equal(&plain, m) {
				t.Fatalf("%v, want %v", m, &plain)
			}
			r, err = readMessage(m, l)
		}
		if err == nil {
			_, err = r.question()
		}
		if err != nil && api.Refused(err, "").Code == api.Internal {
			t.Fatal(err)
		}
	})
}

// TestFlat has data of JSON that are hard to tell where they end.
func TestFlat(t *testing.T) {
	for text, want := range map[string][]string{
		`["a","b"]`: {"a", "b"}, `[ [ "a" ] , [ "b\\" ] ]`: {"a", `b\`}, `["\"","\\\""]`: {`"`, `\"`}, "[\n]": {}, `["[,]",""]`: {"[,]", ""},
	} {
		in := tensor{name: "phrases", datatype: "BYTES"}
		if err := in.json([]byte(text), len(want), api.Limits{}.Or()); err != nil || strings.Join(texts(in.elements), "|") != strings.Join(want, "|") {
			t.Errorf("%s: %q, %v", text, in.elements, err)
		}
	}
	in := tensor{name: "spans", datatype: "INT32"}
	if err := in.json([]byte("[[ 1, -2 ],[3,4]]"), 4, api.Limits{}.Or()); err != nil || len(in.numbers) != 4 || in.numbers[1] != -2 || in.numbers[3] != 4 {
		t.Error(in.numbers, err)
	}
}
