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
	"strings"
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
	s, err := newSetting(o, dir)
	if err != nil {
		return err
	}
	all := s.subjects()
	only, err := regexp.Compile(o.only)
	if err != nil {
		return err
	}
	began := time.Now()
	var table report
	for _, m := range s.movers() {
		if o.only != "" && !only.MatchString("moving "+m.name) {
			continue
		}
		f, why, said := m.goesOn(ctx)
		if table.moves++; why != "" || o.say {
			fmt.Fprintf(out, "%s: %s: %s\n\t%s\n", m.name, f, why, said)
		}
		if why != "" {
			table.stuck++
		}
	}
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

// mover is a run that loses its device on the way and must go on.
type mover struct {
	name   string
	goesOn func(context.Context) (f fault, why, said string)
}

// movers are commands that go on on the CPU, and servers that do that or open the device again.
func (s setting) movers() (list []mover) {
	for _, c := range s.moving() {
		for tenths := range 10 {
			list = append(list, mover{c.name + " --on-device-lost cpu", func(ctx context.Context) (fault, string, string) { return goesOn(ctx, c, tenths) }})
		}
	}
	for _, x := range s.serving() {
		list = append(list, mover{"serve --on-device-lost " + x.name, x.goesOn})
	}
	return list
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

// setting is what runs work with.
type setting struct {
	options
	dir, manifest, labels, self string
	env                         []string
}

func newSetting(o options, dir string) (s setting, err error) {
	s = setting{options: o, dir: dir}
	if s.manifest, err = pose.Build(o.driver); err != nil {
		return s, err
	}
	if s.self, err = os.Executable(); err != nil {
		return s, err
	}
	s.env = []string{"XDG_CACHE_HOME=" + filepath.Join(dir, "cache")}
	s.labels, err = annotated(o.data, dir)
	return s, err
}

// command is one of glip's, "features" or "eval coco".
func (s setting) command(name string, args ...string) *command {
	line := slices.Concat([]string{s.glip}, strings.Fields(name), []string{"--device", "vulkan", "--no-tune"}, args)
	if !slices.Contains(args, "OUT") {
		line = append(line, "--out", "OUT")
	}
	return &command{name: name, args: line, env: s.env, driver: s.manifest, dir: s.dir}
}

// moving are runs that go on on the CPU.
func (s setting) moving() []*command {
	return moving(func(name string, args ...string) *command {
		return s.command(name, append(args, "--on-device-lost", "cpu")...)
	}, s.data, s.labels)
}

// subjects are the runs that are tried with faults.
func (s setting) subjects() []named {
	var list []named
	add := func(name string, args ...string) {
		list = append(list, named{s.command(name, args...), name, runtime.NumCPU(), func() {}})
	}
	two := scenes(s.data, 2)
	add("features", append([]string{"--model", "glip-world", "--size", "64x64"}, two...)...)
	add("detect", slices.Concat(detector(s.data), []string{"--class", "cat", "--size", "64", "--threshold", "0.001", "--format", "jsonl", "--draw"}, two)...)
	add("train", append(detector(s.data), "--data", s.labels, "--images", filepath.Join(s.data, "world"), "--mode", "linear", "--batch", "1", "--short", "64", "--steps", "2")...)
	l := &library{program: s.self, data: s.data, dir: s.dir, env: s.env, driver: s.manifest}
	return append(list, named{l, "library", 1, l.stop})
}

// tiny is a file of the detector that runs use, which is quick.
func tiny(data, name string) string { return filepath.Join(data, "glip", "tiny", name) }

// detector are the flags that name it.
func detector(data string) []string {
	return []string{"--arch", tiny(data, "arch.json"), "--weights", tiny(data, "model.pth"), "--vocab", tiny(data, "vocab.txt")}
}

// scenes are the first n pictures.
func scenes(data string, n int) (list []string) {
	for i := range n {
		list = append(list, filepath.Join(data, "world", fmt.Sprintf("scene%d.png", i+1)))
	}
	return list
}

// annotated writes annotations of two pictures.
func annotated(data, dir string) (string, error) {
	path := filepath.Join(dir, "labels.json")
	return path, os.WriteFile(path, []byte(`{"images": [{"id": 1, "file_name": "scene1.png", "width": 192, "height": 192}, {"id": 2, "file_name": "scene2.png", "width": 192, "height": 192}],
"categories": [{"id": 1, "name": "cat"}], "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [8, 8, 90, 90], "area": 8100, "iscrowd": 0}, {"id": 2, "image_id": 2, "category_id": 1, "bbox": [40, 20, 90, 90], "area": 8100, "iscrowd": 0}]}`), 0o644)
}
