package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/options/jobopts"
	"github.com/glipvk/glipvk/tools/pages"
)

// The commands and flags of docs/beam.md exist. Those of a cluster are not run, and of the others other tests run what they do.
func TestPage(t *testing.T) {
	text, err := os.ReadFile("../../../docs/beam.md")
	if err != nil {
		t.Fatal(err)
	}
	page := pages.Parse("docs/beam.md", string(text))
	_, said, _ := glipbeam(t, "--help")
	_, costs, _ := glipbeam(t, "cost", "--help")
	_, beams, _ := glipbeam(t, "flags")
	known := said + costs + beams
	of := page.Spans
	commands := 0
	for _, command := range page.Commands() {
		if strings.HasPrefix(command, "glipbeam ") || strings.HasPrefix(command, "go run ./cmd/glipbeam ") {
			of = append(of, command)
			commands++
		}
	}
	flag := regexp.MustCompile(`--[a-z][a-z_-]*`)
	others := map[string]bool{"--detector": true, "--worker_pool": true, "--format": true} // bench's, and of Beam's container
	for _, code := range of {
		for _, name := range flag.FindAllString(code, -1) {
			if !others[name] && !regexp.MustCompile(`(?m)(^|[ ,])`+name+`\b`).MatchString(known) {
				t.Errorf("`%s`: no flag %s of glipbeam's or Beam's", code, name)
			}
		}
	}
	if commands < 5 {
		t.Errorf("%d commands only", commands)
	}
	if !strings.Contains(beams, "--parallelism") || strings.Contains(said, "--parallelism") {
		t.Error("Beam's flags are not where they should be: in \"glipbeam flags\" alone")
	}
}

// A job server at an endpoint does the same as the runner that is in the program. Prism's own, which the first run starts, is one.
func TestUniversal(t *testing.T) {
	folder := t.TempDir()
	args := []string{"--model", "glip-world", "--device", "cpu", "--size", "64", "--class", "dog", "--threshold", "0.1", "--input", testdata + "/world/scene?.png", "--output"}
	if code, stdout, stderr := glipbeam(t, append(args, folder+"/prism")...); code != 0 {
		t.Fatalf("exit status %d: %s%s", code, stdout, stderr)
	}
	server, environment := *jobopts.Endpoint, *jobopts.EnvironmentType
	t.Cleanup(func() { *jobopts.Endpoint, *jobopts.EnvironmentType = server, environment })
	if code, stdout, stderr := glipbeam(t, append(args, folder+"/universal", "--runner", "universal", "--endpoint", server, "--environment_type", "loopback")...); code != 0 || !strings.Contains(stdout, "picture_seconds") {
		t.Fatalf("exit status %d: %s%s", code, stdout, stderr)
	}
	inputs := regexp.MustCompile(`"input":"[^"]*testdata`)
	rows := func(name string) (count int, all string) {
		for name, text := range files(t, folder+"/"+name) {
			if strings.HasPrefix(name, "part-") {
				all += text
			}
		}
		return strings.Count(all, "\n"), all
	}
	here, local := rows("prism")
	there, far := rows("universal")
	lines := map[string]bool{}
	for line := range strings.Lines(local) {
		lines[inputs.ReplaceAllString(line, "")] = true
	}
	for line := range strings.Lines(far) {
		if !lines[inputs.ReplaceAllString(line, "")] {
			t.Errorf("not of the local run: %s", line)
		}
		if !strings.Contains(line, `"input":"/`) {
			t.Errorf("a path that depends on where the command was given: %s", line)
		}
	}
	if here != there || here == 0 {
		t.Errorf("%d and %d rows", here, there)
	}
}
