package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
)

const testdata = "../../../testdata"

// asProgram, in the environment, makes the test binary the program itself.
const asProgram = "GLIPBEAM_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// glipbeam runs the command.
func glipbeam(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, said bytes.Buffer
	code = run(t.Context(), args, &out, &said)
	return code, out.String(), said.String()
}

// The command of the documentation, over a folder in which not everything is a picture.
func TestRun(t *testing.T) {
	folder, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	for name, from := range map[string]string{"chelsea.png": "/pictures/chelsea.png", "truncated.jpg": "/pictures/truncated.jpg", "README.md": "/README.md"} {
		data, err := os.ReadFile(testdata + from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"--runner", "prism", "--weights", "synthetic:8", "--device", "cpu", "--size", "64", "--class", "cat", "--input", folder + "/*", "--output", out}
	code, stdout, stderr := glipbeam(t, args...)
	if code != 0 || stderr != "" || !strings.Contains(stdout, "1 pictures, ") || !strings.Contains(stdout, "2 dead letters") || !strings.Contains(stdout, "picture_seconds") {
		t.Fatalf("exit status %d\n%s%s", code, stdout, stderr)
	}
	small := []string{"--model", "glip-world"}
	small = append(append(small, args[4:len(args)-1]...), filepath.Join(t.TempDir(), "out")) // the others open a model that is smaller
	if code, stdout, stderr = glipbeam(t, small...); code != 0 || strings.Contains(stdout, "shards_kept") {
		t.Errorf("glip-world: exit status %d\n%s%s", code, stdout, stderr)
	}
	args = small
	if code, stdout, stderr = glipbeam(t, args...); code != 0 || !strings.Contains(stdout, "shards_kept") || !strings.Contains(stdout, "1 pictures, ") {
		t.Errorf("given again: exit status %d\n%s%s", code, stdout, stderr)
	}
	if code, stdout, stderr = glipbeam(t, append(args, "--threshold", "0.1")...); code != 2 || !strings.Contains(stderr, "choose another folder, or have them replaced (--overwrite)") {
		t.Errorf("another question: exit status %d\n%s%s", code, stdout, stderr)
	}
	if code, stdout, stderr = glipbeam(t, append(args, "--threshold", "0.1", "--overwrite")...); code != 0 || strings.Contains(stdout, "shards_kept") {
		t.Errorf("--overwrite: exit status %d\n%s%s", code, stdout, stderr)
	}
}

// Wrong usage has a sentence and exit status 2, and writes nothing.
func TestUsage(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	list := filepath.Join(t.TempDir(), "list.txt")
	if err := os.WriteFile(list, []byte("a.png\n"+strings.Repeat("x", 1<<17)), 0o600); err != nil {
		t.Fatal(err)
	}
	detect := []string{"--model", "glip-world", "--device", "cpu", "--input", testdata + "/world/scene1.png", "--output", out}
	for says, args := range map[string][]string{
		"give --input or --list":           {"--class", "cat", "--output", out},
		"--output is not given":            {"--class", "cat", "--input", "x"},
		"unknown flag: --bogus":            {"--bogus"},
		"nothing to look for":              detect,
		"exclude each other":               append(detect, "--class", "cat", "--classes", "names.txt"),
		"--prompt-form":                    append(detect, "--class", "cat", "--prompt-form", "x"),
		"--classes":                        append(detect, "--classes", "missing.txt"),
		"--override":                       append(detect, "--class", "cat", "--override", "x"),
		"--out-indices is of":              append(detect, "--class", "cat", "--out-indices", "1"),
		"--class is of --mode detect":      append(detect, "--class", "cat", "--mode", "features"),
		`--runner "x"`:                     append(detect, "--class", "cat", "--runner", "x"),
		"--attempts":                       append(detect, "--class", "cat", "--attempts", "0"),
		"--max -1":                         append(detect, "--class", "cat", "--max", "-1"),
		`mode "x"`:                         append(detect, "--mode", "x", "--format", "y"),
		`format "x"`:                       append(detect, "--class", "cat", "--format", "x"),
		`size "x"`:                         append(detect, "--class", "cat", "--size", "x"),
		"shards 0":                         append(detect, "--class", "cat", "--shards", "0"),
		"no detector is called":            append(detect, "--class", "cat", "--model", "x"),
		"names no file":                    append(detect, "--class", "cat", "--input", "nowhere/*"),
		"line 2: longer than":              append(detect, "--class", "cat", "--list", list),
		"numbers that no job has":          {"cost", "--seconds", "-1"},
		"want a number above 0":            {"cost", "--pictures", "-1"},
		"unknown command":                  {"x"},
		"--model and --arch exclude":       append(detect, "--class", "cat", "--arch", "a.json"),
		"no Vulkan device has \"nowhere\"": append(detect, "--class", "cat", "--device", "nowhere"),
	} {
		if code, stdout, stderr := glipbeam(t, args...); code != 2 || stdout != "" || !strings.Contains(stderr, says) {
			t.Errorf("%q: exit status %d, %s%s, want %q", args, code, stdout, stderr, says)
		}
		parts, _ := filepath.Glob(filepath.Join(out, "part-*"))
		if len(parts) > 0 {
			t.Fatalf("%q wrote %q", args, parts)
		}
	}
}

// A pipeline that fails is run again, as often as --attempts says, and no more.
func TestAttempts(t *testing.T) {
	args := []string{"--model", "glip-world", "--device", "cpu", "--size", "64", "--class", "dog", "--input", testdata + "/world/scene1.png", "--output", filepath.Join(t.TempDir(), "out")}
	fails, runs := 2, 0
	before := beamRun
	beamRun = func(ctx context.Context, runner string, p *beam.Pipeline) (beam.PipelineResult, error) {
		if runs++; runs <= fails {
			return nil, errors.New("job x failed:\nDoFn y failed:\nthe device is lost")
		}
		return before(ctx, runner, p)
	}
	t.Cleanup(func() { beamRun = before })
	if code, stdout, stderr := glipbeam(t, args...); code != 0 || runs != 3 || !strings.Contains(stderr, "attempt 2 of 3 failed") || !strings.Contains(stdout, "1 pictures") {
		t.Errorf("exit status %d after %d runs: %s%s", code, runs, stdout, stderr)
	}
	fails, runs = 9, 0
	if code, _, stderr := glipbeam(t, append(args, "--attempts", "2")...); code != 1 || runs != 2 || !strings.HasSuffix(stderr, "glipbeam: the pipeline failed: the device is lost\n") {
		t.Errorf("exit status %d after %d runs: %s", code, runs, stderr)
	}
}

// A worker that is killed in the middle loses nothing that was done, and the same command brings the rest.
func TestKilled(t *testing.T) {
	args := []string{"--model", "glip-world", "--device", "cpu", "--size", "256", "--class", "dog", "--threshold", "0.1", "--workers", "1", "--input", testdata + "/world/novel?.png",
		"--input", testdata + "/world/scene?.png", "--input", testdata + "/README.md", "--output"}
	whole, broken := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "broken")
	if code, stdout, stderr := glipbeam(t, append(args, whole)...); code != 0 {
		t.Fatalf("exit status %d: %s%s", code, stdout, stderr)
	}
	child := exec.CommandContext(t.Context(), os.Args[0], append(args, broken)...)
	child.Env = append(os.Environ(), asProgram+"=1")
	var said bytes.Buffer
	child.Stderr = &said
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		marks, _ := filepath.Glob(filepath.Join(broken, ".done", "part-*"))
		if len(marks) > 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("nothing was done in a minute: %s", said.String())
		}
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err == nil {
		t.Fatal("it ended before it was killed")
	}
	some := files(t, broken)
	all := files(t, whole)
	if len(some) >= len(all) {
		t.Fatalf("%d files after a kill in the middle, of %d", len(some), len(all))
	}
	code, stdout, stderr := glipbeam(t, append(args, broken)...)
	if code != 0 || !strings.Contains(stdout, "shards_kept") {
		t.Fatalf("exit status %d: %s%s", code, stdout, stderr)
	}
	some = files(t, broken)
	for name, text := range all {
		if some[name] != text {
			t.Errorf("%s is\n%.300s\nwant\n%.300s", name, some[name], text)
		}
		delete(some, name)
	}
	if len(some) > 0 {
		t.Errorf("there are other files: %v", some)
	}
}

// files are those of an output, but for what was asked.
func files(t *testing.T, folder string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == "about.json" {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(folder, path)
		all[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// An interrupt ends the command soon, with what is done kept.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out := filepath.Join(t.TempDir(), "out")
	go func() {
		for len(func() []string { m, _ := filepath.Glob(filepath.Join(out, ".done", "*")); return m }()) == 0 && t.Context().Err() == nil {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	var stdout, stderr bytes.Buffer
	began := time.Now()
	code := run(ctx, []string{"--model", "glip-world", "--device", "cpu", "--size", "800", "--class", "dog", "--workers", "1", "--input", testdata + "/world/*.png", "--output", out}, &stdout, &stderr)
	if code != 1 || !strings.Contains(stderr.String(), "interrupted") || time.Since(began) > 30*time.Second {
		t.Errorf("exit status %d after %v: %s%s", code, time.Since(began), &stdout, &stderr)
	}
}

// What runners' containers start is told from what people do.
func TestIsWorker(t *testing.T) {
	for args, want := range map[string]bool{"--worker=true --id=1": true, "-worker": true, "--workers 3": false, "--worker_binary x": false, "": false} {
		if got := isWorker(strings.Fields(args)); got != want {
			t.Errorf("%q: %v", args, got)
		}
	}
}
