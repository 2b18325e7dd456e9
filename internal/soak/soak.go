// Package soak judges what a process holds while it works for long: it must stay level. Only tests import it.
package soak

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Sample is what a process holds at a moment when nothing is asked of it.
type Sample struct {
	At         time.Duration // since the beginning
	Heap       int64         // of Go, after a collection, in bytes
	Resident   int64         // memory of the process, in bytes; 0 where the system does not say
	Goroutines int
	Objects    int // of Vulkan
}

// Take collects what nothing refers to, gives it back to the system, and looks at what is left. Goroutines that end need a
// moment; a count that does not fall is the sample's.
func Take(since time.Time, objects int) Sample {
	goroutines := runtime.NumGoroutine()
	for same := 0; same < 4; same++ {
		time.Sleep(2 * time.Millisecond)
		if n := runtime.NumGoroutine(); n < goroutines {
			goroutines, same = n, 0
		}
	}
	runtime.GC() // what has a finalizer goes at the second
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return Sample{time.Since(since), int64(m.HeapAlloc), resident(), goroutines, objects}
}

// Stacks says where the goroutines are, those at one place together.
func Stacks() string {
	var text strings.Builder
	if err := pprof.Lookup("goroutine").WriteTo(&text, 1); err != nil {
		return err.Error()
	}
	return text.String()
}

// resident is the memory of the process, as Linux says it.
func resident() int64 {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(data))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64) // 0 of what is no number
	return pages * int64(os.Getpagesize())
}

// String is a line of a report.
func (s Sample) String() string {
	return fmt.Sprintf("%v: heap %.1f MiB, resident %.0f MiB, %d goroutines, %d device objects",
		s.At.Round(time.Second), mib(s.Heap), mib(s.Resident), s.Goroutines, s.Objects)
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// Slack is what may be more at the end than at the beginning and is no leak yet.
type Slack struct {
	Heap, Resident      int64 // bytes
	Goroutines, Objects int
}

// least is how many samples tell a trend.
const least = 6

// Grown says what grew in a series, nil if all stayed level. The first third does not count: there caches fill. Of the rest, the least
// of the later half may exceed the least of the earlier by the slack: what is held for a moment only adds, a leak lifts the least.
func Grown(list []Sample, slack Slack) error {
	if len(list) < least {
		return fmt.Errorf("soak: %d samples: want %d at least to tell whether anything grows", len(list), least)
	}
	list = list[len(list)/3:]
	early, late := list[:len(list)/2], list[len(list)/2:]
	var errs []error
	for _, what := range []struct {
		name  string
		of    func(Sample) int64
		slack int64
	}{
		{"bytes of Go's heap", func(s Sample) int64 { return s.Heap }, slack.Heap},
		{"bytes of resident memory", func(s Sample) int64 { return s.Resident }, slack.Resident},
		{"goroutines", func(s Sample) int64 { return int64(s.Goroutines) }, int64(slack.Goroutines)},
		{"objects on the device", func(s Sample) int64 { return int64(s.Objects) }, int64(slack.Objects)},
	} {
		by := func(a, b Sample) int { return int(min(max(what.of(a)-what.of(b), -1), 1)) }
		from, to := what.of(slices.MinFunc(early, by)), what.of(slices.MinFunc(late, by))
		if to > from+what.slack {
			errs = append(errs, fmt.Errorf("soak: %s grew from %d to %d between %v and %v, of which %d are no leak yet",
				what.name, from, to, early[0].At.Round(time.Second), late[len(late)-1].At.Round(time.Second), what.slack))
		}
	}
	return errors.Join(errs...)
}

// Last is how long a soak is to last: what the environment variable GLIPVK_SOAK says, else the time of a short one.
func Last(short time.Duration) (time.Duration, error) {
	s := os.Getenv("GLIPVK_SOAK")
	if s == "" {
		return short, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("soak: GLIPVK_SOAK=%s: want a duration above 0, as 10m or 1h", s)
	}
	return d, nil
}

// Round is how long a soak works between two samples.
func Round(last time.Duration) time.Duration { return min(10*time.Second, last/12) }

// Watch has rounds of work until the time is over, or one fails, takes a sample after each, and reports one a minute, and the last. work is
// told for how long it is to go on, and returns the objects that are left on devices when all is at rest.
func Watch(last time.Duration, report func(Sample), work func(time.Duration) (objects int, err error)) (list []Sample, err error) {
	minute := time.Minute
	for begin := time.Now(); err == nil && (len(list) < least || time.Since(begin) < last); {
		var objects int
		objects, err = work(Round(last))
		s := Take(begin, objects)
		list = append(list, s)
		if s.At >= minute {
			report(s)
			minute = s.At.Truncate(time.Minute) + time.Minute
		}
	}
	report(list[len(list)-1])
	return list, err
}
