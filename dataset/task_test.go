package dataset_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/text"
)

// holes is a task in the form of those of configs/odinw_35.
const holes = `
DATALOADER: {ASPECT_RATIO_GROUPING: false, SIZE_DIVISIBILITY: 32}
DATASETS:
  CAPTION_PROMPT: '[{"prefix": "there are some ", "name": "holes", "suffix": " on
    the road"}, {"prefix": " ", "name": "fish", "suffix": ""}, ]'
  GENERAL_COPY: 16
  OVERRIDE_CATEGORY: '[{"id": 1, "name": "pothole", "supercategory": "potholes"}, {"id": 2, "name": "fish"}]'
  REGISTER:
    train: {ann_file: odinw/holes/train/annotations_without_background.json, img_dir: odinw/holes/train}
    train_3_30: {ann_file: odinw/holes/train/fewshot_train_shot3_seed30.json, img_dir: odinw/holes/train}
    val: {ann_file: odinw/holes/valid/annotations_without_background.json,
      img_dir: odinw/holes/valid}
  TEST: ("val",)
  TRAIN: ("train",)
SOLVER: {MAX_EPOCH: 12}
`

func openTask(t *testing.T, content, root string) (*dataset.Task, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "task.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return dataset.OpenTask(t.Context(), path, root)
}

func TestTask(t *testing.T) {
	root := t.TempDir()
	task, err := openTask(t, holes, root)
	if err != nil {
		t.Fatal(err)
	}
	split, err := task.Split("val")
	want := dataset.Split{Annotations: filepath.Join(root, "odinw", "holes", "valid", "annotations_without_background.json"), Pictures: filepath.Join(root, "odinw", "holes", "valid")}
	if err != nil || split != want {
		t.Errorf("val is %+v, %v", split, err)
	}
	if !reflect.DeepEqual(task.Train, []string{"train"}) || !reflect.DeepEqual(task.Test, []string{"val"}) || task.Copies != 16 {
		t.Errorf("%+v", task)
	}
	if !reflect.DeepEqual(task.Categories, []dataset.Category{{ID: 1, Name: "pothole"}, {ID: 2, Name: "fish"}}) ||
		!reflect.DeepEqual(task.Prompts, []text.Affix{{Prefix: "there are some ", Name: "holes", Suffix: " on the road"}, {Prefix: " ", Name: "fish"}}) {
		t.Errorf("names %+v, prompts %q", task.Categories, task.Prompts)
	}
	if name := task.Prepared("train", 3, 30); name != "train_3_30" || task.Prepared("train", 3, 3) != "" {
		t.Errorf("prepared: %q", name)
	}
	if _, err := task.Split("test"); !errors.Is(err, dataset.ErrAnnotations) || !strings.Contains(err.Error(), `"train_3_30"`) {
		t.Errorf("a split that is not there: %v", err)
	}
	// The folder may be odinw itself.
	inside := filepath.Join(root, "holes", "valid")
	if err := os.MkdirAll(inside, 0o700); err != nil {
		t.Fatal(err)
	}
	if task, err = openTask(t, holes, root); err != nil || task.Splits["val"].Pictures != inside {
		t.Errorf("%+v, %v", task.Splits["val"], err)
	}
}

func TestWrongTask(t *testing.T) {
	for change, says := range map[[2]string]string{
		{"DATASETS", "DATA"}:                     "no DATASETS",
		{"  REGISTER:", "  REGISTERED:"}:         "no DATASETS with a REGISTER",
		{"img_dir: odinw/holes/valid", "a: b"}:   `split "val" has no ann_file or no img_dir`,
		{"COPY: 16", "COPY: 0"}:                  "GENERAL_COPY is 0",
		{"COPY: 16", "COPY: many"}:               "many",
		{`{"id": 2, "name": "fish"}`, `{}`}:      "OVERRIDE_CATEGORY: element 1",
		{`{"id": 2, "name": "fish"}`, `{`}:       "OVERRIDE_CATEGORY",
		{`"name": "holes", `, ""}:                "CAPTION_PROMPT: element 0",
		{"SOLVER: {MAX_EPOCH: 12}", "SOLVER: ["}: "yaml",
	} {
		if _, err := openTask(t, strings.Replace(holes, change[0], change[1], 1), "."); !errors.Is(err, dataset.ErrAnnotations) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", change, err, says)
		}
	}
}

// FuzzTask wants an answer to whatever a file says.
func FuzzTask(f *testing.F) {
	f.Add([]byte(holes))
	f.Add([]byte("DATASETS: {REGISTER: {a: {ann_file: b, img_dir: c}}, OVERRIDE_CATEGORY: '[[', TRAIN: [1, x]}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if task, err := openTask(t, string(data), "root"); err == nil && (len(task.Splits) == 0 || task.Copies < 1) {
			t.Errorf("%+v", task)
		}
	})
}
