package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/tools/poser/pose"
)

// use is one use of the library: open, detect, measure, close.
type use struct {
	Found  [][]glipvk.Detection
	Timed  int // dispatches that were timed
	Err    string
	Lost   bool
	Live   int // Vulkan objects after Close, by the library
	Opened bool
}

// once uses the library in this process.
func once(ctx context.Context, data string) (u use) {
	err := func() (err error) {
		described, err := os.ReadFile(tiny(data, "arch.json"))
		if err != nil {
			return err
		}
		cfg, err := glip.ParseConfig(described)
		if err != nil {
			return err
		}
		d, err := glipvk.OpenDetector(ctx, "", glipvk.DetectorOptions{
			Options: glipvk.Options{Device: "vulkan", Weights: tiny(data, "model.pth"), Tuning: glipvk.Tuning{Off: true}},
			Arch:    &cfg, Vocabulary: tiny(data, "vocab.txt"), Size: picture.DetectorSize{Short: 64, Long: 64}, Threshold: 0.001,
		})
		if err != nil {
			return err
		}
		u.Opened = true
		defer func() {
			err = errors.Join(err, d.Close())
			u.Live = d.Executor().Live()
		}()
		scene, err := picture.Open(ctx, filepath.Join(data, "world", "scene1.png"), picture.Limits{})
		if err != nil {
			return err
		}
		q := glipvk.Query{Classes: []string{"cat"}}
		if u.Found, err = d.Detect(ctx, q, scene); err != nil {
			return err
		}
		in, err := d.Preprocess(scene)
		if err != nil {
			return err
		}
		timed, err := d.Profile(ctx, q, in)
		u.Timed = len(timed)
		return err
	}()
	if err != nil {
		u.Err, u.Lost = err.Error(), errors.Is(err, engine.ErrDeviceLost)
	}
	return u
}

// serveLibrary answers lines of POSER_FAIL with lines of two uses: with the fault, and without. The poser takes its
// words anew with each instance, and the environment of C is that of Go.
func serveLibrary(ctx context.Context, data string, in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	answers := json.NewEncoder(out)
	for lines.Scan() {
		if err := os.Setenv("POSER_FAIL", lines.Text()); err != nil {
			return err
		}
		first := once(ctx, data)
		counted, fired, err := readCounts(os.Getenv("POSER_COUNT"))
		if err != nil {
			return err
		}
		a := answer{First: first, Counted: counted, Fired: fired}
		if lines.Text() != "" {
			if err := os.Unsetenv("POSER_FAIL"); err != nil {
				return err
			}
			a.Next = once(ctx, data)
		}
		if err := answers.Encode(a); err != nil {
			return err
		}
	}
	return lines.Err()
}

// answer is what became of a fault, and of the next use in the same process.
type answer struct {
	First, Next use
	Counted     counts
	Fired       int
}

// library is a process that uses the library again and again.
type library struct {
	program, data, dir, driver string
	env                        []string

	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	stderr  strings.Builder
	plain   use // without a fault
	counted counts
}

func (l *library) spawn() error {
	l.cmd = exec.Command(l.program, "-library", l.data)
	l.cmd.Env = append(append(os.Environ(), l.env...), pose.Settings{Count: filepath.Join(l.dir, "library.count")}.Env(l.driver)...)
	l.stderr.Reset()
	l.cmd.Stderr = &l.stderr
	in, err := l.cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	l.in, l.out = in, bufio.NewReader(out)
	return l.cmd.Start()
}

// stop ends the process.
func (l *library) stop() {
	if l.cmd != nil {
		_ = l.in.Close()
		_ = l.cmd.Process.Kill()
		_ = l.cmd.Wait()
		l.cmd = nil
	}
}

// ask sends a fault and waits for what became of it. After an error there is a new process.
func (l *library) ask(fail string) (a answer, err error) {
	if l.cmd == nil {
		if err := l.spawn(); err != nil {
			return a, err
		}
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, l.stderr.String())
			l.stop()
		}
	}()
	if _, err := fmt.Fprintln(l.in, fail); err != nil {
		return a, err
	}
	hung := time.AfterFunc(patience, func() { _ = l.cmd.Process.Kill() })
	line, err := l.out.ReadBytes('\n')
	if !hung.Stop() {
		return a, fmt.Errorf("it did not end within %v", patience)
	}
	if err != nil {
		return a, fmt.Errorf("the process ended: %w", err)
	}
	return a, json.Unmarshal(line, &a)
}

// ready learns what a use without a fault gives.
func (l *library) ready(context.Context) (counts, error) {
	for range 2 { // the first makes what caches keep
		l.stop() // a process counts on as long as its words stay
		a, err := l.ask("")
		if err != nil {
			return nil, err
		}
		l.plain = a.First
		if a.First.Err != "" || len(a.First.Found) == 0 || a.First.Timed == 0 || a.First.Live != 0 || a.Counted.live() != 0 {
			return nil, fmt.Errorf("the library without a fault: %+v, %d objects", a.First, a.Counted.live())
		}
		if l.counted = a.Counted; l.counted["vkQueueSubmit"] == 0 {
			return nil, errors.New("the library did not use the poser")
		}
	}
	return l.counted, nil
}

// try uses the library with a fault and then without, in one process.
func (l *library) try(_ context.Context, f fault) verdict {
	a, err := l.ask(f.String())
	v := verdict{Ended: wrong, Said: a.First.Err}
	if err != nil {
		v.Why = err.Error()
		return v
	}
	switch {
	case a.Fired == 0 && a.First.Err == "":
		v.Ended = notReached
		return v
	case a.Counted.live() != 0:
		v.Why = fmt.Sprintf("%d objects were not destroyed", a.Counted.live())
	case a.First.Live != 0:
		v.Why = fmt.Sprintf("%d objects are left by the library's own count", a.First.Live)
	case a.First.Err != "":
		v.Ended, v.Why = ended, judgeSentence(f, a.First.Err)
	case !reflect.DeepEqual(a.First, l.plain):
		v.Why = "it gave other results"
	default:
		v.Ended = tolerated
	}
	if v.Why == "" && strings.HasSuffix(f.Result, "DEVICE_LOST") && a.First.Err != "" && !a.First.Lost {
		v.Why = "the error is not ErrDeviceLost"
	}
	if v.Why == "" && !reflect.DeepEqual(a.Next, l.plain) {
		v.Why = fmt.Sprintf("the next use gave other results: %s", a.Next.Err)
	}
	if v.Why != "" {
		v.Ended = wrong
	}
	return v
}
