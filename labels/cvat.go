package labels

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/glipvk/glipvk/internal/jsonlist"
)

func cvat() Format {
	return Format{
		Name: "cvat", About: "CVAT for images 1.1",
		Files:  "annotations.xml to upload, labels.json for the task's labels (Raw)",
		Writes: true, Reads: true, Scores: true, Empty: true, Clips: true, Upright: true, read: readCVAT,
		open: func(t *target) (*view, error) {
			return &view{documents: []document{
				{"annotations.xml", t.cvat},
				{"labels.json", func(_ context.Context, w io.Writer, _ *pictures) error { return t.cvatLabels(w) }},
			}}, nil
		},
	}
}

// cvat writes the annotations.
func (t *target) cvat(ctx context.Context, w io.Writer, all *pictures) error {
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<annotations>\n  <version>1.1</version>\n  <meta>\n    <task>\n      <labels>\n")
	for _, c := range t.Classes {
		fmt.Fprintf(&b, "        <label>\n          <name>%s</name>\n          <attributes>\n", content(c))
		if t.ScoreAttribute != "" {
			fmt.Fprintf(&b, "            <attribute>\n              <name>%s</name>\n              <mutable>False</mutable>\n              <input_type>text</input_type>\n"+
				"              <default_value></default_value>\n              <values></values>\n            </attribute>\n", content(t.ScoreAttribute))
		}
		b.WriteString("          </attributes>\n        </label>\n")
	}
	b.WriteString("      </labels>\n    </task>\n  </meta>\n")
	if _, err := io.WriteString(w, b.String()); err != nil {
		return err
	}
	number := 0
	err := all.walk(ctx, whole, func(p *Picture) error {
		_, err := io.WriteString(w, t.cvatImage(number, p))
		number++
		return err
	})
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, "</annotations>\n")
	return err
}

// cvatImage is the element of a picture.
func (t *target) cvatImage(number int, p *Picture) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  <image id=\"%d\" name=%s width=\"%d\" height=\"%d\">\n", number, attribute(p.Name), p.Width, p.Height)
	for _, o := range p.Objects {
		fmt.Fprintf(&b, "    <box label=%s source=\"auto\" occluded=\"0\" xtl=\"%.2f\" ytl=\"%.2f\" xbr=\"%.2f\" ybr=\"%.2f\" z_order=\"0\">\n",
			attribute(t.Classes[o.Class]), o.Box.X1, o.Box.Y1, o.Box.X2, o.Box.Y2)
		if t.ScoreAttribute != "" && o.Scored {
			fmt.Fprintf(&b, "      <attribute name=%s>%s</attribute>\n", attribute(t.ScoreAttribute), strconv.FormatFloat(o.Score, 'g', -1, 64))
		}
		b.WriteString("    </box>\n")
	}
	b.WriteString("  </image>\n")
	return b.String()
}

// cvatLabels writes what a task's labels are made from.
func (t *target) cvatLabels(w io.Writer) error {
	type trait struct {
		Name    string   `json:"name"`
		Input   string   `json:"input_type"`
		Mutable bool     `json:"mutable"`
		Values  []string `json:"values"`
	}
	type label struct {
		Name       string  `json:"name"`
		Attributes []trait `json:"attributes"`
	}
	labels := &jsonlist.List{W: w}
	for _, c := range t.Classes {
		l := label{c, []trait{}}
		if t.ScoreAttribute != "" {
			l.Attributes = append(l.Attributes, trait{t.ScoreAttribute, "text", false, []string{""}})
		}
		if err := labels.Add(l); err != nil {
			return err
		}
	}
	if err := labels.End(); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
