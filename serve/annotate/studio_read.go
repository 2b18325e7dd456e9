package annotate

import (
	"slices"
	"strconv"
	"strings"

	"github.com/glipvk/glipvk/serve/api"
)

// studioRequest is what a prediction asks.
type studioRequest struct {
	config    studioConfig
	tasks     []studioTask
	sentence  string // of the annotator; "" if there is none
	threshold *float64
}

// studioTask is a task: its id and its data, in JSON.
type studioTask struct {
	id   string
	data []byte
}

const (
	studioTasks = 1024 // of a request at most
	studioDepth = 32   // of the JSON within a task's data
)

// question is what is asked of each task's picture.
func (a *studioRequest) question() (api.Question, error) {
	switch {
	case a.config.from == "":
		return api.Question{}, api.Refuse(api.BadRequest, "the configuration has no RectangleLabels with a name")
	case a.config.key == "":
		return api.Question{}, api.Refuse(api.BadRequest, `the configuration has no Image of its rectangles' toName with a value such as "$image"`)
	case len(a.config.labels) == 0:
		return api.Question{}, api.Refuse(api.BadQuery, "the configuration's RectangleLabels have no Label")
	}
	if a.sentence != "" {
		return api.Question{Texts: []string{a.sentence}, Threshold: a.threshold}, nil
	}
	return api.Question{Phrases: a.config.phrases(), Threshold: a.threshold}, nil
}

// readStudio reads the body of a prediction.
func readStudio(body []byte, l api.Limits) (a studioRequest, err error) {
	j := api.ReadJSON(body, l.Depth)
	if !j.Is('{') {
		return a, api.Refuse(api.BadRequest, "the body is no JSON object")
	}
	config, said := "", []studioSaid(nil)
	err = j.Object(func(name string) (err error) {
		switch name {
		case "label_config":
			config, err = j.Text(configBytes)
		case "tasks":
			a.tasks, err = readTasks(j)
		case "params":
			err = j.Object(func(name string) error {
				if name != "context" {
					return nil
				}
				return j.Object(func(name string) (err error) {
					if name == "result" {
						said, err = readSaid(j, l)
					}
					return err
				})
			})
		}
		return err
	})
	if err == nil {
		err = j.End()
	}
	if err == nil {
		a.config, err = readConfig(config, l)
	}
	if err != nil {
		return a, err
	}
	for _, s := range said {
		if slices.Contains(a.config.prompts, s.from) && s.text != "" {
			a.sentence = strings.TrimSpace(a.sentence + " " + s.text)
		}
		if slices.Contains(a.config.levels, s.from) && s.number != nil {
			a.threshold = s.number
		}
	}
	return a, nil
}

func readTasks(j *api.JSON) (tasks []studioTask, err error) {
	err = j.Array(func(i int) error {
		if i == studioTasks {
			return api.Refuse(api.TooLarge, "more than %d tasks", studioTasks)
		}
		var t studioTask
		err := j.Object(func(name string) error {
			switch name {
			case "id":
				raw, err := j.Raw()
				t.id = api.Cut(string(raw))
				return err
			case "data":
				if !j.Is('{') {
					return api.Refuse(api.BadRequest, "the data of task %d are no object", i+1)
				}
				raw, err := j.Raw()
				t.data = raw
				return err
			}
			return nil
		})
		if t.id == "" {
			t.id = "number " + strconv.Itoa(i+1)
		}
		tasks = append(tasks, t)
		return err
	})
	return tasks, err
}

// studioSaid is what an annotator said in a control.
type studioSaid struct {
	from   string
	text   string
	number *float64
}

// readSaid reads the regions of a context.
func readSaid(j *api.JSON, l api.Limits) (said []studioSaid, err error) {
	err = j.Array(func(i int) error {
		if i == studioTasks {
			return api.Refuse(api.TooLarge, "more than %d regions in the context", studioTasks)
		}
		var s studioSaid
		err := j.Object(func(name string) (err error) {
			switch name {
			case "from_name":
				s.from, err = j.Text(256)
			case "value":
				if !j.Is('{') {
					return nil
				}
				err = j.Object(func(name string) (err error) {
					switch {
					case name == "text" && j.Is('['):
						err = j.Array(func(int) error {
							text, err := j.Text(l.Sentence)
							s.text = strings.TrimSpace(s.text + " " + text)
							if len(s.text) > 2*l.Sentence {
								return api.Refuse(api.TooLarge, "the sentence is longer than the %d bytes that are taken (--max-sentence)", l.Sentence)
							}
							return err
						})
					case name == "text" && j.Is('"'):
						s.text, err = j.Text(l.Sentence)
					case name == "number" && !j.Is('{') && !j.Is('['):
						s.number, err = share(j, "the number of the threshold")
					}
					return err
				})
			}
			return err
		})
		said = append(said, s)
		return err
	})
	return said, err
}
