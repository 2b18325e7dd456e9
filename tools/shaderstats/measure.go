package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// measure compiles for each chip of a place in a process of its own, since Mesa reads the environment once; as many at a time as there are cores.
func measure(ctx context.Context, at place, stderr io.Writer) ([]row, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	chips := slices.DeleteFunc(slices.Clone(chips), func(c chip) bool { return !at.has(c.family) })
	rows, errs := make([][]row, len(chips)), make([]error, len(chips))
	var wait sync.WaitGroup
	free := make(chan struct{}, runtime.NumCPU())
	for i, c := range chips {
		wait.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			rows[i], errs[i] = c.measure(ctx, self, at)
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
func (c chip) measure(ctx context.Context, self string, at place) ([]row, error) {
	ways, manifest := c.ways(at)
	if manifest == "" {
		return nil, fmt.Errorf("compiling for %s: its driver is not here (%s): install it (Debian: mesa-vulkan-drivers)", title(c.name), c.family.manifest)
	}
	var errs []error
	shim := false
	for _, way := range ways {
		shim = shim || len(way) > 1
		// Nothing else of the environment, which might change what is compiled.
		cmd := at.command(ctx, self, c.name, append(way, "VK_ICD_FILENAMES="+manifest, "VK_DRIVER_FILES="+manifest, "MESA_SHADER_CACHE_DISABLE=true"))
		var out, messages bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &messages
		if err := cmd.Run(); err != nil {
			errs = append(errs, fmt.Errorf("with %s: %s (%w)", way[0], said(messages.String()), err))
			continue
		}
		return readRows(&out)
	}
	if !shim {
		errs = append(errs, fmt.Errorf("it needs lib%s_noop_drm_shim.so, which is not here (Debian unstable: mesa-drm-shim)", c.family.shim))
	}
	return nil, fmt.Errorf("compiling for %s: %w", title(c.name), errors.Join(errs...))
}

// said is the first line that is not Mesa's, which may warn of what is missing beside a kernel that is not there; a trace may follow.
func said(messages string) string {
	for line := range strings.Lines(messages) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "MESA:") {
			return line
		}
	}
	return strings.TrimSpace(messages)
}
