package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// measure compiles for each chip in a process of its own, since Mesa reads the environment once; as many at a time as there are cores. With a
// folder of libraries it does so for the chips that need these, without one for the others.
func measure(ctx context.Context, shims string, stderr io.Writer) ([]row, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	chips := slices.DeleteFunc(slices.Clone(chips), func(c chip) bool { return c.family.built != (shims != "") })
	rows, errs := make([][]row, len(chips)), make([]error, len(chips))
	var wait sync.WaitGroup
	free := make(chan struct{}, runtime.NumCPU())
	for i, c := range chips {
		wait.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			rows[i], errs[i] = c.measure(ctx, self, shims)
		})
	}
	wait.Wait()
	var all []row
	for i, c := range chips {
		switch {
		case errs[i] == nil:
			all = append(all, rows[i]...)
		case c.always || ctx.Err() != nil:
			return nil, errs[i]
		default:
			fmt.Fprintf(stderr, "shaderstats: note: left out here: %s\n", strings.ReplaceAll(errs[i].Error(), "\n", "; "))
		}
	}
	return all, nil
}

// measure tries the ways of pretending: the driver's own (RADV's is gone in some version before 26.2), and a library of Mesa that
// stands in for the kernel.
func (c chip) measure(ctx context.Context, self, shims string) ([]row, error) {
	ways, manifest := c.ways(shims)
	if manifest == "" {
		return nil, fmt.Errorf("compiling for %s: its driver is not here (%s): install it (Debian: mesa-vulkan-drivers)", title(c.name), c.family.manifest)
	}
	var errs []error
	shim := false
	for _, way := range ways {
		shim = shim || len(way) > 1
		cmd := exec.CommandContext(ctx, self, "-compile", c.name)
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
	if !shim {
		errs = append(errs, fmt.Errorf("it needs lib%s_noop_drm_shim.so, which is not here (Debian unstable: mesa-drm-shim)", c.family.shim))
	}
	return nil, fmt.Errorf("compiling for %s: %w", title(c.name), errors.Join(errs...))
}
