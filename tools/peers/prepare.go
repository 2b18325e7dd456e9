package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/glipvk/glipvk/internal/ort"
)

// newMesa is the script that runs commands with the newest Mesa.
const newMesa = "tools/newmesa.sh"

// prepared is what the engines need, or why they do not have it.
type prepared struct {
	settings
	scratch string // a folder of this run: programs, models of products, bench's JSON
	bench   string // the program; "" with noBench
	help    string // what bench --help prints
	ort     string // onnxruntime-node's index.js
	node    string // the system's node
	ggml    string // test-backend-ops, inside the folder of newMesa

	noBench, noNew, noORT, noNode, noGGML string            // why not
	noExport                              map[string]string // of exports, by path
	ortIs, ggmlIs                         string            // versions
}

// prepare builds bench and gets the engines. What is missing is said on stderr, and again in the table.
func (s settings) prepare(ctx context.Context, list []work, stderr io.Writer) (*prepared, error) {
	p := &prepared{settings: s}
	for _, folder := range []*string{&p.models, &p.cache, &p.out} {
		path, err := filepath.Abs(*folder)
		if err != nil {
			return nil, err
		}
		*folder = path
	}
	var err error
	if p.scratch, err = os.MkdirTemp("", "peers-"); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(p.cache, 0o755); err != nil {
		return nil, fmt.Errorf("--cache: %w; choose a folder that can be written", err)
	}
	say := func(format string, args ...any) { fmt.Fprintf(stderr, "peers: "+format+"\n", args...) }
	p.getBench(ctx)
	say("%s", newMesa+" make")
	if _, err := p.output(ctx, 15*time.Minute, newMesa, "make"); err != nil {
		p.noNew = err.Error()
	}
	p.getORT(ctx, say)
	p.getGGML(ctx)
	p.getExports(ctx, list, say)
	if err := ctx.Err(); err != nil {
		os.RemoveAll(p.scratch)
		return nil, err
	}
	for _, why := range []string{p.noBench, p.noNew, p.noORT, p.noNode, p.noGGML} {
		if why != "" {
			say("%s", why)
		}
	}
	return p, nil
}

// getBench builds cmd/bench and asks what it can do.
func (p *prepared) getBench(ctx context.Context) {
	path := filepath.Join(p.scratch, "bench")
	if _, err := p.output(ctx, 10*time.Minute, "go", "build", "-buildvcs=auto", "-o", path, "./cmd/bench"); err != nil {
		p.noBench = "go build ./cmd/bench: " + err.Error()
		return
	}
	help, err := p.output(ctx, time.Minute, path, "--help")
	if err != nil {
		p.noBench = "bench --help: " + err.Error()
		return
	}
	p.bench, p.help = path, help
}

// getORT installs onnxruntime-node beside its place in the cache and moves it there. Its install scripts, which would
// fetch what CUDA needs, are not run.
func (p *prepared) getORT(ctx context.Context, say func(string, ...any)) {
	var err error
	if p.node, err = exec.LookPath("node"); err != nil {
		p.noNode = "there is no node on this machine: install nodejs"
	}
	folder := ort.Folder(p.cache)
	p.ort = ort.ModuleIn(folder)
	if _, err := os.Stat(p.ort); err != nil {
		if _, err := exec.LookPath("npm"); err != nil {
			p.noORT = "there is no npm on this machine to install onnxruntime-node with: install npm"
			return
		}
		say("npm install onnxruntime-node@%s", ort.Version)
		made, err := os.MkdirTemp(p.cache, ".onnxruntime-*")
		if err == nil {
			defer os.RemoveAll(made)
			_, err = p.output(ctx, 10*time.Minute, "npm", "install", "--prefix", made, "--ignore-scripts", "--no-audit", "--no-fund",
				"onnxruntime-node@"+ort.Version)
		}
		if err == nil {
			err = errors.Join(os.Chmod(made, 0o755), os.RemoveAll(folder), os.Rename(made, folder))
		}
		if err != nil {
			p.noORT = "npm install onnxruntime-node: " + err.Error()
			return
		}
	}
	if err := os.WriteFile(filepath.Join(p.scratch, "ort.mjs"), ort.Script, 0o600); err != nil {
		p.noORT = err.Error()
		return
	}
	version, err := packageVersion(filepath.Join(filepath.Dir(p.ort), "..", "package.json"))
	if err != nil {
		p.noORT = err.Error()
		return
	}
	p.ortIs = version
}

// getGGML looks for test-backend-ops inside the folder of newMesa.
func (p *prepared) getGGML(ctx context.Context) {
	if p.noNew != "" {
		p.noGGML = p.noNew
		return
	}
	const find = `ls /usr/libexec/*/llama.cpp-tests/test-backend-ops /usr/libexec/llama.cpp-tests/test-backend-ops 2>/dev/null | head -n 1`
	path, err := p.output(ctx, time.Minute, newMesa, "run", "sh", "-c", find)
	if err == nil && path == "" {
		err = errors.New("no test-backend-ops in Debian's llama.cpp-tests")
	}
	if err != nil {
		p.noGGML = err.Error()
		return
	}
	p.ggml = path
	if p.ggmlIs, err = p.output(ctx, time.Minute, newMesa, "run", "dpkg-query", "-W", "-f", "${Version}", "libggml0"); err != nil {
		p.ggmlIs = "unknown"
	}
}

// output runs a command and returns what it printed; its error is the last thing that the command said.
func (p *prepared) output(ctx context.Context, limit time.Duration, argv ...string) (string, error) {
	stdout, stderr, err := execute(ctx, limit, argv)
	if err == nil {
		return strings.TrimSpace(stdout), nil
	}
	if said := lastLine(stderr); said != "" {
		return "", errors.New(said)
	}
	return "", err
}

// errSlow says that a process was ended after its time.
var errSlow = errors.New("ended")

// execute runs a command for at most limit and returns what it printed.
func execute(ctx context.Context, limit time.Duration, argv []string) (stdout, stderr string, err error) {
	short, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var out, problems strings.Builder
	cmd := exec.CommandContext(short, argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = &out, &problems
	// The command may be sudo, which passes on this signal and cannot pass on a kill.
	cmd.Cancel = func() error {
		if runtime.GOOS == "windows" {
			return cmd.Process.Kill()
		}
		return cmd.Process.Signal(syscall.SIGTERM)
	}
	cmd.WaitDelay = 10 * time.Second
	err = cmd.Run()
	if ctx.Err() == nil && short.Err() != nil {
		err = fmt.Errorf("%w after %v, the longest that a process may take here (--timeout)", errSlow, limit)
	}
	return out.String(), problems.String(), err
}
