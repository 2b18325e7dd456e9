package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/glipvk/glipvk/tools/poser/pose"
)

// patience is how long a run may take: one without a fault takes seconds.
const patience = 2 * time.Minute

// command is a command line that is run as a process.
type command struct {
	name    string
	args    []string // OUT stands for the folder of what is written
	env     []string
	limits  string                                  // of the device, in the poser's words
	driver  string                                  // the poser's manifest
	dir     string                                  // for what it works with
	before  func(context.Context) map[string][]byte // what OUT holds before; nil for nothing
	devices int                                     // that it has at a time, at most; 0 for one
	plain   *ran                                    // without a fault, once it was wanted

	stdout string            // of a run without a fault, if all have the same
	files  map[string][]byte // likewise
}

// ran is what a process left.
type ran struct {
	code     int // -1 where a signal or the end of patience ended it
	stdout   string
	stderr   string
	hung     bool
	files    map[string][]byte
	counted  counts
	fired    int // calls that failed
	problems error
}

// process is a command line with these arguments, as a process that meets the poser, which lets a call fail and counts into a file.
func (c *command) process(ctx context.Context, args []string, fail, count string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(append(os.Environ(), c.env...), pose.Settings{Limits: c.limits, Fail: fail, Count: count}.Env(c.driver)...)
	return cmd
}

// unsound says what is wrong with the end of a run that has all its work done.
func (r ran) unsound() string {
	switch {
	case r.problems != nil:
		return r.problems.Error()
	case r.hung:
		return "it did not end"
	case r.code != 0:
		return fmt.Sprintf("exit status %d, want 0", r.code)
	case r.counted.live() != 0:
		return fmt.Sprintf("%d objects were not destroyed", r.counted.live())
	}
	return ""
}

// start runs the command once, in a folder of its own.
func (c *command) start(ctx context.Context, fail string) ran {
	dir, err := os.MkdirTemp(c.dir, c.name)
	if err != nil {
		return ran{problems: err}
	}
	defer os.RemoveAll(dir)
	out, count := filepath.Join(dir, "out"), filepath.Join(dir, "count")
	if c.before != nil {
		if err := fill(out, c.before(ctx)); err != nil {
			return ran{problems: err}
		}
	}
	args := slices.Clone(c.args)
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "OUT", out)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := c.process(ctx, args, fail, count)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	r := ran{code: cmd.ProcessState.ExitCode(), hung: ctx.Err() != nil, stdout: stdout.String(), stderr: stderr.String()}
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		r.problems = err
		return r
	}
	if r.counted, r.fired, r.problems = readCounts(count); r.problems == nil {
		if r.files, r.problems = folder(out); errors.Is(r.problems, os.ErrNotExist) {
			r.problems = nil
		}
	}
	return r
}

// plainly is a run without a fault, always the same.
func (c *command) plainly(ctx context.Context) ran {
	if c.plain == nil {
		r := c.start(ctx, "")
		c.plain = &r
	}
	return *c.plain
}

// ready learns what runs without a fault give.
func (c *command) ready(ctx context.Context) (counts, error) {
	var runs []ran
	for range 3 { // the first makes what caches keep
		r := c.start(ctx, "")
		if r.problems != nil || r.code != 0 {
			return nil, fmt.Errorf("%s without a fault: status %d, %v\n%s", c.name, r.code, r.problems, r.stderr)
		}
		runs = append(runs, r)
	}
	a, b := runs[1], runs[2]
	if a.stdout == b.stdout {
		c.stdout = a.stdout
	}
	maps.DeleteFunc(a.files, func(name string, data []byte) bool {
		return !bytes.Equal(data, b.files[name]) || strings.HasSuffix(name, ".state")
	}) // whose numbers tell how long steps took
	c.files = a.files
	if c.stdout == "" && len(c.files) == 0 {
		return nil, fmt.Errorf("%s gives nothing that is the same twice", c.name)
	}
	if live := b.counted.live(); live != 0 {
		return nil, fmt.Errorf("%s without a fault leaves %d objects", c.name, live)
	}
	return b.counted, nil
}

// try runs the command with a fault.
func (c *command) try(ctx context.Context, f fault) verdict {
	r := c.start(ctx, f.String())
	v := verdict{Ended: wrong, Said: strings.TrimSpace(r.stderr)}
	if r.problems != nil {
		v.Why = r.problems.Error()
		return v
	}
	switch {
	case r.hung:
		v.Why = fmt.Sprintf("it did not end within %v", patience)
	case r.fired == 0 && r.code == 0:
		v.Ended = notReached
	case r.counted.live() != 0:
		v.Why = fmt.Sprintf("%d objects were not destroyed", r.counted.live())
	case r.code == 0:
		if v.Why = c.differs(r, true); v.Why == "" {
			v.Ended = tolerated
		}
	case r.code == 1:
		if v.Why = judgeSentence(f, r.stderr); v.Why == "" {
			v.Why = c.differs(r, false)
		}
		if v.Why == "" {
			v.Ended = ended
		}
	default:
		v.Why = fmt.Sprintf("exit status %d, want 0 or 1", r.code)
	}
	return v
}

// differs says what of a run is not as it is without a fault; of one that failed files may be missing.
func (c *command) differs(r ran, all bool) string {
	if all && c.stdout != "" && r.stdout != c.stdout {
		return fmt.Sprintf("it printed %q, want %q", r.stdout, c.stdout)
	}
	for name, want := range c.files {
		got, ok := r.files[name]
		if !all && (!ok || c.name == "train") { // what a training leaves is of the steps that it took
			continue
		}
		if !bytes.Equal(got, want) {
			return name + " has other bytes than without the fault"
		}
	}
	return half(r.files)
}
