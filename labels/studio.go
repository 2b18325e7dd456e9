package labels

import (
	"cmp"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/glipvk/glipvk/internal/jsonlist"
)

// What a task of Label Studio is made of.
type (
	studioTask struct {
		Data        map[string]string  `json:"data"`
		Predictions []studioPrediction `json:"predictions"`
	}
	studioPrediction struct {
		Model  string         `json:"model_version,omitempty"`
		Score  *float64       `json:"score,omitempty"` // the mean
		Result []studioRegion `json:"result"`
	}
	studioRegion struct {
		ID       string      `json:"id"` // unique in the task
		Type     string      `json:"type"`
		From     string      `json:"from_name"`
		To       string      `json:"to_name"`
		Width    int         `json:"original_width"`
		Height   int         `json:"original_height"`
		Rotation int         `json:"image_rotation"`
		Score    *float64    `json:"score,omitempty"`
		Value    studioValue `json:"value"`
	}
	studioValue struct {
		X        float64  `json:"x"` // per cent of the picture's width or height, as are the next three
		Y        float64  `json:"y"`
		Width    float64  `json:"width"`
		Height   float64  `json:"height"`
		Rotation int      `json:"rotation"`
		Labels   []string `json:"rectanglelabels"`
	}
)

// named is what Label Studio is told, with its defaults.
func (s Studio) named() Studio {
	return Studio{cmp.Or(s.From, "label"), cmp.Or(s.To, "image"), cmp.Or(s.Value, "image"), cmp.Or(s.URL, "/data/local-files/?d=")}
}

func labelStudio() Format {
	return Format{
		Name: "labelstudio", About: "Label Studio's tasks with predictions, for people to correct",
		Files:  "tasks.json to import, config.xml for the project's labelling interface",
		Writes: true, Reads: true, Scores: true, Empty: true, Clips: true, Upright: true, read: readStudio,
		open: func(t *target) (*view, error) {
			return &view{documents: []document{
				{"tasks.json", t.studio},
				{"config.xml", func(_ context.Context, w io.Writer, _ *pictures) error { return t.studioConfig(w) }},
			}}, nil
		},
	}
}

// studio writes the tasks.
func (t *target) studio(ctx context.Context, w io.Writer, all *pictures) error {
	tasks := &jsonlist.List{W: w}
	if err := all.walk(ctx, whole, func(p *Picture) error { return tasks.Add(t.studioTask(p)) }); err != nil {
		return err
	}
	if err := tasks.End(); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (t *target) studioTask(p *Picture) studioTask {
	names := t.Studio.named()
	made := studioPrediction{Model: t.Model, Result: []studioRegion{}}
	sum, scored := 0.0, 0
	for i, o := range p.Objects {
		r := studioRegion{ID: fmt.Sprint("r", i+1), Type: "rectanglelabels", From: names.From, To: names.To, Width: p.Width, Height: p.Height}
		r.Value.Labels = []string{t.Classes[o.Class]}
		r.Value.X, r.Value.Width = perCent(o.Box.X1, o.Box.X2, p.Width)
		r.Value.Y, r.Value.Height = perCent(o.Box.Y1, o.Box.Y2, p.Height)
		if o.Scored {
			r.Score = &o.Score
			sum += o.Score
			scored++
		}
		made.Result = append(made.Result, r)
	}
	if scored > 0 {
		mean := sum / float64(scored)
		made.Score = &mean
	}
	return studioTask{map[string]string{names.Value: names.URL + escaped(p.Name)}, []studioPrediction{made}}
}

// perCent is where a side begins and how long it is, in per cent of all, which it does not leave.
func perCent(low, high float64, size int) (begin, length float64) {
	begin = 100 * low / float64(size)
	return begin, min(100*(high-low)/float64(size), 100-begin)
}

// escaped is a name as a part of an address.
func escaped(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = strings.ReplaceAll(url.QueryEscape(p), "+", "%20")
	}
	return strings.Join(parts, "/")
}

// studioConfig writes the labelling interface that the tasks' names are of.
func (t *target) studioConfig(w io.Writer) error {
	names := t.Studio.named()
	var b strings.Builder
	fmt.Fprintf(&b, "<View>\n  <Image name=%s value=%s/>\n  <RectangleLabels name=%s toName=%s>\n",
		attribute(names.To), attribute("$"+names.Value), attribute(names.From), attribute(names.To))
	for _, c := range t.Classes {
		fmt.Fprintf(&b, "    <Label value=%s/>\n", attribute(c))
	}
	b.WriteString("  </RectangleLabels>\n</View>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// attribute is a text as the value of an attribute of XML, quoted.
func attribute(s string) string { return `"` + content(s) + `"` }

// content is a text between tags of XML.
func content(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder takes all
	return b.String()
}
