//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image/png"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/glipvk/glipvk/loader"
)

// chore is a command that writes files, into the folder "out" where it is started. The same command again goes on, or does it anew.
type chore struct {
	name  string
	args  []string
	again []string // that go on where there is a run already, if other ones do
	long  bool     // to be left out where room is wanting, unless all is asked for
	train bool     // files are replaced on the way, and say how long something took
}

// chores are the commands between a download and a number, each with little to do.
func chores(t *testing.T) []chore {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	in := func(parts ...string) string { return filepath.Join(append([]string{root}, parts...)...) }
	label := []string{"label", "--model", "glip-world", "--device", "cpu", "--class", "cat", "--class", "dog = dog, puppy", "--class", "apple", "--threshold", "0.2",
		"--format", strings.Join(labelFormats(), ","), "--split", "train=1,val=1", "--review", "2", "--out", "out"}
	for _, n := range []string{"1", "2", "3"} {
		label = append(label, in("testdata", "world", "scene"+n+".png"))
	}
	d := toy(t)
	scene := in("testdata", "world", "scene1.png")
	return []chore{
		{name: "fetch", args: []string{"fetch", "--mirror", slowHost(t), "--folder", "out", "swin-t"}},
		{name: "convert", args: []string{"convert", "--force", "--precision", "f32", in("world", "glip-world.safetensors"), filepath.Join("out", "world.pth")}},
		{name: "export", args: []string{"export", "--onnx", "--model", "glip-world", "--size", "64", "--data", "beside", "--out", filepath.Join("out", "world.onnx")}},
		{name: "label", args: label},
		{name: "eval", args: []string{"eval", "coco", "--truth", fewTruths(t, in("testdata", "world", "novel.json")), "--images", in("testdata", "world"),
			"--model", "glip-world", "--device", "cpu", "--out", "out"}},
		{name: "train", train: true, long: true, again: []string{"train", "--device", "cpu", "--resume", "out"},
			args: []string{"train", "--device", "cpu", "--weights", "synthetic:1", "--short", "64", "--arch", in("testdata", "glip", "tiny", "arch.json"), "--data", d.path("train.json"),
				"--val", d.path("val.json"), "--batch", "1", "--steps", "2", "--validate", "1", "--average", "0.9", "--out", "out"}},
		{name: "detect", long: true, args: []string{"detect", "--model", "glip-world", "--device", "cpu", "--text", "a red apple and two dogs", "--draw", "--crop", "--out", "out", scene, in("testdata", "world", "scene2.png")}},
		{name: "features", long: true, args: []string{"features", "--model", "swin-world", "--device", "cpu", "--size", "64x64", "--viz", "--out", "out", scene}},
		{name: "man", args: []string{"man", "--out", "out"}},
	}
}

// slowHost serves a file of 4 MB in pieces, with pauses between, by the name of a published one.
func slowHost(t *testing.T) string {
	t.Helper()
	data := make([]byte, 4<<20)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `"1"`)
		http.ServeContent(&slowly{w}, r, "", time.Time{}, bytes.NewReader(data))
	}))
	t.Cleanup(host.Close)
	return host.URL
}

type slowly struct{ http.ResponseWriter }

func (s *slowly) Write(p []byte) (int, error) {
	time.Sleep(time.Millisecond)
	return s.ResponseWriter.Write(p)
}

// fewTruths are the annotations of the first three pictures of a file, of its first three categories.
func fewTruths(t *testing.T, path string) string {
	t.Helper()
	var all struct {
		Images      []map[string]any `json:"images"`
		Categories  []map[string]any `json:"categories"`
		Annotations []map[string]any `json:"annotations"`
	}
	if err := json.Unmarshal(read(t, path), &all); err != nil {
		t.Fatal(err)
	}
	all.Images, all.Categories = all.Images[:3], all.Categories[:3]
	few := all.Annotations[:0]
	for _, a := range all.Annotations {
		if a["image_id"].(float64) <= 3 && a["category_id"].(float64) <= 3 {
			few = append(few, a)
		}
	}
	all.Annotations = few
	data, err := json.Marshal(all)
	if err == nil {
		path = filepath.Join(t.TempDir(), "truth.json")
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// child is the program, started in a folder by a user with empty caches.
func (c chore) child(ctx context.Context, t *testing.T, folder string, env ...string) *exec.Cmd {
	t.Helper()
	args := c.args
	if c.again != nil && exists(filepath.Join(folder, "out", "config.json")) {
		args = c.again
	}
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Dir = folder
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); !strings.HasPrefix(name, "HF_") && name != "TORCH_HOME" && name != "MMENGINE_HOME" {
			cmd.Env = append(cmd.Env, v)
		}
	}
	home := filepath.Join(filepath.Dir(folder), "home")
	cmd.Env = append(append(cmd.Env, asProgram+"=1", "HOME="+home, "XDG_CACHE_HOME="+home), env...)
	return cmd
}

// completes runs the command to its end.
func (c chore) completes(t *testing.T, folder string) time.Duration {
	t.Helper()
	began := time.Now()
	said, err := c.child(t.Context(), t, folder).CombinedOutput()
	if err != nil && !(c.train && strings.Contains(string(said), "has taken 2 steps")) { // it was killed when all was done
		t.Fatalf("%v: %s", err, said)
	}
	return time.Since(began)
}

// remains are the files that a command leaves in a folder, by their names, with the folder's own name taken out of them. A link is where it
// leads. Sums that fetch remembers have times, and are left out, as is its lock.
func remains(t *testing.T, folder string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && (e.IsDir() || e.Name() == "sums.json" || e.Name() == ".lock") {
			return nil
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		if e.Type()&fs.ModeSymlink != 0 {
			files[name], err = os.Readlink(path)
			return err
		}
		data, err := os.ReadFile(path)
		files[name] = timeless(name, strings.ReplaceAll(string(data), folder, "FOLDER"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// timeless is the content of a file of a training without what is another one each time: how long steps took, and the lengths of lines that say so.
func timeless(name, content string) string {
	switch filepath.Base(name) {
	case "metrics.jsonl":
		return regexp.MustCompile(`,"(seconds|left_ns)":[0-9.e+-]+`).ReplaceAllString(content, "")
	case "last.state":
		if len(content) > 8 {
			return regexp.MustCompile(`bytes\\":\d+| +{"`).ReplaceAllString(content[8:], "")
		}
	case "config.json":
		return ""
	}
	return content
}

// underway says whether a file is one that grows, hidden ones too, and of which it is then the beginning: the file of a download, or the record
// itself, line by line.
func underway(name string) (grows bool, of string, lines bool) {
	switch base := filepath.Base(name); {
	case base == ledgerName, base == ".glip-labels.jsonl":
		return true, name, true
	case strings.HasSuffix(name, ".part"):
		return true, strings.TrimSuffix(name, ".part"), false
	case strings.HasSuffix(name, ".part.json"):
		return true, "", false
	}
	return strings.Contains("/"+filepath.ToSlash(name), "/."), "", false
}

// whole wants every file that has its name to be the one of a run that nothing disturbed, or what was there before; and of those that grow,
// what is done to be as it will be, and no less than had, where it is noted.
func (c chore) whole(t *testing.T, folder string, want, before map[string]string, had map[string]int) {
	t.Helper()
	for name, got := range remains(t, folder) {
		grows, of, lines := underway(name)
		if c.train && !grows {
			opens(t, filepath.Join(folder, name))
			continue
		}
		old, there := before[name]
		if !grows && got != want[name] && !(there && got == old) {
			t.Errorf("%s has %d bytes, and is not the file of %d bytes that it becomes", name, len(got), len(want[name]))
		}
		if lines {
			got = got[:strings.LastIndexByte(got, '\n')+1] // a last line may be cut short
		}
		if of == "" {
			continue
		}
		if !strings.HasPrefix(want[of], got) || len(got) < had[name] {
			t.Errorf("%s has %d bytes that are not the beginning of %d, and had %d", name, len(got), len(want[of]), had[name])
		}
		had[name] = len(got)
	}
	for name := range before {
		if _, err := os.Lstat(filepath.Join(folder, name)); err != nil {
			t.Errorf("%s was there before: %v", name, err)
		}
	}
}

// opens wants a file of a training to be one, to its end.
func opens(t *testing.T, path string) {
	t.Helper()
	var err error
	switch data := read(t, path); filepath.Ext(path) {
	case ".safetensors", ".state":
		var c *loader.Checkpoint
		if c, err = loader.Read(bytes.NewReader(data), int64(len(data)), "x.safetensors"); err == nil {
			err = c.Close()
		}
	case ".png":
		_, err = png.Decode(bytes.NewReader(data))
	case ".json":
		err = json.Unmarshal(data, new(any))
	case ".jsonl":
		for line := range bytes.Lines(data) {
			if bytes.HasSuffix(line, []byte("\n")) {
				err = errors.Join(err, json.Unmarshal(line, new(any)))
			}
		}
	default:
		if len(data) == 0 {
			err = errors.New("it is empty")
		}
	}
	if err != nil {
		t.Errorf("%s: %v", path, err)
	}
}

// equals wants the files of a run that nothing disturbed, and no others.
func equals(t *testing.T, folder string, want map[string]string) {
	t.Helper()
	got := remains(t, folder)
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s is left over", name)
		}
	}
	for name, content := range want {
		if text, ok := got[name]; !ok || text != content {
			t.Errorf("%s is another file, of %d bytes and not %d", name, len(text), len(content))
		}
	}
}

// Of the environment: how many moments each command is killed at, how long all of them may take, and the seed.
const (
	killsEnv   = "GLIPVK_KILLS"
	seedEnv    = "GLIPVK_SEED"
	kills      = 30
	killsFor   = 8 * time.Second // of a command, unless their number is asked for
	killsLeast = 3
)

// withoutRaceDetector skips a test of many processes where each would take several times as long.
func withoutRaceDetector(t *testing.T) {
	t.Helper()
	if raceDetector {
		t.Skip("many processes, slow with the race detector: make test-nocgo runs this without it")
	}
}

// A program that is killed at any moment has nothing half-written under its name, and the same command again ends with the files of one
// that nothing disturbed, to the byte, and no others. More moments: make kills.
func TestKilledAtRandom(t *testing.T) {
	withoutRaceDetector(t)
	moments, bounded := kills, true
	if n, err := strconv.Atoi(os.Getenv(killsEnv)); err == nil {
		moments, bounded = n, false
	}
	seed := uint64(time.Now().UnixNano())
	if n, err := strconv.ParseUint(os.Getenv(seedEnv), 10, 64); err == nil {
		seed = n
	}
	for _, c := range chores(t) {
		t.Run(c.name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			root := t.TempDir()
			folder := func(name string) string {
				path := filepath.Join(root, name)
				if err := os.MkdirAll(path, 0o755); err != nil {
					t.Fatal(err)
				}
				return path
			}
			lasts := min(c.completes(t, folder("undisturbed")), c.completes(t, folder("again"))) // what was read before is read faster
			want := remains(t, filepath.Join(root, "undisturbed"))
			began, late, n, had := time.Now(), 0, 0, map[string]int{}
			for ; n < moments && !t.Failed() && !(bounded && n >= killsLeast && time.Since(began) > killsFor); n++ {
				here := folder("killed")
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(random.Int64N(int64(lasts))))
				err := c.child(ctx, t, here).Run()
				cancel()
				if err == nil {
					late++
				}
				c.whole(t, here, want, nil, had)
				if random.IntN(4) == 0 || n+1 == moments { // else it is killed again on the way
					c.completes(t, here)
					equals(t, here, want)
					clear(had)
					if err := os.RemoveAll(here); err != nil {
						t.Fatal(err)
					}
				}
			}
			if here := filepath.Join(root, "killed"); exists(here) {
				c.completes(t, here)
				equals(t, here, want)
			}
			t.Logf("%s=%d: killed at %d moments of %v, %d too late", seedEnv, seed, n, lasts.Round(time.Millisecond), late)
		})
	}
}
