package main

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/internal/file"
)

// printMemory writes what programs take, a row each.
func printMemory(s glipvk.Stats, row func(name, format string, args ...any)) {
	if s.ArenaBytes > 0 {
		row("live at once", "%.2f MiB, the least that any arena could be", mib(s.LiveBytes))
		row("arena", "%.2f MiB, %.3f of that", mib(s.ArenaBytes), float64(s.ArenaBytes)/float64(max(s.LiveBytes, 1)))
		row("weights", "%.2f MiB", mib(s.WeightBytes))
		row("staging", "%.2f MiB", mib(s.StagingBytes))
	}
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

// forgetPeak begins the process's peak anew, so that what the check took is not counted,
// and says what the figure means then (Linux: "5" to clear_refs, see proc(5)).
func forgetPeak() string {
	debug.FreeOSMemory()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		return " in all"
	}
	return " after the check"
}

// processPeak is the most bytes of memory this process held, 0 where the system
// does not say so (it does on Linux).
func processPeak() int64 {
	status, err := file.ReadAll(context.Background(), "/proc/self/status", 1<<20)
	if err != nil {
		return 0
	}
	_, rest, ok := strings.Cut(string(status), "VmHWM:")
	var kib int64
	if n, err := fmt.Sscanf(rest, "%d kB", &kib); !ok || n != 1 || err != nil {
		return 0
	}
	return kib << 10
}
