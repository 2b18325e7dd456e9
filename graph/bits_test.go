package graph_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// A build for 32 bits fails with one sentence, which says what to do.
func TestBits(t *testing.T) {
	for _, arch := range []string{"386", "arm"} {
		cmd := exec.CommandContext(t.Context(), "go", "build", ".")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
		text, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(text), "glipvk needs a processor of 64 bits: build with GOARCH=amd64") || strings.Count(string(text), "\n") != 2 {
			t.Errorf("%s: %v\n%s", arch, err, text)
		}
	}
}
