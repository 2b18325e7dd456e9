package annotate

import (
	"context"
	"net/http"
	"strings"

	"github.com/glipvk/glipvk/serve/api"
)

// rfImage is a picture as a request names it.
type rfImage struct {
	kind  string
	value []byte // in JSON
}

// rfRequest is what a request asks.
type rfRequest struct {
	images    []rfImage
	list      bool // whether the images were a list: so are the answers
	labels    []string
	threshold *float64
}

// rfAnswer is what is answered for one picture.
type (
	rfAnswer struct {
		Image       rfSize         `json:"image"`
		Time        float64        `json:"time"` // seconds
		Predictions []rfPrediction `json:"predictions"`
	}
	rfSize struct {
		Width  int `json:"width"`
		Height int `json:"height"`
	}
	rfPrediction struct {
		X          float64 `json:"x"` // of the middle
		Y          float64 `json:"y"`
		Width      float64 `json:"width"`
		Height     float64 `json:"height"`
		Confidence float64 `json:"confidence"`
		Class      string  `json:"class"`
		ClassID    int     `json:"class_id"` // from 0
		ID         string  `json:"detection_id"`
	}
)

func (s *server) roboflow(r *http.Request) (any, error) {
	info := s.Info()
	body, err := api.Body(r, info.Limits.Or().Body)
	if err != nil {
		return nil, err
	}
	asked, err := rfRead(body, info.Limits.Or())
	if err != nil {
		return nil, err
	}
	q := api.Question{Threshold: asked.threshold}
	if q.Phrases, err = sought(asked.labels, info); err != nil {
		return nil, err
	}
	for _, image := range asked.images {
		data, err := s.rfPicture(r.Context(), image)
		if err != nil {
			return nil, err
		}
		q.Pictures = append(q.Pictures, api.Picture{Data: data})
	}
	a, err := s.ask(r.Context(), q)
	if err != nil {
		return nil, err
	}
	answers := rfAnswers(a)
	if asked.list {
		return answers, nil
	}
	return answers[0], nil
}

// rfRead reads a body. Pictures stay in JSON: their type may come after them.
func rfRead(body []byte, l api.Limits) (r rfRequest, err error) {
	j := api.ReadJSON(body, l.Depth)
	if !j.Is('{') {
		return r, api.Refuse(api.BadRequest, "the body is no JSON object")
	}
	image := func() error {
		if len(r.images) == l.Pictures {
			return api.Refuse(api.TooLarge, "more than the %d pictures that are taken at a time (--max-pictures)", l.Pictures)
		}
		var i rfImage
		err := j.Object(func(name string) (err error) {
			switch name {
			case "type":
				i.kind, err = j.Text(256)
			case "value":
				if !j.Is('"') {
					return api.Refuse(api.BadRequest, "the value of an image is no string")
				}
				i.value, err = j.Raw()
			}
			return err
		})
		r.images = append(r.images, i)
		return err
	}
	err = j.Object(func(name string) (err error) {
		switch name {
		case "image":
			if r.list = j.Is('['); r.list {
				return j.Array(func(int) error { return image() })
			}
			return image()
		case "text":
			r.labels, err = texts(j, l)
		case "box_threshold":
			r.threshold, err = share(j, name)
		}
		return err
	})
	if err == nil {
		err = j.End()
	}
	if err == nil && len(r.images) == 0 {
		err = api.Refuse(api.BadRequest, `"image" is missing: want {"type": "base64", "value": "..."}`)
	}
	return r, err
}

// rfPicture is the picture that a request names.
func (s *server) rfPicture(ctx context.Context, image rfImage) ([]byte, error) {
	if image.value == nil {
		return nil, api.Refuse(api.BadRequest, "an image has no value")
	}
	switch image.kind {
	case "base64":
		data, err := api.QuotedBase64(image.value)
		if err != nil {
			return nil, api.Refuse(api.BadPicture, "an image: %v", err)
		}
		return data, nil
	case "url":
		address, err := api.ReadJSON(image.value, 1).Text(4096)
		if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(address, "http://") && !strings.HasPrefix(address, "https://") {
			return nil, api.Refuse(api.NotFetched, "an image's url is none of http: or https:")
		}
		return s.fetch(ctx, address)
	case "numpy":
		return nil, api.Refuse(api.BadRequest, "an image of type numpy is a pickle, which is not read: send base64")
	}
	return nil, api.Refuse(api.BadRequest, "an image has type %q, want base64 or url", api.Cut(image.kind))
}

// rfAnswers are the answers, one for each picture.
func rfAnswers(a api.Answer) []rfAnswer {
	list := []rfAnswer{}
	for n, f := range a.Pictures {
		made := rfAnswer{rfSize{f.Width, f.Height}, a.Timing.Total.Seconds(), []rfPrediction{}}
		for i, d := range f.Detections {
			made.Predictions = append(made.Predictions, rfPrediction{
				X: (d.Box[0] + d.Box[2]) / 2, Y: (d.Box[1] + d.Box[3]) / 2, Width: d.Box[2] - d.Box[0], Height: d.Box[3] - d.Box[1],
				Confidence: d.Score, Class: d.Phrase, ClassID: d.Label - 1, ID: id(n, " ", i, " ", d.Box, d.Phrase),
			})
		}
		list = append(list, made)
	}
	return list
}
