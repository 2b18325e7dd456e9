package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const addShader = `#version 450
#extension GL_GOOGLE_include_directive : require
#include "operands.glsl"
layout(local_size_x = 64) in;
void main() { y[gl_GlobalInvocationID.x] += x[gl_GlobalInvocationID.x]; }
`

const operands = `layout(set = 0, binding = 0) restrict readonly buffer X { TYPE x[]; };
layout(set = 0, binding = 1) restrict buffer Y { TYPE y[]; };
`

// shop is a shaders folder with one source in two variants. Tests that use it need the compiler.
func shop(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("glslc"); err != nil {
		t.Skip("glslc is not installed: ", err)
	}
	dir := t.TempDir()
	put(t, dir, "variants.json", `[
		{"name": "add_int", "source": "add.comp", "defines": {"TYPE": "int"}},
		{"name": "add_float", "source": "add.comp", "defines": {"TYPE": "float"}, "flags": ["-O0"], "note": "as written"}
	]`)
	put(t, dir, "add.comp", addShader)
	put(t, dir, "include/operands.glsl", operands)
	return dir
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func shaderc(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var stdout bytes.Buffer
	err := run(context.Background(), args, &stdout)
	return stdout.String(), err
}

// expect runs the driver and looks for want in what it prints.
func expect(t *testing.T, want string, args ...string) {
	t.Helper()
	if out, err := shaderc(t, args...); err != nil || !strings.Contains(out, want) {
		t.Fatalf("shaderc %q printed %q (error %v), want %q", args, out, err, want)
	}
}

// expectError runs the driver and looks for each of wants in its error.
func expectError(t *testing.T, args []string, wants ...string) {
	t.Helper()
	_, err := shaderc(t, args...)
	for _, want := range wants {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Fatalf("shaderc %q: error %v, want one with %q", args, err, want)
		}
	}
}

func listing(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "spv"))
	if err != nil {
		return ""
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return strings.Join(names, " ")
}

func TestGenerate(t *testing.T) {
	dir := shop(t)
	expect(t, "2 variants, 2 compiled, 0 unchanged, 0 removed", "-dir", dir)
	if got, want := listing(t, dir), "add_float.spv add_int.spv manifest.json"; got != want {
		t.Fatalf("spv holds %q, want %q", got, want)
	}
	expect(t, "0 compiled, 2 unchanged", "-dir", dir)
	expect(t, "2 compiled, 0 unchanged", "-dir", dir, "-all")
	expect(t, "2 variants compiled, equal to what is committed", "-dir", dir, "-check")

	put(t, dir, "include/operands.glsl", operands+"// a comment\n")
	expectError(t, []string{"-dir", dir, "-check"}, "include/operands.glsl changed: run go generate ./shaders")
	expect(t, "2 compiled", "-dir", dir)

	put(t, dir, "variants.json", `[{"name": "add_int", "source": "add.comp", "defines": {"TYPE": "int"}}]`)
	expect(t, "1 variants, 0 compiled, 1 unchanged, 1 removed", "-dir", dir)
	if got, want := listing(t, dir), "add_int.spv manifest.json"; got != want {
		t.Fatalf("spv holds %q, want %q", got, want)
	}
	put(t, dir, "spv/add_int.spv", "damaged")
	expectError(t, []string{"-dir", dir, "-check"}, "add_int.spv is not the module")
	expect(t, "1 compiled", "-dir", dir)
	put(t, dir, "spv/manifest.json", "{")
	expectError(t, []string{"-dir", dir, "-check"}, "run go generate ./shaders")
	expect(t, "1 compiled", "-dir", dir)
}

// TestFailure demands the command line and the compiler's words, and that nothing is written when any variant fails.
func TestFailure(t *testing.T) {
	for name, tc := range map[string]struct{ source, want string }{
		"error":   {strings.Replace(addShader, "+= x", "+= nothing", 1), "'nothing' : undeclared identifier"},
		"warning": {strings.Replace(addShader, "void main", "#extension GL_EXT_no_such : enable\nvoid main", 1), "extension not supported"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := shop(t)
			put(t, dir, "add.comp", tc.source)
			expectError(t, []string{"-dir", dir}, tc.want, "add.comp -o ", "glslc -O -g --target-env=vulkan1.1 -Werror", "-DTYPE=")
			if got := listing(t, dir); got != "" {
				t.Errorf("spv holds %q after a failure", got)
			}
		})
	}
}

func TestNoCompiler(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "variants.json", "[]")
	expectError(t, []string{"-dir", dir, "-glslc", "no-such-compiler"}, "install it")
}

func TestUsage(t *testing.T) {
	expectError(t, []string{"-dir", t.TempDir()}, "variants.json")
	expectError(t, []string{"extra"}, `unexpected argument "extra"`)
}
