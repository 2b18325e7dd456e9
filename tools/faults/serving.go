package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// server is a run of glip serve that is asked about pictures, one after the other, and then ended.
type server struct {
	name     string // of --on-device-lost: stop (it opens the device again), or cpu
	command  *command
	pictures []string
}

// asked is what a server answered.
type asked struct {
	ran
	boxes   []answered
	refused int // answers that said to ask again
}

// answered is what was found in a picture.
type answered struct {
	Detections []struct {
		Phrase string  `json:"phrase"`
		Score  float64 `json:"score"`
	} `json:"detections"`
}

// serving are servers whose device is lost while they are asked.
func (s setting) serving() (list []*server) {
	for _, lost := range []string{"stop", "cpu"} {
		line := slices.Concat([]string{s.glip, "serve", "--device", "vulkan", "--no-tune", "--listen", "127.0.0.1:0", "--on-device-lost", lost,
			"--size", "64", "--threshold", "0.001", "--warm", "64x64", "--pictures", "0"}, detector(s.data))
		list = append(list, &server{lost, &command{name: "serve", args: line, env: s.env, driver: s.manifest, dir: s.dir}, scenes(s.data, 4)})
	}
	return list
}

// goesOn loses the device of a server half way, and says what is wrong with what it did then: every picture must be answered, after a time in
// which it says to ask again, with what is found without the fault.
func (s *server) goesOn(ctx context.Context) (f fault, why, said string) {
	plain := s.run(ctx, "")
	if plain.problems != nil || plain.code != 0 || len(plain.boxes) != len(s.pictures) || plain.refused != 0 {
		return f, fmt.Sprintf("without a fault: status %d, %d answers, %d refused, %v", plain.code, len(plain.boxes), plain.refused, plain.problems), plain.stderr
	}
	f = lostAt(plain.counted, 6)
	r := s.run(ctx, f.String())
	switch why = r.unsound(); {
	case why != "":
	case r.refused == 0: // the poser counts anew where the device was opened again
		why = "no request was told that the device is lost"
	case crash.MatchString(r.stderr):
		why = "it crashed"
	case !strings.Contains(r.stderr, "vkQueueSubmit"):
		why = "it does not say what was lost"
	case !again.MatchString(r.stderr) || cpu.MatchString(r.stderr) != (s.name == "cpu"):
		why = "it does not say which device there is then"
	case s.name == "stop" && !reflect.DeepEqual(r.boxes, plain.boxes):
		why = "it found other things than without the fault"
	default:
		why = likeness(plain.boxes, r.boxes)
	}
	return f, why, r.stderr
}

// likeness says what is not alike in answers of two devices.
func likeness(want, got []answered) string {
	for i := range want {
		w, g := want[i].Detections, got[i].Detections
		if len(w) == 0 || len(w) != len(g) {
			return fmt.Sprintf("%d things in picture %d, want %d", len(g), i, len(w))
		}
		for k := range w {
			if w[k].Phrase != g[k].Phrase || !(max(w[k].Score-g[k].Score, g[k].Score-w[k].Score) < 1e-4) {
				return fmt.Sprintf("picture %d: %v, want %v", i, g[k], w[k])
			}
		}
	}
	return ""
}

// What a server says when it goes on, and on what.
var (
	again = regexp.MustCompile(`"there is a device again"`)
	cpu   = regexp.MustCompile(`"there is a device again","device":"CPU`)
)

var listening = regexp.MustCompile(`^glip: (http://\S+) - .*ready in`)

// run starts a server, asks, and ends it.
func (s *server) run(ctx context.Context, fail string) (r asked) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	dir, err := os.MkdirTemp(s.command.dir, "serve")
	if err != nil {
		r.problems = err
		return r
	}
	defer os.RemoveAll(dir)
	count := filepath.Join(dir, "count")
	cmd := s.command.process(ctx, s.command.args, fail, count)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		r.problems = err
		return r
	}
	lines := bufio.NewScanner(stdout)
	address := ""
	for address == "" && lines.Scan() {
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			address = m[1]
		}
	}
	if address == "" {
		err = errors.New("it was never ready")
	}
	for _, p := range s.pictures {
		if err == nil {
			err = r.ask(ctx, address, p)
		}
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	_, _ = io.Copy(io.Discard, stdout)
	ended := cmd.Wait()
	r.code, r.hung, r.stderr = cmd.ProcessState.ExitCode(), ctx.Err() != nil, stderr.String()
	if exit := new(exec.ExitError); ended != nil && !errors.As(ended, &exit) {
		err = errors.Join(err, ended)
	}
	var counting error
	r.counted, r.fired, counting = readCounts(count)
	r.problems = errors.Join(err, counting)
	return r
}

// ask asks about a picture until there is an answer.
func (r *asked) ask(ctx context.Context, address, picture string) error {
	image, err := os.ReadFile(picture)
	if err != nil {
		return err
	}
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("image", "scene.png")
	if err == nil {
		_, err = part.Write(image)
	}
	if err = errors.Join(err, w.WriteField("text", "a cat"), w.Close()); err != nil {
		return err
	}
	for {
		q, err := http.NewRequestWithContext(ctx, http.MethodPost, address+"/v1/detect", bytes.NewReader(form.Bytes()))
		if err != nil {
			return err
		}
		q.Header.Set("Content-Type", w.FormDataContentType())
		a, err := http.DefaultClient.Do(q)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(a.Body)
		if err = errors.Join(err, a.Body.Close()); err != nil {
			return err
		}
		switch {
		case a.StatusCode == http.StatusServiceUnavailable && a.Header.Get("Retry-After") != "":
			r.refused++
			time.Sleep(200 * time.Millisecond)
		case a.StatusCode != http.StatusOK:
			return fmt.Errorf("%s: %d %s", filepath.Base(picture), a.StatusCode, text)
		default:
			var found answered
			if err := json.Unmarshal(text, &found); err != nil {
				return err
			}
			r.boxes = append(r.boxes, found)
			return nil
		}
	}
}
