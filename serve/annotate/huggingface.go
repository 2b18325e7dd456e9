package annotate

import (
	"math"
	"mime"
	"net/http"
	"net/url"

	"github.com/glipvk/glipvk/serve/api"
)

// hfDetection is a box as the task zero-shot-object-detection has it.
type hfDetection struct {
	Score float64 `json:"score"`
	Label string  `json:"label"`
	Box   hfBox   `json:"box"`
}

type hfBox struct {
	XMin int `json:"xmin"`
	YMin int `json:"ymin"`
	XMax int `json:"xmax"`
	YMax int `json:"ymax"`
}

func (s *server) huggingFace(r *http.Request) (any, error) {
	info := s.Info()
	if name := r.PathValue("model"); name != info.Model {
		return nil, api.Refuse(api.NoModel, "there is no model %q, there is %s", api.Cut(name), info.Model)
	}
	body, err := api.Body(r, info.Limits.Or().Body)
	if err != nil {
		return nil, err
	}
	q, err := hfQuestion(body, r.Header.Get("Content-Type"), r.URL.Query(), info)
	if err != nil {
		return nil, err
	}
	a, err := s.ask(r.Context(), q)
	if err != nil {
		return nil, err
	}
	return hfAnswer(a.Pictures[0]), nil
}

// hfQuestion is a body as a question. A body that is not JSON is the picture.
func hfQuestion(body []byte, contentType string, query url.Values, info api.Info) (q api.Question, err error) {
	var labels []string
	picture := body
	if kind, _, _ := mime.ParseMediaType(contentType); kind == "application/json" {
		picture, labels, q.Threshold, err = hfJSON(body, info.Limits.Or())
	} else {
		for _, text := range query["candidate_labels"] {
			labels = append(labels, named(text)...)
		}
	}
	if err != nil {
		return q, err
	}
	q.Pictures = []api.Picture{{Data: picture}}
	q.Phrases, err = sought(labels, info)
	return q, err
}

// hfJSON reads a body in JSON.
func hfJSON(body []byte, l api.Limits) (picture []byte, labels []string, threshold *float64, err error) {
	j := api.ReadJSON(body, l.Depth)
	if !j.Is('{') {
		return nil, nil, nil, api.Refuse(api.BadRequest, "the body is no JSON object")
	}
	base64 := func() (err error) {
		picture, err = j.Base64()
		return err
	}
	err = j.Object(func(name string) error {
		switch {
		case name == "inputs" && j.Is('{'):
			return j.Object(func(name string) error {
				if name != "image" {
					return nil
				}
				return base64()
			})
		case name == "inputs":
			return base64()
		case name == "parameters":
			return j.Object(func(name string) (err error) {
				switch name {
				case "candidate_labels":
					labels, err = texts(j, l)
				case "threshold":
					threshold, err = share(j, "threshold")
				}
				return err
			})
		}
		return nil
	})
	if err == nil {
		err = j.End()
	}
	if err == nil && picture == nil {
		err = api.Refuse(api.BadRequest, `"inputs" is missing: want a picture in base64`)
	}
	return picture, labels, threshold, err
}

// hfAnswer is what was found, corners rounded to whole numbers, as the original pipeline has them.
func hfAnswer(f api.Found) []hfDetection {
	list := []hfDetection{}
	for _, d := range f.Detections {
		at := func(i int) int { return int(math.Round(d.Box[i])) }
		list = append(list, hfDetection{d.Score, d.Phrase, hfBox{at(0), at(1), at(2), at(3)}})
	}
	return list
}
