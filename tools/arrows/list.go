package arrows

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
)

// List asks the go command for every package of the module at dir and all they depend on, tests left out. Settings such as
// "CGO_ENABLED=0" or "GOOS=windows" choose among files with build constraints.
func List(ctx context.Context, dir string, settings ...string) ([]Package, error) {
	return list[Package](ctx, dir, settings, "-json=ImportPath,Imports,Standard")
}

// list reads what the go command reports of each package.
func list[P any](ctx context.Context, dir string, settings []string, flags ...string) ([]P, error) {
	// -e: a file that does not compile is the compiler's to report.
	command := exec.CommandContext(ctx, "go", append(append([]string{"list", "-e", "-deps"}, flags...), "./...")...)
	command.Dir = dir
	command.Env = append(command.Environ(), settings...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("go list in %s: %w: %s", dir, err, stderr.Bytes())
	}
	var packages []P
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var p P
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages, nil
		}
		if err != nil {
			return nil, fmt.Errorf("go list in %s: %w", dir, err)
		}
		packages = append(packages, p)
	}
}
