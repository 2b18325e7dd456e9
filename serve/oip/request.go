package oip

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/glipvk/glipvk/serve/api"
)

// small bounds what holds no picture, in bytes.
const small = 64 << 10

// request is what REST and gRPC become.
type request struct {
	limits  api.Limits
	asked   api.Question // without what the tensors say
	tensors []*tensor
	outputs []output // that are wanted; none is all
	binary  *bool    // how outputs are wanted that do not say it
}

// output is an output that is wanted.
type output struct {
	name   string
	binary *bool
}

// input takes a tensor whose elements have been read.
func (r *request) input(t *tensor) error {
	if r.tensor(t.name) != nil {
		return t.bad("it is there twice")
	}
	r.tensors = append(r.tensors, t)
	return nil
}

// tensor is an input by its name; nil if it is not there.
func (r *request) tensor(name string) *tensor {
	if at := slices.IndexFunc(r.tensors, func(t *tensor) bool { return t.name == name }); at >= 0 {
		return r.tensors[at]
	}
	return nil
}

// want takes an output that is wanted.
func (r *request) want(o output) error {
	switch {
	case !slices.ContainsFunc(Outputs(), func(p Port) bool { return p.Name == o.name }):
		return api.Refuse(api.BadTensor, "output %q: there is no such output, there are boxes, scores, labels, phrases, spans and counts", api.Cut(o.name))
	case slices.ContainsFunc(r.outputs, func(other output) bool { return other.name == o.name }):
		return api.Refuse(api.BadTensor, "output %q is asked for twice", o.name)
	}
	r.outputs = append(r.outputs, o)
	return nil
}

// set takes a parameter: a bool, an int64, a uint64, a float64 or a string. Nil sets nothing.
func (r *request) set(name string, value any) (err error) {
	if value == nil {
		return nil
	}
	switch name {
	case "threshold":
		r.asked.Threshold, err = number(name, value)
	case "iou":
		r.asked.IoU, err = number(name, value)
	case "max_detections":
		var most int64
		most, err = whole(name, value)
		most = min(max(most, math.MinInt32), math.MaxInt32)
		of := int(most)
		r.asked.Max = &of
	case "prompt_form":
		form, ok := value.(string)
		if !ok || form == "" {
			return wrong(name, value, `"eval" or "demo"`)
		}
		r.asked.Form = form
	case "priority":
		var level int64
		level, err = whole(name, value)
		if level < api.Default || level > api.Low {
			err = wrong(name, value, "0 (the default), 1 (high) or 2 (low)")
		}
		r.asked.Priority = int(level)
	case "timeout":
		var micros int64
		micros, err = whole(name, value)
		if micros < 0 {
			err = wrong(name, value, "microseconds")
		}
		r.asked.Timeout = time.Duration(min(micros, math.MaxInt64/1000)) * time.Microsecond
	case "binary_data_output":
		r.binary, err = truth(name, value)
	default:
		if !ignored(name) {
			return api.Refuse(api.BadRequest, "parameter %q is not known: there are threshold, iou, max_detections, prompt_form, priority, timeout and binary_data_output", api.Cut(name))
		}
	}
	return err
}

// ignored says whether a parameter is of those that other servers' clients send and that change nothing here.
func ignored(name string) bool {
	return strings.HasPrefix(name, "sequence_") || strings.HasPrefix(name, "triton_") || name == "content_type" || name == "headers"
}

func wrong(name string, value any, want string) error {
	return api.Refuse(api.BadRequest, "parameter %q is %s, want %s", api.Cut(name), said(value), want)
}

// said is a parameter's value as it is repeated to its sender.
func said(value any) string {
	if text, ok := value.(string); ok {
		return strconv.Quote(api.Cut(text))
	}
	return fmt.Sprint(value)
}

// number is a parameter that is a number, or one in a string.
func number(name string, value any) (*float64, error) {
	var f float64
	switch v := value.(type) {
	case float64:
		f = v
	case int64:
		f = float64(v)
	case uint64:
		f = float64(v)
	case string:
		var err error
		if f, err = strconv.ParseFloat(v, 64); err != nil {
			return nil, wrong(name, value, "a number")
		}
	default:
		return nil, wrong(name, value, "a number")
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, api.Refuse(api.BadRequest, "parameter %q is not a finite number", api.Cut(name))
	}
	return &f, nil
}

// whole is a parameter that is a whole number.
func whole(name string, value any) (int64, error) {
	switch v := value.(type) {
	case int64:
		return v, nil
	case uint64:
		return int64(min(v, math.MaxInt64)), nil
	case string:
		if i, err := strconv.ParseInt(v, 10, 64); err == nil {
			return i, nil
		}
	}
	f, err := number(name, value)
	if err != nil {
		return 0, err
	}
	if *f != math.Trunc(*f) || math.Abs(*f) > 1<<53 {
		return 0, wrong(name, value, "a whole number")
	}
	return int64(*f), nil
}

// truth is a parameter that is true or false.
func truth(name string, value any) (*bool, error) {
	b, ok := value.(bool)
	if text, is := value.(string); is {
		b, ok = text == "true", text == "true" || text == "false"
	}
	if !ok {
		return nil, wrong(name, value, "true or false")
	}
	return &b, nil
}

// question is the request as a question, checked.
func (r *request) question() (api.Question, error) {
	q := r.asked
	for _, t := range r.tensors {
		for _, e := range t.elements {
			switch t.name {
			case "image":
				q.Pictures = append(q.Pictures, api.Picture{Data: e})
			case "text":
				q.Texts = append(q.Texts, string(e))
			case "phrases":
				q.Phrases = append(q.Phrases, string(e))
			case "classes":
				q.Classes = append(q.Classes, string(e))
			}
		}
		for i := 0; i+1 < len(t.numbers); i += 2 {
			q.Spans = append(q.Spans, [2]int{place(t.numbers[i]), place(t.numbers[i+1])})
		}
	}
	if len(q.Pictures) == 0 {
		return q, api.Refuse(api.BadTensor, `input "image" is missing or has no element`)
	}
	return q, q.Check(r.limits)
}

// place is a place in a text; what is none stays none.
func place(v int64) int { return int(min(max(v, -1), math.MaxInt32)) }
