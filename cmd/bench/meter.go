package main

import (
	"io"
	"os"
	"sync"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// meter shows on a terminal how far the work is, one stage after the other; into a pipe
// it writes nothing.
type meter struct {
	w io.Writer // nil where nothing is shown

	mu    sync.Mutex
	stage string
	bar   *progressbar.ProgressBar
}

func newMeter(w io.Writer) *meter {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return &meter{}
	}
	return &meter{w: f}
}

// show moves the bar of a stage to done of total.
func (m *meter) show(stage string, done, total int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.w == nil || total < 1 {
		return
	}
	if m.bar == nil || m.stage != stage {
		m.clear()
		m.stage = stage
		m.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(m.w), progressbar.OptionSetDescription(stage),
			progressbar.OptionSetWidth(30), progressbar.OptionSetPredictTime(false))
	}
	m.keep(m.bar.Set64(min(done, total)))
}

// done takes the bar away, so that something else can be printed.
func (m *meter) done() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clear()
}

func (m *meter) clear() {
	if m.bar != nil {
		m.keep(m.bar.Clear())
	}
	m.bar = nil
}

// keep goes on without a bar when the terminal fails: the work does not depend on it.
func (m *meter) keep(err error) {
	if err != nil {
		m.w, m.bar = nil, nil
	}
}
