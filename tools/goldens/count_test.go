package main

import (
	"strings"
	"testing"
)

// lines writes events as go test -json does.
func lines(events ...[4]string) string {
	var b strings.Builder
	for _, e := range events {
		b.WriteString(`{"Action":"` + e[0] + `","Package":"` + e[1] + `","Test":"` + e[2] + `","Output":"` + e[3] + "\"}\n")
	}
	return b.String()
}

func TestCount(t *testing.T) {
	passing := [][4]string{
		{"start", "p", "", ""},
		{"run", "p", "TestGolden", ""},
		{"run", "p", "TestGolden/cpu", ""},
		{"run", "p", "TestGolden/cpu/a", ""},
		{"output", "p", "TestGolden/cpu/a", `    x_test.go:7: worst is 3\n`},
		{"pass", "p", "TestGolden/cpu/a", ""},
		{"run", "p", "TestGolden/cpu/b", ""},
		{"output", "p", "TestGolden/cpu/b", `=== RUN b\n`},
		{"output", "p", "TestGolden/cpu/b", `    x_test.go:9: full-size case: set X\n`},
		{"skip", "p", "TestGolden/cpu/b", ""},
		{"pass", "p", "TestGolden/cpu", ""},
		{"pass", "p", "TestGolden", ""},
		{"run", "q", "TestGolden", ""},
		{"pass", "q", "TestGolden", ""},
		{"output", "p", "", `PASS\n`},
		{"output", "p", "", `ok  \tp\t0.1s\n`},
		{"pass", "p", "", ""},
	}
	for _, tc := range []struct {
		name, in string
		printed  []string
		hidden   string
		wrong    string
	}{
		{"passes", lines(passing...), []string{"ok  \tp\t0.1s\n", "goldens: 2 ran (p 1; q 1), 1 skipped (1: full-size case: set X), 0 failed\n"}, "worst is 3", ""},
		{
			"fails", lines(append(passing, [4]string{"run", "p", "TestOther", ""}, [4]string{"output", "p", "TestOther", `off by one\n`}, [4]string{"fail", "p", "TestOther", ""}, [4]string{"fail", "p", "", ""})...),
			[]string{"off by one\n", "2 ran", "2 failed"}, "worst is 3", "failures",
		},
		{"builds not", `{"ImportPath":"p","Action":"build-output","Output":"x.go:1: no\n"}` + "\n" + lines([4]string{"fail", "p", "", ""}), []string{"x.go:1: no\n", "1 failed"}, "PASS", "failures"},
		{"nothing ran", lines([4]string{"run", "p", "TestGolden", ""}, [4]string{"skip", "p", "TestGolden", ""}), []string{"0 ran", "1 skipped (1: for no reason)"}, "PASS", "no golden ran"},
		{"no event", "go: cannot find\n", []string{"go: cannot find\n", "0 ran"}, "PASS", "no golden ran"},
	} {
		var out strings.Builder
		err := run(strings.NewReader(tc.in), &out)
		if (err == nil) != (tc.wrong == "") || err != nil && !strings.Contains(err.Error(), tc.wrong) {
			t.Errorf("%s: error %v, want %q", tc.name, err, tc.wrong)
		}
		for _, part := range tc.printed {
			if !strings.Contains(out.String(), part) {
				t.Errorf("%s: no %q in:\n%s", tc.name, part, &out)
			}
		}
		if strings.Contains(out.String(), tc.hidden) {
			t.Errorf("%s: %q is printed:\n%s", tc.name, tc.hidden, &out)
		}
	}
}
