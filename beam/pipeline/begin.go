package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/glipvk/glipvk/internal/file"
)

// aboutName is the file of the output that says what was asked.
const aboutName = "about.json"

// about is its content.
type about struct {
	Question string `json:"question"`
	Config   Config `json:"config"`
}

// Begin readies the output. One that has results of the same question is gone on with: shards that are done are kept. One of another
// question is refused, or emptied of its results if overwrite is true. Of a local folder that no other run writes into, alone, what killed
// runs left is swept away. The error wraps glipvk.ErrInput where the caller can choose another folder.
func Begin(ctx context.Context, c Config, overwrite, alone bool) error {
	path := c.file(aboutName)
	var before about
	data, err := load(ctx, path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return wrong("output %s: %w", c.Output, err)
	case json.Unmarshal(data, &before) == nil && before.Question == c.Question() && !overwrite:
		return errors.Join(c.sweep(alone), remove(ctx, c.file(summaryName)))
	case !overwrite:
		return wrong("output %s has the results of another model, query, size, format or number of shards: choose another folder, or have them replaced (Overwrite)", c.Output)
	}
	if err := c.clear(ctx, err == nil, overwrite); err != nil {
		return err
	}
	err = save(ctx, path, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(about{c.Question(), c})
	})
	if err != nil {
		return wrong("output: %w; choose a folder that can be written", err)
	}
	return c.sweep(alone)
}

// clear removes results; of a run that is known, or where that is asked for.
func (c Config) clear(ctx context.Context, known, overwrite bool) error {
	for _, pattern := range []string{marks + "part-*.json", "part-*-of-*.*", "dead-letters-*-of-*.jsonl", summaryName} {
		paths, err := list(ctx, c.file(pattern))
		if err != nil {
			return wrong("output %s: %w", c.Output, err)
		}
		if len(paths) > 0 && !known && !overwrite {
			return wrong("output %s has files that results would replace, such as %s: choose another folder, or have them replaced (Overwrite)", c.Output, paths[0])
		}
		for _, path := range paths {
			if err := remove(ctx, path); err != nil {
				return fmt.Errorf("removing earlier results: %w", err)
			}
		}
	}
	return nil
}

// sweep removes from a local output what killed runs left there.
func (c Config) sweep(alone bool) error {
	if remote(c.Output) || !alone {
		return nil
	}
	for _, folder := range []string{c.Output, c.file(marks)} {
		if err := file.Sweep(folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return wrong("output: %w", err)
		}
	}
	return nil
}
