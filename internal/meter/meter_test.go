package meter

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPipe requires silence anywhere but on a terminal.
func TestPipe(t *testing.T) {
	var out bytes.Buffer
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*Meter{New(&out), New(file), {}} {
		m.Show("stage", 1, 2)
		m.Done()
	}
	if info, err := file.Stat(); err != nil || info.Size() > 0 || out.Len() > 0 {
		t.Errorf("%d bytes in a buffer, file %v, %v", out.Len(), info, err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestStages(t *testing.T) {
	var out bytes.Buffer
	m := &Meter{w: &out} // as on a terminal
	m.Say("three", "making %d of %d things")
	m.Say("four", "looking")
	m.Show("one", 1, 2)
	m.Show("two", 1, 2)
	m.Show("three", 3, 7)
	m.Show("four", 1, 2)
	m.Show("nothing to do", 0, 0)
	m.Done()
	if text := out.String(); !strings.Contains(text, "one") || !strings.Contains(text, "two") || !strings.Contains(text, "making 3 of 7 things") || !strings.Contains(text, "looking") || strings.Contains(text, "nothing") {
		t.Errorf("bars %q", text)
	}
}

// A pipe hears once of a stage that counts and is slow, and of no other.
func TestSlowStage(t *testing.T) {
	var out bytes.Buffer
	m := New(&out)
	m.Say("compile", "compiling %d of %d kernels")
	m.Say("verify", "verifying")
	step := func(stages ...string) {
		for _, stage := range stages {
			m.Show(stage, 214, 480)
			m.Show(stage, 215, 480)
		}
	}
	step("compile", "inputs", "verify")
	m.Done()
	if out.Len() > 0 {
		t.Errorf("before a second has passed: %q", out.String())
	}
	m.wait = 0
	step("compile", "inputs", "verify", "compile")
	if out.String() != "compiling 214 of 480 kernels\n" {
		t.Errorf("%q", out.String())
	}
}

// broken is a terminal that went away.
type broken struct{ writes int }

func (b *broken) Write([]byte) (int, error) {
	b.writes++
	return 0, errors.New("gone")
}

// TestTerminalGone: the work goes on without a bar.
func TestTerminalGone(t *testing.T) {
	b := &broken{}
	m := &Meter{w: b}
	for i := range int64(5) {
		m.Show("stage", i, 5)
	}
	m.Done()
	if m.bar != nil || b.writes == 0 {
		t.Errorf("%d writes, bar %v", b.writes, m.bar)
	}
}
