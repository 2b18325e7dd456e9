package v1

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/glipvk/glipvk/serve/api"
	"github.com/glipvk/glipvk/serve/guard"
)

// members are those of a question, of JSON and as parts of a form: each sets its own.
const members = "image, image_id, text, phrases, spans, classes, threshold, iou, max_detections, prompt_form, keep and priority"

// reader reads a question.
type reader struct {
	api.Question
	data []byte
	id   string
	seen map[string]bool
}

// parser reads what requests bring, within limits.
type parser struct{ api.Limits }

// asked is the question of a request.
func (p parser) asked(r *http.Request) (api.Question, error) {
	q := reader{seen: map[string]bool{}}
	q.ID = guard.VisitOf(r.Context()).ID
	var err error
	if isForm(r) {
		err = p.form(r, &q)
	} else {
		err = p.json(r, &q)
	}
	switch {
	case err != nil:
	case q.seen["image"] && q.seen["image_id"]:
		err = api.Refuse(api.BadRequest, "image and image_id exclude each other: send the picture, or the ID of a kept one")
	case len(q.data) == 0 && q.id == "":
		err = api.Refuse(api.BadRequest, "there is no picture: image holds it in base64, or is a part of a form; image_id is the ID of a kept one")
	}
	q.Pictures = []api.Picture{{Data: q.data, Kept: q.id}}
	return q.Question, err
}

// isForm says whether a body is a form.
func isForm(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "multipart/form-data"
}

// json reads the JSON of a question, whose picture lies where its base64 lay.
func (p parser) json(r *http.Request, q *reader) error {
	body, err := api.Body(r, p.Body)
	if err != nil {
		return err
	}
	j := api.ReadJSON(body, p.Depth)
	if err := j.Object(func(name string) error { return p.member(j, name, q) }); err != nil {
		return err
	}
	return j.End()
}

// member reads one member.
func (p parser) member(j *api.JSON, name string, q *reader) (err error) {
	if q.seen[name] {
		return api.Refuse(api.BadRequest, "%s is there twice", name)
	}
	q.seen[name] = true
	switch name {
	case "image":
		q.data, err = j.Base64()
	case "image_id":
		q.id, err = j.Text(64)
	case "text":
		var text string
		text, err = j.Text(p.Sentence)
		q.Texts = []string{text}
	case "phrases":
		q.Phrases, err = p.list(j, name)
	case "classes":
		q.Classes, err = p.list(j, name)
	case "spans":
		q.Spans, err = p.spans(j)
	case "threshold":
		q.Threshold, err = number(j, name)
	case "iou":
		q.IoU, err = number(j, name)
	case "max_detections":
		q.Max, err = whole(j, name)
	case "priority":
		var n *int
		if n, err = whole(j, name); n != nil {
			q.Priority = *n
		}
	case "prompt_form":
		q.Form, err = j.Text(16)
	case "keep":
		var v any
		if v, err = j.Scalar(); err == nil {
			q.Keep, _ = v.(bool)
			if _, ok := v.(bool); !ok && v != nil {
				err = api.Refuse(api.BadRequest, "keep is no boolean: want true or false")
			}
		}
	default:
		return api.Refuse(api.BadRequest, "%q is no member of a question: there are %s", api.Cut(name), members)
	}
	return err
}

// list reads strings.
func (p parser) list(j *api.JSON, name string) (list []string, err error) {
	err = j.Array(func(i int) error {
		if i == p.Phrases {
			return api.Refuse(api.TooLarge, "%s are more than the %d that are taken (--max-phrases)", name, i)
		}
		text, err := j.Text(p.Phrase)
		list = append(list, text)
		return err
	})
	return list, err
}

// spans reads pairs.
func (p parser) spans(j *api.JSON) (list [][2]int, err error) {
	err = j.Array(func(i int) error {
		if i == p.Phrases {
			return api.Refuse(api.TooLarge, "spans are more than the %d that are taken (--max-phrases)", i)
		}
		var span [2]int
		n := 0
		err := j.Array(func(k int) error {
			v, err := whole(j, "a span")
			if n++; err == nil && v != nil && k < 2 {
				span[k] = *v
			}
			return err
		})
		if err == nil && n != 2 {
			err = api.Refuse(api.BadRequest, "spans: a span is [begin, end), as [0, 5]")
		}
		list = append(list, span)
		return err
	})
	return list, err
}

// number reads a number; nil for null.
func number(j *api.JSON, name string) (*float64, error) {
	v, err := j.Scalar()
	if err != nil || v == nil {
		return nil, err
	}
	if f, ok := v.(float64); ok {
		return &f, nil
	}
	return nil, api.Refuse(api.BadRequest, "%s is no number", name)
}

// whole reads a whole number; nil for null.
func whole(j *api.JSON, name string) (*int, error) {
	f, err := number(j, name)
	if err != nil || f == nil {
		return nil, err
	}
	if n := int(max(min(*f, 1<<40), -1<<40)); float64(n) == *f {
		return &n, nil
	}
	return nil, api.Refuse(api.BadRequest, "%s is no whole number", name)
}

// form reads the parts of a form, each by its name; lists have a part for each element.
func (p parser) form(r *http.Request, q *reader) error {
	parts, err := guard.ReadForm(r, p.Parts)
	if err != nil {
		return err
	}
	for _, one := range parts {
		if err := p.part(one, q); err != nil {
			return err
		}
	}
	return nil
}

// part reads one part.
func (p parser) part(part guard.Part, q *reader) error {
	if part.Name == "image" {
		if q.data != nil {
			return api.Refuse(api.BadRequest, "image is there twice: one picture is asked about at a time")
		}
		q.data, q.seen["image"] = part.Data, true
		return nil
	}
	if len(part.Data) > p.Sentence {
		return api.Refuse(api.TooLarge, "%s is longer than the %d bytes that are taken (--max-sentence)", api.Cut(part.Name), p.Sentence)
	}
	value := string(part.Data)
	switch part.Name {
	case "phrase", "phrases":
		q.Phrases = append(q.Phrases, value)
	case "class", "classes":
		q.Classes = append(q.Classes, value)
	case "span", "spans":
		begin, end, ok := strings.Cut(value, ":")
		b, errB := strconv.Atoi(begin)
		e, errE := strconv.Atoi(end)
		if !ok || errB != nil || errE != nil {
			return api.Refuse(api.BadRequest, "span %q: want BEGIN:END in code points of the text, as 0:5", api.Cut(value))
		}
		q.Spans = append(q.Spans, [2]int{b, e})
	case "text", "image_id", "prompt_form":
		if !utf8.ValidString(value) {
			return api.Refuse(api.BadRequest, "%s is not in UTF-8", part.Name)
		}
		quoted, err := api.Marshal(value)
		if err != nil {
			return err
		}
		return p.value(part.Name, quoted, q)
	case "threshold", "iou", "max_detections", "keep", "priority":
		return p.value(part.Name, part.Data, q)
	default:
		return api.Refuse(api.BadRequest, "%q is no part of a question: there are image, image_id, text, phrase, span, class, threshold, iou, max_detections, prompt_form, keep and priority", api.Cut(part.Name))
	}
	return nil
}

// value reads a part as JSON has it.
func (p parser) value(name string, text []byte, q *reader) error {
	j := api.ReadJSON(text, p.Depth)
	if err := p.member(j, name, q); err != nil {
		return err
	}
	return j.End()
}
