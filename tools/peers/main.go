// Command peers times this project beside what a user would pick instead, in one run on one machine: ONNX Runtime on the
// CPU and through WebGPU, and ggml through Vulkan, on the system's Vulkan driver and on the newest Mesa (tools/newmesa.sh).
// It writes peers.md, peers.json and peers.png; with --train it times training beside PyTorch and writes peers-train.md. make peers runs it; it belongs to no test. Backbone and
// detector are also written as ONNX (package onnx) and run in ONNX Runtime, whose numbers are compared with those of our CPU.
//
// Rounds are interleaved: in each round every engine works once on everything, in a process of its own, so that what
// disturbs the machine for a while disturbs all of them. A figure is the median of its rounds, shown with the least and
// the greatest. An engine that cannot run is in the table, with its own words for why.
//
// Exit status: 0 done, 1 nothing could be measured or written, or it was interrupted, 2 wrong usage.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// settings are the flags.
type settings struct {
	rounds   int
	timeout  time.Duration // of one process
	duration time.Duration // for which a process measures where a run is shorter
	models   string        // folder of the .onnx files
	cache    string        // folder of what is downloaded and kept
	out      string        // folder of the report
	only     string        // pattern of works
	training bool          // beside PyTorch, and nothing else
	python   string        // that has PyTorch
}

// run executes the command line and returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	started := false
	cmd := newCommand(&started)
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if ctx.Err() != nil {
		err = errors.New("interrupted: nothing was written")
	}
	fmt.Fprintf(stderr, "peers: %v\n", err)
	if !started {
		return 2
	}
	return 1
}

func newCommand(started *bool) *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use:   "peers [flags]",
		Short: "time this project beside ONNX Runtime and ggml, in one run on one machine",
		Long: `peers times the backbones of GLIP-T and GLIP-L and some matrix products with this
project, ONNX Runtime (CPU and WebGPU) and ggml (Vulkan), on the system's Vulkan
driver and on the newest Mesa, and writes peers.md, peers.json and peers.png.
Rounds are interleaved: in each one every engine works once on everything.

With --train it times GLIP-T's training, part by part, beside PyTorch on the CPU.

Run it in the root of the module. What it needs and does not find (node, npm, root
for the newest Mesa, the models) costs rows of the table, which then say so.`,
		Example: `  peers                            # three rounds, about half an hour on two cores
  peers --rounds 1 --only 'GLIP-T' --out out
  peers --train                    # needs Debian's python3-torch and libopenblas0-pthread`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := s.works()
			if err != nil {
				return err
			}
			*started = true
			if s.training {
				return s.train(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
			}
			return s.main(cmd.Context(), list, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	fl := cmd.Flags()
	fl.IntVar(&s.rounds, "rounds", 3, "how often each engine works on everything")
	fl.DurationVar(&s.timeout, "timeout", 6*time.Minute, "how long one process may take")
	fl.DurationVar(&s.duration, "duration", 2*time.Second, "how long a process measures one model or product, at least one run")
	fl.StringVar(&s.models, "models", filepath.Join("..", "shared", "peers"), "folder that holds swin_t_224.onnx and swin_l_384.onnx")
	fl.StringVar(&s.cache, "cache", filepath.Join(cache, "glipvk", "peers"), "folder in which ONNX Runtime is kept between runs")
	fl.StringVar(&s.out, "out", "docs", "folder that peers.md, peers.json and peers.png are written to")
	fl.BoolVar(&s.training, "train", false, "time training beside PyTorch instead, into peers-train.md and peers-train.json")
	fl.StringVar(&s.python, "python", "/usr/bin/python3", "interpreter that has PyTorch, for --train")
	fl.StringVar(&s.only, "only", "", "regular expression: only models and products whose name matches")
	return cmd
}

// main prepares, measures and writes.
func (s settings) main(ctx context.Context, list []work, stdout, stderr io.Writer) error {
	if err := os.MkdirAll(s.out, 0o755); err != nil {
		return fmt.Errorf("--out: %w; choose a folder that can be written", err)
	}
	p, err := s.prepare(ctx, list, stderr)
	if err != nil {
		return err
	}
	defer os.RemoveAll(p.scratch)
	r := newReport(p, list, s.rounds)
	jobs := p.jobs(list)
	m := newMeter(stderr, s.rounds*len(jobs))
	err = measure(ctx, jobs, s.rounds, r, m)
	m.done()
	if err != nil {
		return err
	}
	r.Agreements = p.compare(ctx, list, func(format string, args ...any) { fmt.Fprintf(stderr, "peers: "+format+"\n", args...) })
	if err := errors.Join(ctx.Err(), r.finish()); err != nil {
		return err
	}
	if err := r.write(s.out); err != nil {
		return err
	}
	_, err = io.WriteString(stdout, r.markdown())
	return err
}
