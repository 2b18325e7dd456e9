package labels

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/internal/file"
)

// killed is the environment of a run that is killed: the folder that it writes into.
const killed = "GLIPVK_LABELS_KILLED"

// A program that is killed at any moment has kept every picture that Add returned from.
func TestKill(t *testing.T) {
	if folder := os.Getenv(killed); folder != "" {
		w, err := Create(folder, "yolo", Options{Classes: []string{"cat", "dog"}, Existing: Continue})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range numbered(1 << 14) {
			if w.Has(p.Name) {
				continue
			}
			if err := w.Add(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			fmt.Println("added", p.Name)
		}
		return
	}
	folder := t.TempDir()
	var added []string
	for _, stop := range []int{1, 23} {
		run := exec.Command(os.Args[0], "-test.run=^TestKill$", "-test.v")
		run.Env = append(os.Environ(), killed+"="+folder)
		out, err := run.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := run.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for seen := 0; lines.Scan(); {
			if name, ok := strings.CutPrefix(lines.Text(), "added "); ok {
				added = append(added, name)
				if seen++; seen == stop {
					if err := run.Process.Kill(); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		_ = run.Wait() // it was killed
	}
	w, err := Create(folder, "yolo", Options{Classes: []string{"cat", "dog"}, Existing: Continue})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if len(added) < 24 {
		t.Errorf("only %d were added before the ends", len(added))
	}
	for _, name := range added {
		if !w.Has(name) {
			t.Errorf("%s was added and is lost", name)
		}
		if _, err := os.Stat(filepath.Join(folder, "labels", stem(name)+".txt")); err != nil {
			t.Error(err)
		}
	}
}

// A journal that cannot be written, as where the disk is full, keeps the picture out, and its label file too.
func TestJournalFails(t *testing.T) {
	folder := t.TempDir()
	w, err := Create(folder, "yolo", Options{Classes: []string{"cat", "dog"}})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	list := numbered(2)
	if err := w.Add(t.Context(), list[0]); err != nil {
		t.Fatal(err)
	}
	good := w.journal.f
	if w.journal.f, err = file.Append(w.journal.path, 0o644); err != nil {
		t.Fatal(err)
	}
	w.journal.f.Close() // so that it cannot be written
	if err := w.Add(t.Context(), list[1]); err == nil || !strings.Contains(err.Error(), "1.jpg") || w.Has("1.jpg") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(filepath.Join(folder, "labels", "1.txt")); err == nil {
		t.Error("there is a label file of what was not added")
	}
	w.journal.f = good
	if err := w.Add(t.Context(), list[1]); err != nil {
		t.Errorf("when there is room again: %v", err)
	}
	if s, err := w.Finish(t.Context()); err != nil || s.Pictures != 2 {
		t.Errorf("%+v, %v", s, err)
	}
}

// A journal that is damaged is named, with the line.
func TestDamagedJournal(t *testing.T) {
	for about, tc := range map[string]struct{ text, says string }{
		"no heading":         {"", "line 1"},
		"another file":       {"hello\n", "line 1"},
		"a line of nothing":  {"HEADING\n\n", "line 2"},
		"a class too many":   {`HEADING` + "\n" + `{"name":"a.jpg","w":1,"h":1,"o":[[2,0,0,1,1]]}` + "\n", "line 2"},
		"a short object":     {`HEADING` + "\n" + `{"name":"a.jpg","w":1,"h":1,"o":[[1,0,0,1]]}` + "\n", "line 2"},
		"a crowd of nothing": {`HEADING` + "\n" + `{"name":"a.jpg","w":1,"h":1,"crowds":[0]}` + "\n", "line 2"},
		"a picture twice":    {`HEADING` + "\n" + `{"name":"a.jpg","w":1,"h":1}` + "\n" + `{"name":"a.jpg","w":1,"h":1}` + "\n", "line 3"},
	} {
		t.Run(about, func(t *testing.T) {
			folder := t.TempDir()
			text := strings.ReplaceAll(tc.text, "HEADING", `{"glip_labels":1,"format":"coco","asked":"","classes":["cat","dog"]}`)
			if err := os.WriteFile(filepath.Join(folder, journalName), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := Create(folder, "coco", Options{Classes: []string{"cat", "dog"}, Existing: Continue}); err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%v; want it to name %s", err, tc.says)
			}
		})
	}
}
