package memory

import (
	"context"
	"path"
	"runtime/metrics"
	"strconv"
	"strings"

	"github.com/glipvk/glipvk/internal/file"
	"golang.org/x/sys/unix"
)

// most bounds the files of the system that are read, in bytes.
const most = 1 << 20

// limits are what is left of each limit that there is.
func limits() (list []Left) {
	for _, l := range []struct {
		which int
		taken string // in /proc/self/status
		piece int64  // in which the runtime takes it
		of    string
	}{{unix.RLIMIT_AS, "VmSize:", 64 << 20, "ulimit -v"}, {unix.RLIMIT_DATA, "VmData:", 0, "ulimit -d"}} {
		var r unix.Rlimit
		if err := unix.Getrlimit(l.which, &r); err != nil || r.Cur >= 1<<62 {
			continue
		}
		if taken, ok := field("/proc/self/status", l.taken); ok {
			list = append(list, Left{int64(r.Cur) - taken<<10 + idle() - l.piece, l.of})
		}
	}
	list = append(list, groups()...)
	if free, ok := field("/proc/meminfo", "MemAvailable:"); ok {
		list = append(list, Left{free << 10, machine})
	}
	return list
}

// idle is what the runtime has of the address space and does not use, which it gives out before it asks for more.
func idle() int64 {
	list := []metrics.Sample{{Name: "/memory/classes/heap/free:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(list)
	// Spans of it may be too short for what is wanted, so half of it is counted on.
	return int64(list[0].Value.Uint64()+list[1].Value.Uint64()) / 2
}

// groups are what is left in the cgroups that the process is in, of either version.
func groups() (list []Left) {
	text, err := file.ReadAll(context.Background(), "/proc/self/cgroup", most)
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) < 3 {
			continue
		}
		switch parts[1] {
		case "":
			list = append(list, above("/sys/fs/cgroup", parts[2], "memory.max", "memory.current", "inactive_file")...)
		case "memory":
			list = append(list, above("/sys/fs/cgroup/memory", parts[2], "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")...)
		}
	}
	return list
}

// above are what is left in a group and in those that it is in. Files that are kept in memory and not in use do not count as taken.
func above(root, group, limit, usage, cached string) (list []Left) {
	for at := path.Clean("/" + group); ; at = path.Dir(at) {
		folder := root + at
		bytes, bounded := number(path.Join(folder, limit))
		now, ok := number(path.Join(folder, usage))
		if bounded && ok && bytes < 1<<60 {
			files, _ := field(path.Join(folder, "memory.stat"), cached)
			list = append(list, Left{bytes - now + files, "the cgroup's memory"})
		}
		if at == "/" {
			return list
		}
	}
}

// field is the number behind a word that begins a line.
func field(path, name string) (int64, bool) {
	text, err := file.ReadAll(context.Background(), path, most)
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) >= 2 && words[0] == name {
			n, err := strconv.ParseInt(words[1], 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}

// number is the content of a file that is one.
func number(path string) (int64, bool) {
	text, err := file.ReadAll(context.Background(), path, most)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil
}
