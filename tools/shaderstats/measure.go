package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// chip is hardware that Mesa can pretend to have.
type chip struct {
	name         string // as Mesa calls it
	architecture string
	always       bool // every Mesa since 22.3 knows it: its absence is an error
}

var chips = []chip{
	{"vega10", "GCN 5", true},
	{"navi21", "RDNA 2", true},
	{"navi31", "RDNA 3", false},
	{"gfx1201", "RDNA 4", false},
}

// title is a chip with its architecture.
func title(name string) string {
	for _, c := range chips {
		if c.name == name {
			return c.name + " (" + c.architecture + ")"
		}
	}
	return name
}

// measure compiles for each chip in a process of its own, since Mesa reads the environment once.
func measure(ctx context.Context, stderr io.Writer) ([]row, error) {
	manifest := first("/usr/share/vulkan/icd.d/radeon_icd*.json", "/etc/vulkan/icd.d/radeon_icd*.json", "/usr/local/share/vulkan/icd.d/radeon_icd*.json")
	if manifest == "" {
		return nil, errors.New("there is no RADV here (radeon_icd*.json): install it (Debian: mesa-vulkan-drivers)")
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	var all []row
	for _, c := range chips {
		rows, err := measureChip(ctx, self, manifest, c.name)
		switch {
		case err == nil:
			all = append(all, rows...)
		case c.always || ctx.Err() != nil:
			return nil, err
		default:
			fmt.Fprintf(stderr, "shaderstats: note: left out here: %s\n", strings.ReplaceAll(err.Error(), "\n", "; "))
		}
	}
	return all, nil
}

// measureChip tries the ways of pretending: Mesa's own (gone in some version before 26.2), and a library of Mesa that stands in for
// the kernel (Debian: mesa-drm-shim).
func measureChip(ctx context.Context, self, manifest, name string) ([]row, error) {
	ways := [][]string{{"RADV_FORCE_FAMILY=" + name}}
	if shim := first("/usr/lib/*/libamdgpu_noop_drm_shim.so", "/usr/lib/libamdgpu_noop_drm_shim.so", "/usr/lib64/libamdgpu_noop_drm_shim.so"); shim != "" {
		ways = append(ways, []string{"LD_PRELOAD=" + shim, "AMDGPU_GPU_ID=" + name})
	}
	var errs []error
	for _, way := range ways {
		cmd := exec.CommandContext(ctx, self, "-compile", name)
		// Nothing else of the environment, which might change what is compiled.
		cmd.Env = append(way, "VK_ICD_FILENAMES="+manifest, "VK_DRIVER_FILES="+manifest, "MESA_SHADER_CACHE_DISABLE=true")
		var out, messages bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &messages
		if err := cmd.Run(); err != nil {
			said, _, _ := strings.Cut(strings.TrimSpace(messages.String()), "\n") // a trace may follow
			errs = append(errs, fmt.Errorf("with %s: %s (%w)", way[0], said, err))
			continue
		}
		return readRows(&out)
	}
	if len(ways) == 1 {
		errs = append(errs, errors.New("newer Mesas need libamdgpu_noop_drm_shim.so instead, which is not here (Debian: mesa-drm-shim)"))
	}
	return nil, fmt.Errorf("compiling for %s: %w", title(name), errors.Join(errs...))
}

// first is the first file that matches one of the patterns, "" where none does.
func first(patterns ...string) string {
	for _, p := range patterns {
		if files, err := filepath.Glob(p); err == nil && len(files) > 0 {
			return files[0]
		}
	}
	return ""
}
