package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/glipvk/glipvk/tools/shaderc/recipe"
)

// build is one run of the driver over a shaders folder.
type build struct {
	dir      string // shaders folder
	fsys     fs.FS  // the same
	glslc    string // compiler to run
	compiler string // its name and versions
	rows     []recipe.Variant
	old      recipe.Manifest // empty when there is none yet
}

// folder chooses the shaders folder when none is given: go generate runs inside it, people run at the module root.
func folder(dir string) string {
	if dir != "" {
		return dir
	}
	if _, err := os.Stat(recipe.VariantsFile); err == nil {
		return "."
	}
	return "shaders"
}

func open(ctx context.Context, dir, glslc string) (*build, error) {
	b := &build{dir: dir, fsys: os.DirFS(dir), glslc: glslc}
	var err error
	if b.rows, err = recipe.Load(b.fsys); err != nil {
		return nil, err
	}
	if b.old, err = recipe.ReadManifest(b.fsys); err != nil && !errors.Is(err, fs.ErrNotExist) {
		// A damaged manifest only means that everything is compiled again; -check reports it as stale.
		b.old = recipe.Manifest{}
	}
	version, err := exec.CommandContext(ctx, glslc, "--version").Output()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, fmt.Errorf("no %s here: install it (Debian and Ubuntu: apt-get install glslc; or the Vulkan SDK)", glslc)
	}
	if err != nil {
		return nil, fmt.Errorf("%s --version: %w", glslc, err)
	}
	b.compiler = oneLine(string(version))
	return b, nil
}

// oneLine joins the versions that glslc prints before its blank line: "shaderc 2023.2-1, spirv-tools 2022.4, glslang 11.13.0-1".
func oneLine(version string) string {
	versions, _, _ := strings.Cut(strings.ReplaceAll(version, "\r", ""), "\n\n")
	return strings.Join(strings.Split(strings.TrimSpace(versions), "\n"), ", ")
}

// generate compiles the variants whose recipe, compiler or module changed (or all), and writes spv once everything has compiled.
func (b *build) generate(ctx context.Context, all bool, stdout io.Writer) error {
	modules, records, err := b.compileAll(ctx, func(plan recipe.Module) bool { return all || !b.current(plan) })
	if err != nil {
		return err
	}
	manifest := recipe.Manifest{Compiler: b.compiler, Modules: records}
	removed, err := b.write(modules, manifest)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "shaderc: %d variants, %d compiled, %d unchanged, %d removed\n",
		len(records), len(modules), len(records)-len(modules), removed)
	return recipe.Stale(b.fsys, b.rows, manifest)
}

// check compiles everything without writing and compares. Another compiler's output differs without being wrong, so it is compared
// only when its version is the recorded one; sources and arguments are compared always.
func (b *build) check(ctx context.Context, stdout io.Writer) error {
	problems := []error{recipe.Stale(b.fsys, b.rows, b.old)}
	_, records, err := b.compileAll(ctx, func(recipe.Module) bool { return true })
	if err != nil {
		return errors.Join(append(problems, err)...)
	}
	outcome := "equal to what is committed"
	if b.compiler != b.old.Compiler {
		outcome = fmt.Sprintf("modules not compared: they were made by %q, this is %q", b.old.Compiler, b.compiler)
	} else {
		for _, record := range records {
			if old, ok := b.old.Module(record.Name); ok && old.SameRecipe(record) && old.SPV != record.SPV {
				problems = append(problems, fmt.Errorf("%s/%s.spv is not what %s makes of its source: run go run ./tools/shaderc -all",
					recipe.SPVDir, record.Name, b.glslc))
			}
		}
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "shaderc: %d variants compiled, %s\n", len(records), outcome)
	return nil
}

// current reports whether the committed module of plan was made by this compiler from this recipe and is still intact.
func (b *build) current(plan recipe.Module) bool {
	record, ok := b.old.Module(plan.Name)
	if !ok || b.old.Compiler != b.compiler || !record.SameRecipe(plan) {
		return false
	}
	data, err := fs.ReadFile(b.fsys, recipe.Variant{Name: plan.Name}.File())
	return err == nil && recipe.Hash(data) == record.SPV
}

// compileAll compiles the variants that wanted selects, a few at a time, and returns their modules by name and the records of all, in
// the order of the rows. The first failure stops the others.
func (b *build) compileAll(ctx context.Context, wanted func(recipe.Module) bool) (map[string][]byte, []recipe.Module, error) {
	temp, err := os.MkdirTemp("", "shaderc-*")
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(temp)
	records := make([]recipe.Module, len(b.rows))
	compiled := make([][]byte, len(b.rows)) // nil: not wanted
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, v := range b.rows {
		plan, err := v.Plan(b.fsys)
		if err != nil {
			return nil, nil, errors.Join(err, group.Wait())
		}
		records[i] = plan
		if !wanted(plan) {
			old, _ := b.old.Module(v.Name)
			records[i].SPV = old.SPV
			continue
		}
		group.Go(func() error {
			data, err := b.compile(ctx, v, filepath.Join(temp, v.Name+".spv"))
			compiled[i], records[i].SPV = data, recipe.Hash(data)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	modules := map[string][]byte{}
	for i, data := range compiled {
		if data != nil {
			modules[b.rows[i].Name] = data
		}
	}
	return modules, records, nil
}

// compile runs the compiler on v and returns the module, stripped.
func (b *build) compile(ctx context.Context, v recipe.Variant, out string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err // another variant has failed
	}
	args := v.Arguments(out)
	command := exec.CommandContext(ctx, b.glslc, args...)
	command.Dir = b.dir
	if message, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("shader %q does not compile: %w\n  in %s: %s %s\n%s",
			v.Name, err, b.dir, b.glslc, strings.Join(args, " "), message)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		return nil, err
	}
	if data, err = recipe.Strip(data); err == nil {
		data, err = recipe.MatricesKHR(data)
	}
	if err != nil {
		return nil, fmt.Errorf("shader %q: %w", v.Name, err)
	}
	return data, nil
}
