package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/train"
	"golang.org/x/term"
)

// show tells how far a training is: on a terminal in a line that is rewritten, elsewhere in a line a second at most.
type show struct {
	mu             sync.Mutex
	plan           *trainPlan
	data           trainData
	stdout, stderr io.Writer
	terminal       *os.File // stderr, where that is one
	executor       *executor.Executor
	peak           float64 // of products on the device with this name, GFLOP/s; 0 if it is not known
	peaked         string
	curves         curves
	said           time.Time       // when the last line was written
	drawn          time.Time       // when the curves were
	named          map[string]bool // pictures that were passed over
	step, bestStep int
	best           float64 // AP, below 0 before the first
	failed         bool    // a drawing could not be written, which was said
}

// peakBudget is how long the device's peak is measured.
const peakBudget = 200 * time.Millisecond

func newShow(ctx context.Context, p *trainPlan, t *train.Trainer, d trainData, stdout, stderr io.Writer) (*show, error) {
	s := &show{plan: p, data: d, stdout: stdout, stderr: stderr, executor: t.Executor(), named: map[string]bool{}, best: -1}
	if f, ok := stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		s.terminal = f
	}
	s.curves.load(ctx, filepath.Join(p.Out, "metrics.jsonl"))
	for i, ap := range s.curves.ap {
		s.rank(int(s.curves.measured[i]), ap)
	}
	if p.Device != "reference" { // whose products take minutes
		switch err := s.measure(ctx); {
		case err == nil:
		case ctx.Err() != nil || errors.Is(err, engine.ErrDeviceLost):
			return nil, err
		default: // the training may take less
			s.note("the device's peak is not known: %s", cli.Words(err.Error()))
		}
	}
	return s, nil
}

// measure finds the device's peak.
func (s *show) measure(ctx context.Context) (err error) {
	s.peak, err = executor.Again(ctx, s.executor, func() (float64, error) { return s.executor.Peak(ctx, peakBudget) })
	s.peaked = s.executor.Device().Name
	return err
}

// rank notes a measurement; the later of equals is the best.
func (s *show) rank(step int, ap float64) {
	if ap >= s.best {
		s.best, s.bestStep = ap, step
	}
}

// report takes a step or a measurement.
func (s *show) report(r train.Report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.curves.add(r)
	s.passed(r.Passed)
	s.step = r.Step
	switch {
	case r.AP != nil:
		s.rank(r.Step, *r.AP)
		words := ""
		switch {
		case s.bestStep == r.Step && s.best > 0:
			words = ", the best so far"
		case s.best > 0:
			words = fmt.Sprintf("; the best is %.4f, after step %d", s.best, s.bestStep)
		}
		s.print("step %d: AP %.4f%s", r.Step, *r.AP, words)
		s.draw()
	case r.Skipped != "":
		s.note("step %d was skipped: %s", r.Step+1, r.Skipped)
	default:
		s.taken(r)
	}
	if r.Stopped != "" {
		s.print("it ends here: %s", r.Stopped)
	}
	if time.Since(s.drawn) > time.Minute {
		s.draw()
	}
}

// taken shows a step.
func (s *show) taken(r train.Report) {
	line := s.line(r)
	if s.terminal != nil {
		s.over(line)
		return
	}
	if r.Step == 1 || r.Step == r.Steps || time.Since(s.said) >= time.Second {
		s.said = time.Now()
		fmt.Fprintln(s.stdout, line)
	}
}

// line describes a step.
func (s *show) line(r train.Report) string {
	l := r.Losses
	text := fmt.Sprintf("step %d/%d  %s left  loss %.4g (box %.3g, centre %.3g, token %.4g)  rate %.2g  %.3g pictures/s", r.Step, r.Steps, r.Left.Round(time.Second), l.Sum(), l.Box, l.Centerness, l.Token, r.Rate,
		float64(s.plan.Batch)/max(r.Seconds, 1e-9))
	if share := s.share(r); share > 0 {
		text += fmt.Sprintf("  %.2g %% of peak", 100*share)
	}
	memory := r.Bytes
	if s.executor.Device().Vulkan == nil { // whose memory is the process's
		memory = max(resident(), memory)
	}
	return text + "  " + bytesText(memory)
}

// share is that of the device's peak, which a step reached; 0 if it is not known.
func (s *show) share(r train.Report) float64 {
	if s.peak == 0 || r.Seconds == 0 || s.executor.Device().Name != s.peaked { // it went on on another
		return 0
	}
	return float64(r.FLOPs) / 1e9 / r.Seconds / s.peak
}

// passed says which pictures others took the place of, each once.
func (s *show) passed(list []string) {
	for _, text := range list {
		if s.named[text] || len(s.named) > mostNamed {
			continue
		}
		if s.named[text] = true; len(s.named) > mostNamed {
			s.note("more pictures were passed over; metrics.jsonl names them")
			return
		}
		s.note("passed over: %s", text)
	}
}

// print writes a line to stdout.
func (s *show) print(format string, args ...any) {
	s.clear()
	fmt.Fprintf(s.stdout, format+"\n", args...)
}

// note writes a line to stderr.
func (s *show) note(format string, args ...any) {
	s.clear()
	fmt.Fprintf(s.stderr, "glip: "+format+"\n", args...)
}

// say is note for others than the training.
func (s *show) say(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note("%s", text)
}

// clear takes the line of the terminal away.
func (s *show) clear() {
	if s.terminal != nil {
		s.over("")
		fmt.Fprint(s.terminal, "\r")
	}
}

// over writes a line over the terminal's last, to its end: blanks do that on consoles too that know no control sequences.
func (s *show) over(line string) {
	width := 80
	if w, _, err := term.GetSize(int(s.terminal.Fd())); err == nil && w > 0 {
		width = w
	}
	fmt.Fprintf(s.terminal, "\r%-*.*s", width-1, width-1, line)
}

// end leaves the terminal clean and the curves drawn.
func (s *show) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	s.draw()
}

// conclude says what there is now, and what to do with it.
func (s *show) conclude() {
	p := s.plan
	name := "last." + p.Format
	at := func(name string) string { return filepath.Join(p.Out, name) }
	if s.best > 0 {
		name = "best." + p.Format
		fmt.Fprintf(s.stdout, "%s: the best, AP %.4f after step %d\n", at(name), s.best, s.bestStep)
	}
	fmt.Fprintf(s.stdout, "%s: the last, after step %d\n", at("last."+p.Format), s.step)
	if s.curves.drawable() {
		fmt.Fprintf(s.stdout, "%s: the losses of each step\n", at("loss.png"))
	}
	if p.Overfit > 0 {
		fmt.Fprintln(s.stdout, s.curves.verdict())
	}
	if set := s.data.train; set.Pictures[0].Caption == "" {
		fmt.Fprintf(s.stdout, "try it: %s\n", p.detect(at(name), s.data))
	}
}

// detect is a command that looks for the first category. The file of the weights says what else it takes.
func (p *trainPlan) detect(weights string, d trainData) string {
	words := []string{"glip detect --weights", quoted(weights)}
	if p.Mode == string(train.Prompt) { // its table belongs to the caption of the training
		words = append(words, "--classes", quoted(filepath.Join(p.Out, "classes.txt")))
	} else {
		words = append(words, "--class", quoted(d.train.Names()[0]))
	}
	set := d.train
	if d.val != nil {
		set = d.val
	}
	return strings.Join(append(words, "--draw --out", quoted(filepath.Join(p.Out, "found")), quoted(set.Pictures[0].Path)), " ")
}

// quoted is a word of a command line.
func quoted(word string) string {
	if strings.ContainsAny(word, " \t\n'\"\\$`*?[](){}<>|&;#~!") || word == "" {
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return word
}

// resident is the memory of this process in bytes, 0 where the system does not say so (it does on Linux).
func resident() int64 {
	data, err := file.ReadAll(context.Background(), "/proc/self/statm", 1<<10)
	var all, held int64
	if n, _ := fmt.Sscan(string(data), &all, &held); err != nil || n < 2 {
		return 0
	}
	return held * int64(os.Getpagesize())
}
