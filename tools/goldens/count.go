package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// event is a line of go test -json.
type event struct{ Action, Package, Test, Output string }

// count is what became of the innermost tests.
type count struct {
	passed map[string]int // by package
	why    map[string]int // reasons for which tests were skipped
	failed int            // tests and packages

	said  map[[2]string]*strings.Builder // by tests of packages that are not over yet
	outer map[[2]string]bool             // tests with tests inside
}

// read counts, and passes on what packages say and what tests said that failed.
func read(stdin io.Reader, stdout io.Writer) (*count, error) {
	c := &count{passed: map[string]int{}, why: map[string]int{}, said: map[[2]string]*strings.Builder{}, outer: map[[2]string]bool{}}
	lines := bufio.NewScanner(stdin)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			e = event{Action: "output", Output: lines.Text() + "\n"} // of something else than a test
		}
		if _, err := io.WriteString(stdout, c.take(e)); err != nil {
			return nil, err
		}
	}
	return c, lines.Err()
}

// take counts an event and returns what of it is to be printed.
func (c *count) take(e event) string {
	test := [2]string{e.Package, e.Test}
	switch {
	case e.Action == "build-output", e.Action == "output" && e.Test == "" && e.Output != "PASS\n":
		return e.Output
	case e.Action == "fail" && e.Test == "":
		c.failed++
	case e.Test == "":
	case e.Action == "run":
		c.said[test] = &strings.Builder{}
		if at := strings.LastIndex(e.Test, "/"); at >= 0 {
			c.outer[[2]string{e.Package, e.Test[:at]}] = true
		}
	case e.Action == "output" && c.said[test] != nil:
		c.said[test].WriteString(e.Output)
	case e.Action == "fail":
		c.failed++
		return c.end(test)
	case e.Action == "skip":
		c.why[reason(c.end(test))]++
	case e.Action == "pass":
		if c.end(test); !c.outer[test] {
			c.passed[e.Package]++
		}
	}
	return ""
}

// end returns what a test said, and forgets it.
func (c *count) end(test [2]string) string {
	said := c.said[test]
	delete(c.said, test)
	if said == nil {
		return ""
	}
	return said.String()
}

// reason is why a test was skipped: what it said, without where.
func reason(said string) string {
	for _, line := range strings.Split(said, "\n") {
		if _, text, ok := strings.Cut(line, ".go:"); ok {
			_, text, _ = strings.Cut(text, ": ")
			return text
		}
	}
	return "for no reason"
}

// module is what the names of the packages begin with.
const module = "github.com/glipvk/glipvk/"

// String is the line that sums up: "goldens: 12 ran (internal/difftest 12), 2 skipped (2: no device), 0 failed".
func (c *count) String() string {
	ran, skipped := 0, 0
	var by, why []string
	for _, p := range slices.Sorted(maps.Keys(c.passed)) {
		ran += c.passed[p]
		by = append(by, fmt.Sprintf("%s %d", strings.TrimPrefix(p, module), c.passed[p]))
	}
	for _, text := range slices.Sorted(maps.Keys(c.why)) {
		skipped += c.why[text]
		why = append(why, fmt.Sprintf("%d: %s", c.why[text], text))
	}
	return fmt.Sprintf("goldens: %d ran%s, %d skipped%s, %d failed", ran, within(by), skipped, within(why), c.failed)
}

// within puts a list in parentheses, nothing where it is empty.
func within(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return " (" + strings.Join(list, "; ") + ")"
}

// verdict is an error where something failed, or nothing ran.
func (c *count) verdict() error {
	switch {
	case c.failed > 0:
		return errors.New("there are failures")
	case len(c.passed) == 0:
		return errors.New("no golden ran")
	}
	return nil
}
