package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// The ways in which a run with a fault ends.
const (
	tolerated  = "tolerated" // with the results of a run without
	ended      = "ended"     // with a sentence and exit status 1
	notReached = "not reached"
	wrong      = "wrong"
)

// verdict is what became of a run.
type verdict struct {
	Ended string
	Why   string // it is wrong
	Said  string
}

// remedy finds what a user can do in a sentence.
var remedy = regexp.MustCompile(`install|update|smaller|fewer|open it again|another device|--device`)

// crash finds what no run may say.
var crash = regexp.MustCompile(`(?m)^panic:|^goroutine \d|^fatal error:|SIG[A-Z]{3,}|a defect of ours`)

// judgeSentence says what is wrong with what a run said of a fault.
func judgeSentence(f fault, said string) string {
	names := by(f.Function)
	switch {
	case crash.MatchString(said):
		return "it crashed"
	case !slices.ContainsFunc(names, func(n string) bool { return strings.Contains(said, n) }):
		return fmt.Sprintf("it names none of %v", names)
	case !remedy.MatchString(said):
		return "it names no remedy"
	}
	return ""
}
