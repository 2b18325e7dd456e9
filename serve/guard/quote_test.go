package guard

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// Rule 13.15: a stranger's text stays one line of a log, and short.
func TestRule13_15(t *testing.T) {
	forged := "cat\n{\"level\":\"ERROR\",\"msg\":\"forged\"}"
	for name, attack := range map[string]string{
		"a line":     forged,
		"a return":   "cat\rforged",
		"colours":    "cat\x1b[31m",
		"backwards":  "cat\u202eforged",
		"a line too": "cat\u2028forged",
		"no text":    "cat\xff\x00",
		"a quote":    "cat\" forged=\"1",
		"long":       strings.Repeat("ä", 1000),
	} {
		succeeds := func(quoted string) bool {
			inner, ok := strings.CutPrefix(strings.TrimSuffix(quoted, `"`), `"`)
			return !ok || len(quoted) > 4*longest || strings.ContainsAny(strings.ReplaceAll(inner, `\"`, ""), "\n\r\x1b\u202e\u2028\x00\"") || !utf8.ValidString(quoted)
		}
		if quoted := Quote(attack); succeeds(quoted) {
			t.Errorf("%s: %s", name, quoted)
		}
		if !succeeds(attack) {
			t.Errorf("%s succeeds not even unquoted, so the test says nothing", name)
		}
	}
	if got := Quote("a cat"); got != `"a cat"` {
		t.Error(got)
	}
}
