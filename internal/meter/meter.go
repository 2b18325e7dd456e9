// Package meter shows on a terminal how far long work is, and elsewhere says of what counts, once, that it is slow. The commands use it; it imports
// none of ours.
package meter

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// Meter shows a bar, one stage after the other. The zero value shows nothing. It may be
// used from several goroutines.
type Meter struct {
	w    io.Writer // nil where no bar is shown
	line io.Writer // where no bar is shown: of a stage that counts, a line once it takes longer than this
	wait time.Duration

	mu    sync.Mutex
	said  map[string]string // of stages
	stage string
	since time.Time // of the stage, where there is no bar; zero once the line is there
	bar   *progressbar.ProgressBar
}

// New shows on w if that is a terminal. A pipe gets no bars, but a line on a stage whose words count
// once it has taken a second: who waits should know what for.
func New(w io.Writer) *Meter {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return &Meter{line: w, wait: time.Second}
	}
	return &Meter{w: f}
}

// Say sets the words of a stage, its name otherwise. They may have verbs for what is done and
// the total.
func (m *Meter) Say(stage, words string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.said == nil {
		m.said = map[string]string{}
	}
	m.said[stage] = words
}

// words are those of a stage now.
func (m *Meter) words(stage string, done, total int64) string {
	said, ok := m.said[stage]
	switch {
	case !ok:
		return stage
	case strings.Contains(said, "%d"):
		return fmt.Sprintf(said, done, total)
	}
	return said
}

// Show moves the bar of a stage to done of total, making one when the stage is new.
func (m *Meter) Show(stage string, done, total int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if total < 1 {
		return
	}
	if m.w == nil {
		m.note(stage, done, total)
		return
	}
	words := m.words(stage, done, total)
	if m.bar == nil || m.stage != stage {
		m.clear()
		m.stage = stage
		m.bar = progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(m.w),
			progressbar.OptionSetDescription(words),
			progressbar.OptionSetWidth(30),
			progressbar.OptionThrottle(100_000_000), // nanoseconds
			progressbar.OptionClearOnFinish(),
		)
	}
	m.bar.Describe(words)
	m.keep(m.bar.Set64(min(done, total)))
}

// note writes the line of a slow stage.
func (m *Meter) note(stage string, done, total int64) {
	if m.line == nil || !strings.Contains(m.said[stage], "%d") {
		return
	}
	if m.stage != stage {
		m.stage, m.since = stage, time.Now()
	}
	if m.since.IsZero() || time.Since(m.since) < m.wait {
		return
	}
	m.since = time.Time{}
	if _, err := fmt.Fprintln(m.line, m.words(stage, done, total)); err != nil {
		m.line = nil
	}
}

// Done takes the bar away, so that something else can be printed.
func (m *Meter) Done() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clear()
}

func (m *Meter) clear() {
	if m.bar != nil {
		m.keep(m.bar.Clear())
	}
	m.bar, m.stage = nil, ""
}

// keep goes on without a bar when the terminal fails: the work does not depend on it.
func (m *Meter) keep(err error) {
	if err != nil {
		m.w, m.bar = nil, nil
	}
}
