// Command faults lets every kind of Vulkan call fail that runs of glip and of the library make, with each result that the specification allows,
// by the driver of tools/poser, and says which run did not end as it should: with the right results, or with a sentence that
// names the call and a remedy, exit status 1, nothing left on the device and no half-written file.
//
//	go run ./tools/faults         a sample: every function, every result
//	go run ./tools/faults -all    everything
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/glipvk/glipvk/tools/poser/pose"
)

// subject is a run that is tried with faults.
type subject interface {
	ready(context.Context) (counts, error) // runs without one
	try(context.Context, fault) verdict
}

type options struct {
	glip, driver, data, library, only string
	all, say                          bool
	seed                              int
}

func main() {
	var o options
	flag.StringVar(&o.glip, "glip", "bin/glip", "the program")
	flag.StringVar(&o.driver, "driver", "out/poser", "folder where the poser is built")
	flag.StringVar(&o.data, "data", "testdata", "folder of the test data")
	flag.StringVar(&o.library, "library", "", "folder of the test data: answer faults on standard input by uses of the library")
	flag.StringVar(&o.only, "only", "", "subjects and faults, SUBJECT FUNCTION NTH RESULT, that this regular expression finds, of all")
	flag.BoolVar(&o.all, "all", false, "try everything")
	flag.BoolVar(&o.say, "say", false, "print what each run said")
	flag.IntVar(&o.seed, "seed", 1, "of the sample")
	flag.Parse()
	if err := run(context.Background(), o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, out io.Writer) error {
	if o.library != "" {
		return serveLibrary(ctx, o.library, os.Stdin, out)
	}
	dir, err := os.MkdirTemp("", "faults")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	all, err := subjects(o, dir)
	if err != nil {
		return err
	}
	only, err := regexp.Compile(o.only)
	if err != nil {
		return err
	}
	began := time.Now()
	var table report
	for _, s := range all {
		c, err := s.ready(ctx)
		if err != nil {
			return err
		}
		list := planned(c)
		if !o.all && o.only == "" {
			list = sampled(list, s.name, o.seed)
		}
		table.begin(s.name, c)
		if o.only != "" {
			list = slices.DeleteFunc(list, func(f fault) bool { return !only.MatchString(s.name + " " + f.String()) })
		}
		s.each(list, func(f fault) {
			v := s.try(ctx, f)
			table.add(f, v)
			if v.Ended == wrong || o.say {
				fmt.Fprintf(out, "%s: %s (%s): %s %s\n\t%s\n", s.name, f, f.Place, v.Ended, v.Why, v.Said)
			}
		})
		s.stop()
	}
	return table.print(out, time.Since(began))
}

// named is a subject with its name.
type named struct {
	subject
	name      string
	processes int // at a time
	stop      func()
}

// each calls f for each fault, from as many goroutines as the subject has processes.
func (s named) each(list []fault, f func(fault)) {
	work := make(chan fault)
	var running sync.WaitGroup
	for range s.processes {
		running.Go(func() {
			for x := range work {
				f(x)
			}
		})
	}
	for _, x := range list {
		work <- x
	}
	close(work)
	running.Wait()
}

// subjects are the runs.
func subjects(o options, dir string) ([]named, error) {
	manifest, err := pose.Build(o.driver)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	labels, err := annotated(o.data, dir)
	if err != nil {
		return nil, err
	}
	env := []string{"XDG_CACHE_HOME=" + filepath.Join(dir, "cache")}
	tiny := func(name string) string { return filepath.Join(o.data, "glip", "tiny", name) }
	scene := func(n int) string { return filepath.Join(o.data, "world", fmt.Sprintf("scene%d.png", n)) }
	var list []named
	add := func(name string, args ...string) {
		list = append(list, named{&command{name: name, args: append([]string{o.glip, name, "--device", "vulkan", "--no-tune", "--out", "OUT"}, args...), env: env, driver: manifest, dir: dir}, name, runtime.NumCPU(), func() {}})
	}
	add("features", "--model", "glip-world", "--size", "64x64", scene(1), scene(2))
	add("detect", "--arch", tiny("arch.json"), "--weights", tiny("model.pth"), "--vocab", tiny("vocab.txt"), "--class", "cat", "--size", "64",
		"--threshold", "0.001", "--format", "jsonl", "--draw", scene(1), scene(2))
	add("train", "--arch", tiny("arch.json"), "--weights", tiny("model.pth"), "--vocab", tiny("vocab.txt"), "--data", labels, "--images", filepath.Join(o.data, "world"),
		"--mode", "linear", "--batch", "1", "--short", "64", "--steps", "2")
	l := &library{program: self, data: o.data, dir: dir, env: env, driver: manifest}
	return append(list, named{l, "library", 1, l.stop}), nil
}

// annotated writes annotations of two pictures.
func annotated(data, dir string) (string, error) {
	path := filepath.Join(dir, "labels.json")
	return path, os.WriteFile(path, []byte(`{"images": [{"id": 1, "file_name": "scene1.png", "width": 192, "height": 192}, {"id": 2, "file_name": "scene2.png", "width": 192, "height": 192}],
"categories": [{"id": 1, "name": "cat"}], "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [8, 8, 90, 90]}, {"id": 2, "image_id": 2, "category_id": 1, "bbox": [40, 20, 90, 90]}]}`), 0o644)
}
