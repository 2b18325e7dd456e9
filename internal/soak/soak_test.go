package soak_test

import (
	"bytes"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/glipvk/glipvk/internal/soak"
)

var slack = soak.Slack{Heap: 1 << 20, Resident: 16 << 20}

// series is what a healthy process holds: caches fill in the first third, then what is held for a moment comes and goes.
func series(n int, change func(i int, s *soak.Sample)) (list []soak.Sample) {
	for i := range n {
		s := soak.Sample{At: time.Duration(i) * time.Second, Heap: 40<<20 + int64(i*7919%13)<<16, Resident: 300<<20 + int64(i*31%7)<<20, Goroutines: 5 + i*5%3, Objects: 900}
		if i < n/3 {
			s.Heap, s.Resident, s.Goroutines, s.Objects = s.Heap*int64(3*i)/int64(n), s.Resident*int64(3*i)/int64(n), 2, 300*3*i/n
		}
		if change != nil {
			change(i, &s)
		}
		list = append(list, s)
	}
	return list
}

// A process that stays level passes, whatever its caches do at first; each leak is named.
func TestGrown(t *testing.T) {
	for name, c := range map[string]struct {
		n      int
		change func(i int, s *soak.Sample)
		want   string
	}{
		"level":            {n: 60},
		"level, short":     {n: 12},
		"a passing peak":   {60, func(i int, s *soak.Sample) { s.Heap += int64(i/50) * int64(i%2) << 25 }, ""},
		"falls":            {60, func(i int, s *soak.Sample) { s.Goroutines += 60 - i }, ""},
		"heap":             {60, func(i int, s *soak.Sample) { s.Heap += int64(i) * 60_000 }, "bytes of Go's heap grew"},
		"resident":         {60, func(i int, s *soak.Sample) { s.Resident += int64(i) << 20 }, "bytes of resident memory grew"},
		"goroutines":       {60, func(i int, s *soak.Sample) { s.Goroutines += i / 12 }, "goroutines grew from 6 to 8"},
		"objects":          {60, func(i int, s *soak.Sample) { s.Objects += i / 20 }, "objects on the device grew from 901 to 902"},
		"objects, short":   {12, func(i int, s *soak.Sample) { s.Objects += i }, "objects on the device grew"},
		"too few to judge": {n: 5, want: "5 samples"},
	} {
		t.Run(name, func(t *testing.T) {
			err := soak.Grown(series(c.n, c.change), slack)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n")) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// What is leaked for real is seen in samples of this process: goroutines that wait for ever, and memory that something refers to.
func TestTakeSeesLeaks(t *testing.T) {
	end := make(chan struct{})
	defer close(end)
	var kept [][]byte
	judge := func(leak func()) error {
		var list []soak.Sample
		for begin := time.Now(); len(list) < 12; {
			leak()
			list = append(list, soak.Take(begin, 0))
		}
		return soak.Grown(list, soak.Slack{Heap: 1 << 20, Resident: 1 << 30})
	}
	if err := judge(func() { _ = make([]byte, 1<<20) }); err != nil {
		t.Errorf("nothing leaks, and yet: %v", err)
	}
	if err := judge(func() { go func() { <-end }() }); err == nil || !strings.Contains(err.Error(), "goroutines grew") {
		t.Errorf("a goroutine leaks for each sample: %v", err)
	}
	if text := soak.Stacks(); !strings.Contains(text, "TestTakeSeesLeaks") || !strings.Contains(text, "12 @ ") {
		t.Errorf("the twelve are not to be found in\n%s", text)
	}
	if err := judge(func() { kept = append(kept, bytes.Repeat([]byte{1}, 1<<20)) }); err == nil || !strings.Contains(err.Error(), "heap grew") {
		t.Errorf("a mebibyte leaks for each sample: %v", err)
	}
	if s := soak.Take(time.Now(), 7); runtime.GOOS == "linux" && s.Resident < int64(len(kept))<<20 || s.Objects != 7 || !strings.Contains(s.String(), "7 device objects") {
		t.Errorf("%v with %d MiB kept", s, len(kept))
	}
}

// TestStress: it works until it is stopped, and leaves nothing.
func TestStress(t *testing.T) {
	before := runtime.NumGoroutine()
	var was, is runtime.MemStats
	runtime.ReadMemStats(&was)
	stop := soak.Stress(3)
	for deadline := time.Now().Add(20 * time.Second); is.NumGC < was.NumGC+2 && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		runtime.ReadMemStats(&is)
	}
	stop()
	for deadline := time.Now().Add(20 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(deadline); runtime.Gosched() { // the last are on their way out
	}
	if is.NumGC < was.NumGC+2 || is.Mallocs <= was.Mallocs || runtime.NumGoroutine() > before {
		t.Errorf("%d collections, %d allocations, %d goroutines of %d", is.NumGC-was.NumGC, is.Mallocs-was.Mallocs, runtime.NumGoroutine(), before)
	}
}

func TestLast(t *testing.T) {
	for text, want := range map[string]time.Duration{"": 4 * time.Second, "10m": 10 * time.Minute, "1h": time.Hour, "ten": 0, "-1s": 0} {
		t.Setenv("GLIPVK_SOAK", text)
		if d, err := soak.Last(4 * time.Second); d != want || (err == nil) != (want > 0) {
			t.Errorf("GLIPVK_SOAK=%q: %v, %v, want %v", text, d, err, want)
		}
	}
}

// TestWatch works until the time is over, or ends with the error of a round.
func TestWatch(t *testing.T) {
	const last = 300 * time.Millisecond
	rounds, reports := 0, 0
	work := func(leak int, failed error) func(time.Duration) (int, error) {
		return func(d time.Duration) (int, error) {
			if rounds++; d != last/12 {
				t.Errorf("a round of %v, want %v", d, last/12)
			}
			time.Sleep(d)
			return 5 + leak*rounds, failed
		}
	}
	reports = 0
	report := func(soak.Sample) { reports++ }
	begin := time.Now()
	list, err := soak.Watch(last, report, work(0, nil))
	if took := time.Since(begin); err != nil || len(list) != rounds || rounds < 6 || took < last || reports != 1 || list[0].Objects != 5 {
		t.Errorf("%d samples of %d rounds in %v, %d reports, %v", len(list), rounds, took, reports, err)
	}
	rounds = 0
	if list, err = soak.Watch(last, report, work(1, nil)); err != nil || list[2].Objects != 8 {
		t.Errorf("%v, %v", list, err)
	}
	rounds, reports = 0, 0
	if _, err := soak.Watch(last, report, work(0, os.ErrInvalid)); err != os.ErrInvalid || rounds != 1 || reports != 1 {
		t.Errorf("%v after %d rounds, %d reports", err, rounds, reports)
	}
}
