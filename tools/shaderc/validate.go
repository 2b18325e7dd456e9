package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/tools/shaderc/recipe"
)

// newer are the capabilities that our modules have and older validators do not know, by their numbers in SPIR-V.
var newer = map[string]string{"6022": "CooperativeMatrixKHR"}

var unknownCapability = regexp.MustCompile(`Invalid capability operand: (\d+)`)

// validate lets spirv-val judge every module for the environment that it is compiled for. It says how many a validator is too old for.
func validate(ctx context.Context, fsys fs.FS, dir, validator string, stdout io.Writer) error {
	variants, err := recipe.Load(fsys)
	if err != nil {
		return err
	}
	var problems []error
	unknown := map[string]int{}
	for _, v := range variants {
		args := []string{"--target-env", environment(v), filepath.Join(dir, filepath.FromSlash(v.File()))}
		said, err := exec.CommandContext(ctx, validator, args...).CombinedOutput()
		if err == nil {
			continue
		}
		if errors.Is(err, exec.ErrNotFound) {
			return fmt.Errorf("%w: Debian's package spirv-tools has it", err)
		}
		if m := unknownCapability.FindSubmatch(said); m != nil && newer[string(m[1])] != "" {
			unknown[newer[string(m[1])]]++
			continue
		}
		problems = append(problems, fmt.Errorf("%s %s: %w: %s", validator, strings.Join(args, " "), err, strings.TrimSpace(string(said))))
	}
	valid := len(variants) - len(problems)
	for _, capability := range slices.Sorted(maps.Keys(unknown)) {
		valid -= unknown[capability]
		fmt.Fprintf(stdout, "NOT VALIDATED: %d modules, whose capability %s this spirv-val is too old for\n", unknown[capability], capability)
	}
	fmt.Fprintf(stdout, "%d of %d modules are valid SPIR-V for their environments\n", valid, len(variants))
	return errors.Join(problems...)
}

// environment is the target environment of v's module: the last that its compiler is told.
func environment(v recipe.Variant) string {
	env := ""
	for _, arg := range v.Arguments("") {
		if target, ok := strings.CutPrefix(arg, "--target-env="); ok {
			env = target
		}
	}
	return env
}
