package main

import (
	"io"
	"os"
	"sync"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// meter shows progress on a terminal, one stage after the other; elsewhere it is silent.
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

// show moves the bar of a stage, making one when the stage is new.
func (m *meter) show(stage string, done, total int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.w == nil || total < 1 {
		return
	}
	if m.stage != stage {
		m.clear()
		m.stage = stage
		m.bar = progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(m.w),
			progressbar.OptionSetDescription(stage),
			progressbar.OptionSetWidth(30),
			progressbar.OptionThrottle(100_000_000), // nanoseconds
			progressbar.OptionClearOnFinish(),
		)
	}
	// An error here is one of the terminal; the work goes on without a bar.
	if err := m.bar.Set64(min(done, total)); err != nil {
		m.bar = nil
		m.w = nil
	}
}

// done takes the bar away.
func (m *meter) done() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clear()
}

func (m *meter) clear() {
	if m.bar != nil {
		if err := m.bar.Clear(); err != nil {
			m.w = nil
		}
	}
	m.bar, m.stage = nil, ""
}
