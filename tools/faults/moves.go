package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// moving are runs whose device is lost, with --on-device-lost cpu: they must do all their work, once.
func moving(f func(name string, args ...string) *command, data, labels string) []*command {
	four := scenes(data, 4)
	train := f("train", append(detector(data), "--data", labels, "--images", filepath.Join(data, "world"), "--mode", "linear", "--batch", "1", "--short", "64", "--val", labels, "--steps", "4", "--save", "1")...)
	resumed := f("train", "--resume", "OUT", "--steps", "6")
	train.limits, resumed.limits = card, card
	train.devices, resumed.devices = 2, 2 // what measures has its own
	resumed.name, resumed.before = "train --resume", func(ctx context.Context) map[string][]byte { return train.plainly(ctx).files }
	looking := slices.Concat(detector(data), []string{"--class", "cat", "--size", "64", "--threshold", "0.01"}, four)
	return []*command{
		f("features", append([]string{"--model", "glip-world", "--size", "64x64"}, four...)...),
		f("label", append([]string{"--format", "jsonl", "--pictures", "leave", "--review", "0"}, looking...)...),
		f("eval coco", slices.Concat([]string{"--truth", labels, "--images", filepath.Join(data, "world"), "--size", "64", "--json"}, detector(data))...),
		train, resumed,
	}
}

// moved says how a run says that it goes on.
var moved = regexp.MustCompile(`(?m)^glip: .*the work goes on on the CPU.*\(--on-device-lost cpu\)$`)

// card are limits of a device with memory of its own, to which weights and moments are copied by submissions, which can lose it too.
const card = "heaps=1G:L,1G types=L:0,VC:1,VCA:1"

// lostAt is the loss of the device after so many tenths of the submissions of a run.
func lostAt(c counts, tenths int) fault {
	return fault{Function: "vkQueueSubmit", Place: fmt.Sprintf("%d/10", tenths), Nth: c["vkQueueSubmit"]*tenths/10 + 1, Result: "VK_ERROR_DEVICE_LOST"}
}

// goesOn loses the device of a run at a place, and says what is wrong with what it did then.
func goesOn(ctx context.Context, c *command, tenths int) (f fault, why, said string) {
	plain := c.plainly(ctx)
	if plain.problems != nil || plain.code != 0 {
		return f, fmt.Sprintf("without a fault: status %d, %v", plain.code, plain.problems), plain.stderr
	}
	r := ran{counted: plain.counted}
	for again := 0; again < 3 && r.fired == 0; again++ { // how many pictures a submission has goes by time
		f = lostAt(r.counted, tenths)
		r = c.start(ctx, f.String())
	}
	said, times := r.stderr, len(moved.FindAllString(r.stderr, -1))
	switch why = r.unsound(); {
	case why != "":
	case r.fired == 0:
		why = "the call was not reached"
	case times < 1 || times > max(c.devices, 1):
		why = fmt.Sprintf("it says %d times that it goes on on the CPU, want once for each device that it lost", times)
	default:
		why = alike(plain.files, r.files)
	}
	return f, why, said
}

// alike compares what two runs wrote, of which one was on another device from the middle on.
func alike(want, got map[string][]byte) string {
	if why := half(got); why != "" {
		return why
	}
	for name := range got {
		if want[name] == nil {
			return name + " is there, and is not without the fault"
		}
	}
	for name, data := range want {
		other, ok := got[name]
		var why string
		switch {
		case !ok:
			why = "is missing"
		case filepath.Ext(name) == ".npy":
			why = near(data, other)
		case filepath.Ext(name) == ".jsonl":
			why = sameLines(string(data), string(other))
		}
		if why != "" {
			return name + " " + why
		}
	}
	return ""
}

// near compares whole arrays of float32: relative L2 below 1e-4.
func near(x, y []byte) string {
	a, err := numbers(x)
	b, other := numbers(y)
	if err = errors.Join(err, other); err != nil {
		return err.Error()
	}
	if len(a) != len(b) {
		return "has another size"
	}
	var off, size float64
	for i := 0; i < len(a); i += 4 {
		x := float64(math.Float32frombits(binary.LittleEndian.Uint32(a[i:])))
		y := float64(math.Float32frombits(binary.LittleEndian.Uint32(b[i:])))
		off, size = off+(x-y)*(x-y), size+x*x
	}
	if d := math.Sqrt(off / size); !(d < 1e-4) {
		return fmt.Sprintf("differs by a relative L2 of %g", d)
	}
	return ""
}

// sameLines wants lines about the same: pictures by name, steps by number, each once and in order.
func sameLines(a, b string) string {
	about := func(lines string) (list []string) {
		for line := range strings.Lines(lines) {
			var l struct {
				Step    any    `json:"step"`
				Picture string `json:"picture"`
				File    string `json:"file_name"`
				Image   string `json:"image"`
				Key     string `json:"key"`
			}
			if json.Unmarshal([]byte(line), &l) != nil {
				return []string{"a line that cannot be read"}
			}
			list = append(list, fmt.Sprint(l.Step, l.Picture, l.File, l.Image, l.Key))
		}
		return list
	}
	if x, y := about(a), about(b); !slices.Equal(x, y) {
		return fmt.Sprintf("is about %q, want %q", y, x)
	}
	return ""
}
