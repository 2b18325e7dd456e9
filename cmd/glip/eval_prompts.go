package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/eval"
	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/text"
)

// mostPrompts bounds the file of --prompts, in bytes.
const mostPrompts = 16 << 20

// question is what a run looks for, and the category of each label from 1 on.
type question struct {
	query      glipvk.Query
	categories []int64
}

// asked makes the question: the categories' names by their ids, or what --prompts says of them; a query that is given is taken as it is.
func (b *boxed) asked(ctx context.Context, q glipvk.Query) (question, error) {
	list := slices.DeleteFunc(slices.Clone(b.truths.Categories), func(c eval.Category) bool { return c.ID == 0 || c.Name == "__background__" })
	slices.SortFunc(list, func(x, y eval.Category) int { return cmp.Compare(x.ID, y.ID) })
	a := question{query: q}
	var names []string
	for _, c := range list {
		a.categories, names = append(a.categories, c.ID), append(names, c.Name)
	}
	if len(names) == 0 {
		return a, cli.Usage("--truth %s: there is no category to look for", b.flags.truth)
	}
	var err error
	switch {
	case b.flags.run.prompts != "":
		a.query, err = readPrompts(ctx, b.flags.run.prompts, names)
	case q.Caption == "" && len(q.Classes) == 0:
		a.query = glipvk.Query{Classes: names}
	}
	return a, err
}

// promptName is what stands for a category in a caption: a name, or one with what is around it.
type promptName struct {
	Name   string `json:"name"`
	Prefix string `json:"prefix"`
	Suffix string `json:"suffix"`
}

// UnmarshalJSON reads a text, which is the name alone, or an object.
func (p *promptName) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &p.Name)
	}
	type plain promptName
	return strictJSON(data, (*plain)(p))
}

// strictJSON refuses names that are not known.
func strictJSON(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("something stands behind the end")
	}
	return nil
}

// readPrompts reads --prompts: a list with an element for each category, an object with those that are called otherwise, or a caption with spans.
func readPrompts(ctx context.Context, path string, names []string) (q glipvk.Query, err error) {
	data, err := file.ReadAll(ctx, path, mostPrompts)
	if err != nil {
		return q, cli.Usage("--prompts: %w", err)
	}
	if q, err = parsePrompts(data, names); err != nil {
		return q, cli.Usage("--prompts %s: %w", path, err)
	}
	return q, nil
}

func parsePrompts(data []byte, names []string) (q glipvk.Query, err error) {
	if data = bytes.TrimSpace(data); len(data) > 0 && data[0] == '[' {
		var list []promptName
		if err := strictJSON(data, &list); err != nil {
			return q, err
		}
		if len(list) != len(names) {
			return q, fmt.Errorf("%d elements, want one for each of %d categories by their ids", len(list), len(names))
		}
		return promptQuery(list)
	}
	var keys map[string]json.RawMessage
	if err := strictJSON(data, &keys); err != nil {
		return q, fmt.Errorf("want a list of names, an object of names, or one with caption and spans: %w", err)
	}
	if _, ok := keys["caption"]; ok && keys["spans"] != nil {
		return captionQuery(data, len(names))
	}
	list := make([]promptName, len(names))
	for i, name := range names {
		list[i].Name = name
	}
	for key, value := range keys {
		i := slices.Index(names, key)
		if i < 0 {
			return q, fmt.Errorf("no category is called %.60q", key)
		}
		if err := json.Unmarshal(value, &list[i]); err != nil {
			return q, fmt.Errorf("%.60q: %w", key, err)
		}
	}
	return promptQuery(list)
}

// promptQuery asks for names: as a list where nothing stands around them, else in one caption.
func promptQuery(list []promptName) (q glipvk.Query, err error) {
	plain := true
	var names []string
	var affixes []text.Affix
	for i, p := range list {
		if p.Name == "" {
			return q, fmt.Errorf("element %d has no name", i)
		}
		plain = plain && p.Prefix == "" && p.Suffix == ""
		names, affixes = append(names, p.Name), append(affixes, text.Affix{Prefix: p.Prefix, Name: p.Name, Suffix: p.Suffix})
	}
	if plain {
		return glipvk.Query{Classes: names}, nil
	}
	return affixQuery(names, affixes)
}

// mostAffixed is how many names with something around them one caption may have: longer lists are not one caption in the original.
const mostAffixed = 80

// affixQuery asks for names in one caption with what stands around them.
func affixQuery(names []string, affixes []text.Affix) (q glipvk.Query, err error) {
	if len(names) > mostAffixed {
		return q, fmt.Errorf("%d names with something around them, want at most %d: they are one caption, which is not split", len(names), mostAffixed)
	}
	c, err := dataset.Fixed(names, affixes)
	if err != nil {
		return q, err
	}
	q.Caption = c.Text
	for label := range names {
		q.Spans = append(q.Spans, c.Spans[label+1])
	}
	return q, nil
}

// captionQuery asks for parts of a caption, one for each category.
func captionQuery(data []byte, categories int) (q glipvk.Query, err error) {
	var c struct {
		Caption string   `json:"caption"`
		Spans   [][2]int `json:"spans"`
	}
	if err := strictJSON(data, &c); err != nil {
		return q, err
	}
	if len(c.Spans) != categories {
		return q, fmt.Errorf("%d spans, want one [begin, end] for each of %d categories by their ids", len(c.Spans), categories)
	}
	q.Caption = c.Caption
	for _, s := range c.Spans {
		q.Spans = append(q.Spans, text.Span{Begin: s[0], End: s[1]})
	}
	return q, nil
}
