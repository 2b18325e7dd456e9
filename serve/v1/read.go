package v1

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/glipvk/glipvk/serve/api"
)

// wire is the body of /v1/detect and /v1/align.
type wire struct {
	Image     payload  `json:"image"`
	ImageID   string   `json:"image_id"`
	Text      *string  `json:"text"`
	Phrases   []string `json:"phrases"`
	Spans     [][2]int `json:"spans"`
	Classes   []string `json:"classes"`
	Threshold *float64 `json:"threshold"`
	IoU       *float64 `json:"iou"`
	Max       *int     `json:"max_detections"`
	Form      string   `json:"prompt_form"`
	Keep      bool     `json:"keep"`
	Priority  int      `json:"priority"`
}

// question is the api's, checked for what no server answers.
func (w wire) question() (api.Question, error) {
	q := api.Question{
		Protocol: "v1", Phrases: w.Phrases, Spans: w.Spans, Classes: w.Classes, Form: w.Form,
		Threshold: w.Threshold, IoU: w.IoU, Max: w.Max, Priority: w.Priority, Keep: w.Keep,
	}
	switch {
	case len(w.Image) > 0 && w.ImageID != "":
		return q, api.Refuse(api.BadRequest, "image and image_id exclude each other: send the picture or the ID of a kept one")
	case len(w.Image) == 0 && w.ImageID == "":
		return q, api.Refuse(api.BadRequest, "no picture: image holds it in base64, image_id the ID of a kept one, or a form has a part named image")
	}
	q.Pictures = []api.Picture{{Data: w.Image, Kept: w.ImageID}}
	if w.Text != nil {
		q.Texts = []string{*w.Text}
	}
	return q, nil
}

// payload is a picture in base64, as a string of JSON.
type payload []byte

// UnmarshalJSONFrom decodes in place: a body holds its picture once.
func (p *payload) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	v, err := dec.ReadValue()
	if err != nil {
		return err
	}
	if v.Kind() != '"' {
		return api.Refuse(api.BadRequest, "image: want a string, base64 or a data: URL")
	}
	text := []byte(v[1 : len(v)-1])
	if bytes.IndexByte(text, '\\') >= 0 {
		if text, err = jsontext.AppendUnquote(nil, v); err != nil {
			return err
		}
	}
	*p, err = Base64(text)
	return err
}

// Base64 decodes text, which it overwrites, by RFC 4648 with or without padding; a "data:" before it is passed over.
func Base64(text []byte) ([]byte, error) {
	if head, _, ok := bytes.Cut(text[:min(len(text), 128)], []byte(",")); ok && bytes.HasPrefix(head, []byte("data:")) {
		if !bytes.HasSuffix(head, []byte(";base64")) {
			return nil, api.Refuse(api.BadPicture, "image: a data: URL that is not base64")
		}
		text = text[len(head)+1:]
	}
	text = bytes.TrimRight(text, "=")
	n, err := base64.RawStdEncoding.Decode(text, text)
	if err != nil {
		return nil, api.Refuse(api.BadPicture, "image: not base64: %v", err)
	}
	return text[:n], nil
}

// read reads a question from a request.
func (h handler) read(r *http.Request) (w wire, err error) {
	kind, boundary := contentType(r)
	switch kind {
	case "application/json":
		body, err := h.json(r)
		if err != nil {
			return w, err
		}
		return w, parse(body, &w)
	case "multipart/form-data":
		body, err := h.body(r)
		if err != nil {
			return w, err
		}
		return h.form(body, boundary)
	}
	return w, api.Refuse(api.BadType, "Content-Type %.100q: want application/json, or multipart/form-data as curl -F sends it", kind)
}

// picture reads a picture that is a body, or the part "image" of a form.
func (h handler) picture(r *http.Request) ([]byte, error) {
	kind, boundary := contentType(r)
	form := kind == "multipart/form-data"
	if !form && !strings.HasPrefix(kind, "image/") && kind != "application/octet-stream" {
		return nil, api.Refuse(api.BadType, "Content-Type %.100q: want image/png and the like, or a form with a part named image", kind)
	}
	body, err := h.body(r)
	if err != nil || !form {
		return body, err
	}
	w, err := h.form(body, boundary)
	if err == nil && len(w.Image) == 0 {
		err = api.Refuse(api.BadRequest, "the form has no part named image")
	}
	return w.Image, err
}

// json reads the body of a request that must be JSON.
func (h handler) json(r *http.Request) ([]byte, error) {
	if kind, _ := contentType(r); kind != "application/json" {
		return nil, api.Refuse(api.BadType, "Content-Type %.100q: want application/json", kind)
	}
	return h.body(r)
}

// contentType is the type of a body, and what parts the parts of a form; "" where there is none or it cannot be read.
func contentType(r *http.Request) (kind, boundary string) {
	kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return "", ""
	}
	return kind, parameters["boundary"]
}

// body reads a body whole.
func (h handler) body(r *http.Request) ([]byte, error) {
	var b bytes.Buffer
	if r.ContentLength > 0 && r.ContentLength <= h.limits.Body {
		b.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	if _, err := b.ReadFrom(io.LimitReader(r.Body, h.limits.Body+1)); err != nil {
		return nil, err
	}
	if int64(b.Len()) > h.limits.Body {
		return nil, api.Refuse(api.TooLarge, "a body of more than %d bytes (--max-body)", h.limits.Body)
	}
	return b.Bytes(), nil
}

// parse reads JSON into v, whose members are all there may be.
func parse(body []byte, v any) error {
	err := json.Unmarshal(body, v, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	if r, ok := errors.AsType[*api.Refusal](err); ok {
		return r
	}
	return api.Refuse(api.BadRequest, "the body is not the JSON that is wanted: %s", words(err))
}

// words is what is wrong with JSON, without the names of Go's types.
func words(err error) string {
	if s, ok := errors.AsType[*json.SemanticError](err); ok {
		at := string(s.JSONPointer)
		if errors.Is(s, json.ErrUnknownName) {
			return "an unknown member " + at
		}
		if s.JSONKind != 0 {
			return at + ": a " + s.JSONKind.String() + " is not what is wanted there"
		}
		return at + ": not what is wanted there"
	}
	if s, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return s.Error()
	}
	return "it cannot be read"
}

// form reads a multipart body: each part by its name, "image" being the picture.
func (h handler) form(body []byte, boundary string) (w wire, err error) {
	reader := multipart.NewReader(bytes.NewReader(body), boundary)
	for parts := 0; ; parts++ {
		part, err := reader.NextRawPart()
		if err == io.EOF {
			return w, nil
		}
		if err != nil {
			return w, api.Refuse(api.BadRequest, "the form cannot be read: %v", err)
		}
		if parts == h.limits.Parts {
			return w, api.Refuse(api.TooLarge, "a form of more than %d parts", h.limits.Parts)
		}
		name := part.FormName()
		data, err := io.ReadAll(part)
		if err != nil {
			return w, api.Refuse(api.BadRequest, "part %q of the form cannot be read: %v", name, err)
		}
		if err := w.set(name, data); err != nil {
			return w, err
		}
	}
}

// set takes a part of a form.
func (w *wire) set(name string, data []byte) (err error) {
	value := string(data[:min(len(data), 1<<16)])
	once := func(already bool) error {
		if already {
			return api.Refuse(api.BadRequest, "part %q is there twice", name)
		}
		return nil
	}
	switch name {
	case "image":
		err = once(w.Image != nil)
		w.Image = data
	case "image_id":
		err = once(w.ImageID != "")
		w.ImageID = value
	case "text":
		err = once(w.Text != nil)
		w.Text = &value
	case "phrase", "phrases":
		w.Phrases = append(w.Phrases, value)
	case "class", "classes":
		w.Classes = append(w.Classes, value)
	case "span", "spans":
		begin, end, ok := strings.Cut(value, ":")
		b, errB := strconv.Atoi(begin)
		e, errE := strconv.Atoi(end)
		if !ok || errB != nil || errE != nil {
			return api.Refuse(api.BadRequest, "span %.40q: want BEGIN:END in code points of the text, as in 0:5", value)
		}
		w.Spans = append(w.Spans, [2]int{b, e})
	case "threshold":
		w.Threshold, err = number(name, value)
	case "iou":
		w.IoU, err = number(name, value)
	case "max_detections":
		w.Max, err = whole(name, value)
	case "prompt_form":
		w.Form = value
	case "keep":
		w.Keep, err = strconv.ParseBool(value)
		if err != nil {
			return api.Refuse(api.BadRequest, "keep %.40q: want true or false", value)
		}
	case "priority":
		var p *int
		if p, err = whole(name, value); err == nil {
			w.Priority = *p
		}
	default:
		return api.Refuse(api.BadRequest, "an unknown part %.40q: known are image, image_id, text, phrase, class, span, threshold, iou, max_detections, prompt_form, keep and priority", name)
	}
	return err
}

func number(name, value string) (*float64, error) {
	v, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return nil, api.Refuse(api.BadRequest, "%s %.40q: want a number", name, value)
	}
	return &v, nil
}

func whole(name, value string) (*int, error) {
	v, err := strconv.Atoi(value)
	if err != nil {
		return nil, api.Refuse(api.BadRequest, "%s %.40q: want a whole number", name, value)
	}
	return &v, nil
}
