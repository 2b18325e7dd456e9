package web

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// npm is the folder with the two packages that drive and judge a browser, from here: "make browser" fills it.
const npm = "../out/npm"

// need is the path of a program, or ends the test: with a failure where REQUIRE_CHROMIUM=1 says that it must run.
func need(t *testing.T, names ...string) string {
	t.Helper()
	for _, name := range names {
		if at, err := exec.LookPath(name); err == nil {
			return at
		}
	}
	missing(t, names[0]+" is not here")
	return ""
}

func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("REQUIRE_CHROMIUM") == "1" {
		t.Fatal(what + ": make browser installs what the page's tests need")
	}
	t.Skip(what + ": make browser installs what the page's tests need, and runs them")
}

// TestModules runs the checks of what the page computes.
func TestModules(t *testing.T) {
	command := exec.CommandContext(t.Context(), need(t, "node"), "--test", "browser/units.mjs")
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestBrowser runs the checks of the page in chromium, before a fake of /v1, and fails on what is not accessible, an error in the
// console, a violated policy or a request to another host. GLIPVK_SHOTS=FOLDER keeps pictures of each state.
func TestBrowser(t *testing.T) {
	node, chromium := need(t, "node"), need(t, "chromium", "chromium-browser", "google-chrome")
	folder := npm
	if given := os.Getenv("GLIPVK_NPM"); given != "" {
		folder = given
	}
	for _, name := range []string{"playwright-core", "axe-core"} {
		if _, err := os.Stat(filepath.Join(folder, "node_modules", name)); err != nil {
			missing(t, folder+" has no "+name)
		}
	}
	command := exec.CommandContext(t.Context(), node, "browser/run.mjs", "--npm", folder, "--chromium", chromium, "--url", newServer(t).URL)
	if shots := os.Getenv("GLIPVK_SHOTS"); shots != "" {
		command.Args = append(command.Args, "--shots", shots)
	}
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	checks := 0
	for lines := bufio.NewScanner(out); lines.Scan(); checks++ {
		var check struct {
			Name  string `json:"check"`
			Error string `json:"error"`
		}
		if err := json.Unmarshal(lines.Bytes(), &check); err != nil {
			t.Errorf("%v: %s", err, lines.Bytes())
		}
		t.Run(check.Name, func(t *testing.T) {
			if check.Error != "" {
				t.Error(check.Error)
			}
		})
	}
	if err := command.Wait(); err != nil || checks < 50 {
		t.Errorf("%d checks, %v\n%s", checks, err, &stderr)
	}
}
