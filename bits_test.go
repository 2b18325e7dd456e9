package glipvk_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/internal/soak"
)

// TestBitsUnderLoad wants of every executor the same bits whatever the load, the number of threads, the neighbours in a batch and
// what is asked at the same time.
func TestBitsUnderLoad(t *testing.T) {
	withoutRaceDetector(t)
	for _, device := range []string{"reference", "cpu", "vulkan"} {
		t.Run(device, func(t *testing.T) {
			if device == "vulkan" {
				vulkanDevice(t)
			}
			var l ledger
			list, counts := questionsOf(), []int{1, 2, 3, 8}
			if device != "cpu" { // plain loops, and compilations, take seconds
				list, counts = thinned(list), []int{1, 8}
			}
			visit(t, device, &l, list, 1)
			known := len(l.first)
			for _, threads := range counts {
				t.Run(fmt.Sprint(threads, " threads"), func(t *testing.T) {
					defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
					defer soak.Stress(3)()
					visit(t, device, &l, list, 2)
				})
			}
			if len(l.first) != known {
				t.Errorf("%d answers, %d at first", len(l.first), known)
			}
		})
	}
}

// visit opens a house and has several callers ask everything, each in an order of its own.
func visit(t *testing.T, device string, l *ledger, list []question, callers int) {
	h, err := openHouse(t.Context(), t, glipvk.Options{Device: device})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var group sync.WaitGroup
	for c := range callers {
		group.Go(func() {
			for _, i := range rand.New(rand.NewPCG(1, uint64(c))).Perm(len(list)) {
				got, err := list[i].ask(t.Context(), h)
				mu.Lock()
				if err == nil {
					err = l.check(device, got)
				}
				mu.Unlock()
				if err != nil {
					t.Errorf("%s: %v", list[i].name, err)
				}
			}
		})
	}
	group.Wait()
	if err := h.close(); err != nil {
		t.Error(err)
	}
}

// TestBitsOfProcesses wants the same bits from other processes: with other numbers of threads, of Go's and of the driver's, in
// another time zone, in another folder for what is kept.
func TestBitsOfProcesses(t *testing.T) {
	withoutRaceDetector(t)
	const child = "GLIPVK_BITS_CHILD"
	if device := os.Getenv(child); device != "" {
		printBits(t, device)
		return
	}
	for _, device := range []string{"cpu", "vulkan"} {
		t.Run(device, func(t *testing.T) {
			if device == "vulkan" {
				vulkanDevice(t)
			}
			var want []string
			for _, env := range [][]string{{"GOMAXPROCS=1", "LP_NUM_THREADS=1", "TZ=Asia/Kathmandu"}, {"GOMAXPROCS=8", "LP_NUM_THREADS=3", "LANG=tr_TR.UTF-8"}} {
				cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBitsOfProcesses$", "-test.v")
				cmd.Env = append(append(os.Environ(), child+"="+device, "XDG_CACHE_HOME="+t.TempDir()), env...)
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("%v: %v\n%s", env, err, out)
				}
				var got []string
				for line := range strings.Lines(string(out)) {
					if _, answer, found := strings.Cut(line, "answer "); found {
						got = append(got, answer)
					}
				}
				if want == nil {
					want = got
				}
				if len(want) == 0 || strings.Join(got, "") != strings.Join(want, "") {
					t.Errorf("%v:\n%q\nwant\n%q", env, got, want)
				}
			}
		})
	}
}

// printBits prints a few answers, for the process that started this one.
func printBits(t *testing.T, device string) {
	h, err := openHouse(context.Background(), t, glipvk.Options{Device: device})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range questionsOf() {
		if q.name != "detect [0]0" && q.name != "extract {1 64 64 1}" {
			continue
		}
		got, err := q.ask(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		for what, d := range got {
			t.Logf("answer %s: %x", what, d)
		}
	}
	if err := h.close(); err != nil {
		t.Error(err)
	}
}

// TestLedger: one bit more is seen, by whichever number.
func TestLedger(t *testing.T) {
	var l ledger
	h := &house{}
	ask := func(score float64, at, of int) answers {
		to := answers{}
		h.file(to, "q", at, of, []glipvk.Detection{{Score: score}})
		return to
	}
	next := 0.5 + 1.0/(1<<53)
	if err := l.check("a", ask(0.5, 0, 1)); err != nil {
		t.Error(err)
	}
	if err := l.check("b", ask(next, 0, 1)); err != nil {
		t.Errorf("another device: %v", err)
	}
	if err := l.check("a", ask(next, 1, 2)); err != nil {
		t.Errorf("in a batch: %v", err)
	}
	if err := l.check("a", ask(next, 0, 1)); err == nil || !strings.Contains(err.Error(), "a: q") {
		t.Errorf("another bit: %v", err)
	}
	h.exact = true
	if err := l.check("a", ask(next, 1, 2)); err == nil {
		t.Error("another bit in a batch that must not matter")
	}
}

// withoutRaceDetector skips a test that takes minutes with it, and computes what others do with it.
func withoutRaceDetector(t *testing.T) {
	t.Helper()
	if raceDetector {
		t.Skip("minutes with the race detector: make test runs this once more without it")
	}
}
