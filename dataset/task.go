package dataset

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/text"
	"go.yaml.in/yaml/v3"
)

// Task is one of ODinW's, as the YAML files of microsoft/GLIP's configs/odinw_13 and configs/odinw_35 describe it.
type Task struct {
	Path       string       // of the file
	Train      []string     // splits to learn from
	Test       []string     // splits to measure on
	Categories []Category   // the names to use, by the id of the annotations; nil leaves those of the annotations
	Prompts    []text.Affix // what stands around each name in a caption (CAPTION_PROMPT); nil for nothing
	Copies     int          // how often a time through the data shows each picture (GENERAL_COPY); 1 where the file says nothing
	Splits     map[string]Split
}

// Split is a part of a task's data.
type Split struct {
	Annotations string // path of the file
	Pictures    string // path of the folder
}

// Bounds of a task's file.
const (
	mostTask   = 1 << 20
	mostCopies = 1 << 10
)

// taskFile is what of the YAML is read.
type taskFile struct {
	Datasets *struct {
		Prompt   string `yaml:"CAPTION_PROMPT"`
		Override string `yaml:"OVERRIDE_CATEGORY"`
		Copies   *int   `yaml:"GENERAL_COPY"`
		Train    any    `yaml:"TRAIN"`
		Test     any    `yaml:"TEST"`
		Register map[string]struct {
			File   string `yaml:"ann_file"`
			Folder string `yaml:"img_dir"`
		} `yaml:"REGISTER"`
	} `yaml:"DATASETS"`
}

// OpenTask reads a task. root is the folder that its paths are in: the one that holds the folder odinw, or that folder itself. Errors wrap
// [ErrAnnotations] or are those of reading.
func OpenTask(ctx context.Context, path, root string) (*Task, error) {
	data, err := file.ReadAll(ctx, path, mostTask)
	if err != nil {
		return nil, err
	}
	t, err := parseTask(data, root)
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %w: %w; want a task file as those in configs/odinw_13 of microsoft/GLIP", path, ErrAnnotations, err)
	}
	t.Path = path
	return t, nil
}

func parseTask(data []byte, root string) (*Task, error) {
	var f taskFile
	if err := yaml.Unmarshal(data, &f); err != nil {
		return nil, err
	}
	if f.Datasets == nil || len(f.Datasets.Register) == 0 {
		return nil, fmt.Errorf("it has no DATASETS with a REGISTER of splits")
	}
	t := &Task{Copies: 1, Splits: map[string]Split{}}
	for name, s := range f.Datasets.Register {
		if s.File == "" || s.Folder == "" {
			return nil, fmt.Errorf("split %q has no ann_file or no img_dir", name)
		}
		t.Splits[name] = Split{below(root, s.File), below(root, s.Folder)}
	}
	if c := f.Datasets.Copies; c != nil {
		if t.Copies = *c; t.Copies < 1 || t.Copies > mostCopies {
			return nil, fmt.Errorf("GENERAL_COPY is %d, want 1 to %d", *c, mostCopies)
		}
	}
	t.Train, t.Test = tuple(f.Datasets.Train), tuple(f.Datasets.Test)
	return t, t.lists(f.Datasets.Override, f.Datasets.Prompt)
}

// lists reads the two entries that are lists in a string: Python's notation of them is YAML's too.
func (t *Task) lists(override, prompt string) error {
	var names []struct {
		ID   *int64 `yaml:"id"`
		Name string `yaml:"name"`
	}
	if err := yaml.Unmarshal([]byte(override), &names); err != nil {
		return fmt.Errorf("OVERRIDE_CATEGORY: %w", err)
	}
	for i, n := range names {
		if n.ID == nil || n.Name == "" {
			return fmt.Errorf("OVERRIDE_CATEGORY: element %d has no id or no name", i)
		}
		t.Categories = append(t.Categories, Category{*n.ID, n.Name})
	}
	var prompts []struct {
		Prefix string `yaml:"prefix"`
		Name   string `yaml:"name"`
		Suffix string `yaml:"suffix"`
	}
	if err := yaml.Unmarshal([]byte(prompt), &prompts); err != nil {
		return fmt.Errorf("CAPTION_PROMPT: %w", err)
	}
	for i, p := range prompts {
		if p.Name == "" {
			return fmt.Errorf("CAPTION_PROMPT: element %d has no name", i)
		}
		t.Prompts = append(t.Prompts, text.Affix{Prefix: p.Prefix, Name: p.Name, Suffix: p.Suffix})
	}
	return nil
}

// tuple reads ("train",) or a list of YAML.
func tuple(v any) (list []string) {
	switch x := v.(type) {
	case string:
		for part := range strings.SplitSeq(strings.Trim(strings.TrimSpace(x), "()[]"), ",") {
			if name := strings.Trim(strings.TrimSpace(part), `"'`); name != "" {
				list = append(list, name)
			}
		}
	case []any:
		for _, e := range x {
			if name, ok := e.(string); ok {
				list = append(list, name)
			}
		}
	}
	return list
}

// below is the place of a task's path: in root, or, where root is the folder odinw itself, in that.
func below(root, path string) string {
	path = filepath.FromSlash(path)
	joined := filepath.Join(root, path)
	rest, ok := strings.CutPrefix(path, "odinw"+string(filepath.Separator))
	if inside := filepath.Join(root, rest); ok && !exists(joined) && exists(inside) {
		return inside
	}
	return joined
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Split is a part of the data by name.
func (t *Task) Split(name string) (Split, error) {
	s, ok := t.Splits[name]
	if !ok {
		return s, fmt.Errorf("dataset: %s: %w: no split %q, only %q", t.Path, ErrAnnotations, name, slices.Sorted(maps.Keys(t.Splits)))
	}
	return s, nil
}

// Prepared is the name of the subset of a split that was made for so many shots and a seed, such as train_3_30; "" where the
// task has none.
func (t *Task) Prepared(split string, shots, seed int) string {
	name := fmt.Sprintf("%s_%d_%d", split, shots, seed)
	if _, ok := t.Splits[name]; !ok {
		return ""
	}
	return name
}
