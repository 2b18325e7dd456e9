package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestValidate gives the validator modules that it must take, and the same ones damaged, or for an environment that is too old for them.
func TestValidate(t *testing.T) {
	if _, err := exec.LookPath("spirv-val"); err != nil {
		t.Skip("spirv-val is not installed: ", err)
	}
	const shaders = "../../shaders"
	dir := t.TempDir()
	for _, name := range []string{"fill", "attention_uniform"} {
		data, err := os.ReadFile(filepath.Join(shaders, "spv", name+".spv"))
		if err != nil {
			t.Fatal(err)
		}
		put(t, dir, "spv/"+name+".spv", string(data))
		put(t, dir, "attention.comp", "")
		put(t, dir, "fill.comp", "")
	}
	rows := func(flags string) {
		put(t, dir, "variants.json", `[{"name": "fill", "source": "fill.comp"}, {"name": "attention_uniform", "source": "attention.comp"`+flags+`}]`)
	}
	rows(`, "flags": ["--target-env=vulkan1.2"]`)
	expect(t, "2 of 2 modules are valid", "-validate", "-dir", dir)
	rows("")
	expectError(t, []string{"-validate", "-dir", dir}, "attention_uniform.spv", "--target-env vulkan1.1")
	expectError(t, []string{"-validate", "-dir", dir, "-spirv-val", "no-such-validator"}, "spirv-tools")
	rows(`, "flags": ["--target-env=vulkan1.2"]`)
	data, err := os.ReadFile(filepath.Join(dir, "spv", "fill.spv"))
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, "spv/fill.spv", string(data[:len(data)-8])) // without its end
	expectError(t, []string{"-validate", "-dir", dir}, "fill.spv")
}

// TestValidatorTooOld has a validator that knows no cooperative matrices, and one that fails for what no age explains.
func TestValidatorTooOld(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "a.comp", "")
	put(t, dir, "variants.json", `[{"name": "a", "source": "a.comp"}]`)
	old := filepath.Join(dir, "old")
	for number, want := range map[string]string{"6022": "NOT VALIDATED: 1 modules, whose capability CooperativeMatrixKHR", "1": ""} {
		put(t, dir, "old", "#!/bin/sh\necho 'error: line 5: Invalid capability operand: "+number+"'\nexit 1\n")
		if err := os.Chmod(old, 0o755); err != nil {
			t.Fatal(err)
		}
		said, err := shaderc(t, "-validate", "-dir", dir, "-spirv-val", old)
		if (err == nil) != (want != "") || !strings.Contains(said, want) || !strings.Contains(said, "0 of 1") {
			t.Errorf("capability %s: %q (%v), want %q", number, said, err, want)
		}
	}
}
