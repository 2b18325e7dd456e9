package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/internal/meter"
	"github.com/glipvk/glipvk/picture"
)

// outcome is what became of an input, whatever was computed.
type outcome struct {
	item
	picture *picture.Picture // from when it is read until its files are written; nil for a tensor
	unread  bool             // err is that of reading
	seconds float64
	checks  []glipvk.Difference
	files   []string
	err     error
}

// verified is false if something was compared and found wrong.
func (o *outcome) verified() bool {
	for _, d := range o.checks {
		if !d.OK() {
			return false
		}
	}
	return true
}

// flow takes inputs through the stream of a model, prints what became of each as soon as it
// is known, and goes on where one fails.
type flow[R any] struct {
	outcomes []*outcome
	before   int                         // inputs that were done in a run before
	open     func(context.Context) error // readies the model; nil where it is
	begin    func() error                // prints what comes first
	limits   picture.Limits
	stored   bool // pictures are not turned upright
	prepare  func(...picture.Picture) (picture.Input, error)
	check    func(picture.Input) error // refuses a tensor; may be nil
	stream   func(context.Context, iter.Seq[glipvk.Load]) iter.Seq2[R, error]
	finish   func(ctx context.Context, i int, r R) error // compares and writes
	show     func(i int) error                           // prints
	end      func(done int) error                        // prints what comes last, after an interrupt too
	meter    *meter.Meter
	stderr   io.Writer
}

// hurry is how long an interrupted command waits for the input that it works on.
const hurry = 200 * time.Millisecond

// run does the work. When ctx ends it waits for nobody: what is finished is printed, and the
// error says what is not.
func (f *flow[R]) run(ctx context.Context) error {
	var failed error
	if f.open != nil && len(f.outcomes) > 0 {
		failed = f.open(ctx)
		f.meter.Done()
	}
	if failed != nil && ctx.Err() == nil {
		return failed
	}
	if err := f.begin(); err != nil {
		return err
	}
	if failed != nil || len(f.outcomes) == 0 {
		return errors.Join(f.end(0), f.verdict(ctx, 0))
	}
	finished, left := make(chan error), make(chan struct{})
	defer close(left)
	go f.work(ctx, finished, left)
	late := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { time.Sleep(hurry); close(late) })
	defer stop()
	done, err := f.collect(finished, late)
	if err != nil {
		return err
	}
	return errors.Join(f.end(done), f.verdict(ctx, done))
}

// collect prints what is finished, and returns how many are. Its error is that of printing.
func (f *flow[R]) collect(finished <-chan error, late <-chan struct{}) (done int, err error) {
	defer f.meter.Done()
	for {
		f.meter.Show("inputs", int64(done), int64(len(f.outcomes)))
		select {
		case failed, more := <-finished:
			if !more {
				return done, nil
			}
			f.meter.Done() // room for what is printed
			f.outcomes[done].err = failed
			if failed != nil {
				fmt.Fprintf(f.stderr, "glip: %s%s\n", cli.Words(failed.Error()), cli.Hint(failed))
			}
			if err := f.show(done); err != nil {
				return done, err
			}
			done++
		case <-late:
			return done, nil
		}
	}
}

// work computes the inputs, in order, and tells of each how it ended.
func (f *flow[R]) work(ctx context.Context, finished chan<- error, left <-chan struct{}) {
	defer close(finished)
	i := 0
	for r, err := range f.stream(ctx, f.loads()) {
		if i == len(f.outcomes) {
			return // the stream's word that it was interrupted
		}
		o := f.outcomes[i]
		if err == nil {
			err = f.finish(ctx, i, r)
		}
		if err != nil && !o.unread {
			err = fmt.Errorf("%s: %w", o.path, err)
		}
		o.picture = nil
		if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			return
		}
		select {
		case finished <- err:
		case <-left:
			return
		}
		i++
	}
}

// loads are the inputs as a stream takes them.
func (f *flow[R]) loads() iter.Seq[glipvk.Load] {
	return func(yield func(glipvk.Load) bool) {
		for _, o := range f.outcomes {
			load := func(ctx context.Context) (picture.Input, error) {
				in, err := f.load(ctx, o)
				o.unread = err != nil
				return in, err
			}
			if !yield(load) {
				return
			}
		}
	}
}

// load reads an input and takes a picture through the model's pipeline.
func (f *flow[R]) load(ctx context.Context, o *outcome) (picture.Input, error) {
	pic, tensor, err := readInput(ctx, o.item, f.limits, picture.IgnoreOrientation(f.stored))
	switch {
	case err != nil:
		return picture.Input{}, err
	case tensor == nil:
		var in picture.Input
		o.picture = pic
		if in, err = f.prepare(*pic); err == nil {
			return in, nil
		}
	case f.check != nil:
		err = f.check(*tensor)
	}
	if err != nil {
		return picture.Input{}, unread(fmt.Errorf("%s: %w", o.path, err))
	}
	return *tensor, nil
}

// verdict is what decides the exit status: an interrupt, then failures of ours, wrong numbers, bad input.
func (f *flow[R]) verdict(ctx context.Context, done int) error {
	var failed, wrong int
	var worst error
	for _, o := range f.outcomes[:done] {
		if o.err != nil {
			failed++
			if worst == nil || cli.ExitCode(o.err) == cli.Failure {
				worst = o.err
			}
		}
		if !o.verified() {
			wrong++
		}
	}
	if left := f.outcomes[done:]; len(left) > 0 && ctx.Err() != nil {
		return &cli.Interrupted{Rest: fmt.Sprintf("%d of %s done, %d failed, %d left: %s",
			f.before+done-failed, counted(f.before+len(f.outcomes), "input", "inputs"), failed, len(left), paths(left))}
	}
	summary := fmt.Errorf("%d of %d inputs failed", failed, f.before+len(f.outcomes))
	switch {
	case done < len(f.outcomes): // which a stream does that cannot begin
		return worst
	case failed > 0 && cli.ExitCode(worst) == cli.Failure:
		return summary
	case wrong > 0:
		return fmt.Errorf("%w: %d of %d inputs differ from the CPU reference by more than the precision explains", cli.ErrWrong, wrong, done)
	case failed > 0:
		return cli.Blame(summary)
	}
	return nil
}

// paths lists a few inputs, of many the first and how many more.
func paths(list []*outcome) string {
	var names []string
	for _, o := range list {
		names = append(names, o.path)
	}
	return few(names)
}

// few lists a few names, of many the first and how many more.
func few(names []string) string {
	const most = 5
	if more := len(names) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], " "), more)
	}
	return strings.Join(names, " ")
}

// counted is a number with its noun.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// outcomesOf are those of the results.
func outcomesOf[T interface{ of() *outcome }](results []T) []*outcome {
	list := make([]*outcome, len(results))
	for i, r := range results {
		list[i] = r.of()
	}
	return list
}

func (o *outcome) of() *outcome { return o }
