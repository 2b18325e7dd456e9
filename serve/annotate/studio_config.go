package annotate

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/serve/api"
)

// Bounds of a labelling configuration.
const (
	configBytes = 256 << 10
	configDepth = 64
)

// studioConfig is what of a labelling configuration is of interest: its first RectangleLabels and what belongs to the same picture.
type studioConfig struct {
	from, to string // names of the control and of its picture; "" where there are no rectangles
	key      string // of the picture's address in a task's data
	labels   []studioLabel
	prompts  []string // names of its text areas
	levels   []string // names of its numbers that set the threshold
}

// studioLabel is a label of the control, and what is looked for to find it.
type studioLabel struct {
	value   string
	phrases []string
}

// control is an element of a configuration that has a name.
type control struct{ tag, name, to, value string }

// readConfig reads a configuration, in XML.
func readConfig(text string, l api.Limits) (c studioConfig, err error) {
	if len(text) > configBytes {
		return c, api.Refuse(api.TooLarge, "label_config has %d bytes, at most %d are taken", len(text), configBytes)
	}
	var controls []control
	d := xml.NewDecoder(strings.NewReader(text))
	for depth, inside := 0, 0; ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return c, api.Refuse(api.BadRequest, "label_config is no XML that can be read: %v", err)
		}
		switch t := token.(type) {
		case xml.Directive:
			return c, api.Refuse(api.BadRequest, "label_config has a <!...> of its own, such as DOCTYPE or ENTITY, which is not read")
		case xml.StartElement:
			if depth++; depth > configDepth {
				return c, api.Refuse(api.BadRequest, "label_config is nested deeper than %d", configDepth)
			}
			at := control{strings.ToLower(t.Name.Local), attribute(t, "name"), attribute(t, "toName"), attribute(t, "value")}
			switch {
			case at.tag == "rectanglelabels" && c.from == "" && at.name != "":
				c.from, c.to, inside = at.name, at.to, depth
			case at.tag == "label" && inside > 0:
				if len(c.labels) == l.Phrases {
					return c, api.Refuse(api.TooLarge, "label_config has more than the %d labels that are taken (--max-phrases)", l.Phrases)
				}
				c.labels = append(c.labels, studioLabel{at.value, cutPhrases(attribute(t, "predicted_values"), at.value)})
			case slices.Contains([]string{"image", "textarea", "number"}, at.tag):
				controls = append(controls, at)
			}
		case xml.EndElement:
			if depth == inside {
				inside = 0
			}
			depth--
		}
	}
	c.resolve(controls)
	return c, nil
}

// cutPhrases are the phrases of a label: those predicted, else its value.
func cutPhrases(predicted, value string) []string {
	if list := named(predicted); len(list) > 0 {
		return list
	}
	return []string{value}
}

// resolve finds the picture of the rectangles, and the other controls of it.
func (c *studioConfig) resolve(controls []control) {
	for _, to := range named(c.to) { // of several pictures the first that there is
		at := slices.IndexFunc(controls, func(o control) bool { return o.tag == "image" && o.name == to })
		if at >= 0 {
			c.to = to
			c.key, _ = strings.CutPrefix(controls[at].value, "$")
			break
		}
	}
	for _, o := range controls {
		switch {
		case !slices.Contains(named(o.to), c.to):
		case o.tag == "textarea":
			c.prompts = append(c.prompts, o.name)
		case o.tag == "number" && strings.HasPrefix(o.name, "box_threshold"):
			c.levels = append(c.levels, o.name)
		}
	}
}

// attribute is an attribute's value; "" if it is not there.
func attribute(t xml.StartElement, name string) string {
	for _, a := range t.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// phrases are what is looked for, each once.
func (c *studioConfig) phrases() (list []string) {
	seen := map[string]bool{}
	for _, l := range c.labels {
		for _, p := range l.phrases {
			if !seen[p] {
				seen[p] = true
				list = append(list, p)
			}
		}
	}
	return list
}

// label is the label of a phrase that was looked for; of one that a sentence had, the first label in it, else the first of all.
func (c *studioConfig) label(phrase string) string {
	in := words(phrase)
	for _, exact := range []bool{true, false} {
		for _, l := range c.labels {
			for _, p := range append(slices.Clone(l.phrases), l.value) {
				if exact && p == phrase || !exact && words(p) != "  " && strings.Contains(in, words(p)) {
					return l.value
				}
			}
		}
	}
	return c.labels[0].value
}

// words are a text's words in small letters, with a space before and after each.
func words(text string) string {
	return " " + strings.Join(strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return strings.ContainsRune(" \t\r\n.,;:!?\"'()", r) }), " ") + " "
}
