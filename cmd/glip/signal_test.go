//go:build unix

package main

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/internal/file/filetest"
	"github.com/glipvk/glipvk/internal/soak"
)

// asProgram, in the environment, makes the test binary the program itself.
const asProgram = "GLIP_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		limitFiles()
		failCalls()
		main()
	}
	os.Exit(m.Run())
}

// signalled runs the program, sends it one signal after a while and returns how long it
// took from then, and what it said. On a busy machine the signal may come before the program looks for it, and end it: then it
// runs again and is given longer.
func signalled(t *testing.T, after time.Duration, args ...string) (took time.Duration, code int, stderr string) {
	t.Helper()
	for try := range 5 {
		ready := time.Now().Add(after << try)
		took, code, stderr = signalledWhen(t, func() bool { return time.Now().After(ready) }, args...)
		if code != -1 {
			break
		}
	}
	return took, code, stderr
}

// signalledWhen is signalled once there is what ready sees.
func signalledWhen(t *testing.T, ready func() bool, args ...string) (took time.Duration, code int, stderr string) {
	t.Helper()
	var said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for !ready() {
		select {
		case err := <-ended:
			t.Fatalf("it ended before the signal: %v, %s", err, said.String())
		case <-time.After(2 * time.Millisecond):
		}
	}
	sent := time.Now()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	err := <-ended
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatalf("it ended with %v", err)
	}
	return time.Since(sent), exit.ExitCode(), said.String()
}

// One signal ends the program within a second, whatever it does.
func TestOneSignal(t *testing.T) {
	d := newDesk(t)
	d.write(t, "slow.png", slowPNG(t))
	fifo := d.path("fifo.png")
	filetest.Pipe(t, fifo)
	limits := []string{"--max-pixels", "1000000000", "--max-memory", "10000000000"}
	for _, tc := range []struct {
		name string
		args []string
	}{
		{"decoding for features", d.args(append(limits, d.path("slow.png"))...)},
		{"decoding for detect", append(tinyDetect("--class", "cat", d.path("slow.png")), limits...)},
		{"a FIFO that nobody writes to, for detect", tinyDetect("--class", "cat", fifo)},
		{"a FIFO that nobody writes to, for features", d.args(fifo)},
		{"making weights", []string{"features", "--device", "cpu", "--model", "GLIP-L", "--out", d.out, d.path("cat.png")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			soak.InTime(t, time.Second, func() time.Duration {
				took, code, stderr := signalled(t, 300*time.Millisecond, tc.args...)
				if code != cli.Failure || !strings.Contains(stderr, "glip: interrupted") {
					t.Errorf("it ended with status %d and %q", code, stderr)
				}
				t.Log(took)
				return took
			})
		})
	}
}

// slowPNG is a picture of 256 million pixels of 16 bits that takes little room.
func slowPNG(t *testing.T) []byte {
	t.Helper()
	var black bytes.Buffer // 16 MiB of it, and the next may follow
	w, err := zlib.NewWriterLevel(&black, zlib.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 1<<24)); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	const head = 2 // of the stream
	file := []byte("\x89PNG\r\n\x1a\n")
	chunk := func(name string, data []byte) {
		file = binary.BigEndian.AppendUint32(file, uint32(len(data)))
		file = append(append(file, name...), data...)
		file = binary.BigEndian.AppendUint32(file, crc32.ChecksumIEEE(file[len(file)-len(name)-len(data):]))
	}
	chunk("IHDR", []byte("\x00\x00\x3e\x80\x00\x00\x3e\x80\x10\x02\x00\x00\x00"))
	stream := bytes.Clone(black.Bytes()[:head])
	for range 16000 * 16000 * 6 >> 24 {
		stream = append(stream, black.Bytes()[head:]...)
	}
	chunk("IDAT", stream)
	chunk("IEND", nil)
	return file
}

// What is no file is refused in the place of every file of a command line, at once.
func TestOddFiles(t *testing.T) {
	d := newDesk(t)
	detect := func(more ...string) []string { return tinyDetect(append(more, d.path("cat.png"))...) }
	for _, tc := range []struct {
		name, file string
		input      bool
		args       func(path string) []string
	}{
		{"picture of features", "odd.png", true, func(path string) []string { return d.args(path) }},
		{"tensor of features", "odd.npy", true, func(path string) []string { return d.args(path) }},
		{"picture of detect", "odd.png", true, func(path string) []string { return tinyDetect("--class", "cat", path) }},
		{"weights of features", "odd.pth", false, func(path string) []string { return d.args("--weights", path, d.path("cat.png")) }},
		{"weights of detect", "odd.pth", false, func(path string) []string { return detect("--class", "cat", "--weights", path) }},
		{"architecture of features", "odd.json", false, func(path string) []string {
			return []string{"features", "--device", "cpu", "--arch", path, "--out", d.out, d.path("cat.png")}
		}},
		{"architecture of detect", "odd.json", false, func(path string) []string {
			return []string{"detect", "--device", "cpu", "--arch", path, "--class", "cat", d.path("cat.png")}
		}},
		{"classes", "odd.txt", false, func(path string) []string { return detect("--classes", path) }},
		{"vocabulary", "vocab.txt", false, func(path string) []string { return detect("--class", "cat", "--vocab", path) }},
		{"vocabulary of tokens", "vocab.txt", false, func(path string) []string { return []string{"tokens", "--class", "cat", "--vocab", path} }},
		{"checkpoint of inspect", "odd.safetensors", false, func(path string) []string { return []string{"inspect", path} }},
		{"index of inspect", "odd.index.json", false, func(path string) []string { return []string{"inspect", path} }},
	} {
		for _, odd := range filetest.Odds(t, tc.file) {
			if tc.input && (odd.Name == "folder" || strings.Contains(odd.Name, "pipe")) {
				continue // those are read
			}
			t.Run(tc.name+"/"+odd.Name, func(t *testing.T) {
				filetest.Soon(t)
				o := glip(t, tc.args(odd.Path)...)
				if o.code != cli.Input || !strings.Contains(o.stderr, "not a regular file but "+odd.Says) {
					t.Errorf("exit status %d, %s", o.code, o.stderr)
				}
			})
		}
	}
}

// program runs the program with an environment of its own.
func program(t *testing.T, env []string, args ...string) ending {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(append(os.Environ(), asProgram+"=1"), env...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	code := 0
	var exit *exec.ExitError
	if err := cmd.Run(); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return ending{code, stdout.String(), stderr.String()}
}

// Where Vulkan is broken auto takes the CPU, and says why; what is asked for by name fails.
func TestAutoFallsBack(t *testing.T) {
	d := newDesk(t)
	d.write(t, "missing.json", []byte(`{"file_format_version": "1.0.0", "ICD": {"library_path": "`+d.path("none.so")+`", "api_version": "1.1.0"}}`))
	d.write(t, "garbage.json", []byte(`{"file_format_version": "1.0.0", "ICD": {"library_path": "`+d.path("cat.png")+`", "api_version": "1.1.0"}}`))
	d.write(t, "text.json", []byte(`not JSON`))
	for _, drivers := range []string{"/nonexistent", d.path("missing.json"), d.path("garbage.json"), d.path("text.json")} {
		t.Run(filepath.Base(drivers), func(t *testing.T) {
			env := []string{"VK_ICD_FILENAMES=" + drivers, "VK_DRIVER_FILES=" + drivers}
			o := program(t, env, "devices", "--json")
			var list deviceList
			if err := json.Unmarshal([]byte(o.stdout), &list); o.code != 0 || err != nil || list.Auto != "cpu" || list.Reason == "" || list.Vulkan != "" || len(list.Devices) > 0 {
				t.Errorf("exit status %d, %v, %s%s", o.code, err, o.stdout, o.stderr)
			}
			if o := program(t, env, "devices"); o.code != 0 || !strings.Contains(o.stdout, "auto takes: cpu") || !strings.Contains(o.stdout, list.Reason) {
				t.Errorf("exit status %d, %s%s", o.code, o.stdout, o.stderr)
			}
			args := tinyDetect("--class", "cat", d.path("cat.png"), "--device")
			o = program(t, env, append(args, "auto")...)
			var found []sightingDocument
			if err := json.Unmarshal([]byte(o.stdout), &found); o.code != 0 || err != nil || found[0].Fallback == "" || !strings.Contains(o.stderr, "auto takes the CPU: ") {
				t.Errorf("exit status %d, %v, %.300s%s", o.code, err, o.stdout, o.stderr)
			}
			if o = program(t, env, append(args, "vulkan")...); o.code == 0 || o.stderr == "" || o.stdout != "" {
				t.Errorf("exit status %d, %s", o.code, o.stderr)
			}
		})
	}
}

// Pipes are read, as a shell makes them.
func TestPipes(t *testing.T) {
	shell, err := exec.LookPath("bash")
	filetest.Need(t, "bash", err)
	d := newDesk(t)
	t.Setenv(asProgram, "1")
	for _, line := range []string{`cat "$2" | "$0" $1 -`, `cat "$2" | "$0" $1 /dev/stdin`, `"$0" $1 <(cat "$2")`, `"$0" $1 - < "$2"`, `"$0" $1 /dev/stdin < "$2"`,
		`mkfifo "$2.fifo"; cat "$2" > "$2.fifo" & "$0" $1 "$2.fifo"`} {
		args := strings.Join(tinyDetect("--class", "cat"), " ")
		text, err := exec.CommandContext(t.Context(), shell, "-c", line, os.Args[0], args, d.path("cat.png")).Output()
		var got []sightingDocument
		if bad := json.Unmarshal(text, &got); err != nil || bad != nil || got[0].Width != 50 || len(got[0].Detections) == 0 || got[0].Error != "" {
			t.Errorf("%s: %v, %v, %.300s", line, err, bad, text)
		}
	}
}

// --ignore-orientation takes a picture as it is stored, from a file and from standard input.
func TestIgnoreOrientation(t *testing.T) {
	turned := filepath.Join("..", "..", "picture", "testdata", "formats", "turned6.tif") // 7 rows, 5 columns
	for _, tc := range []struct {
		flags         []string
		height, width int
	}{{nil, 5, 7}, {[]string{"--ignore-orientation"}, 7, 5}} {
		o := glip(t, append(tinyDetect("--class", "cat", turned), tc.flags...)...)
		var got []sightingDocument
		if err := json.Unmarshal([]byte(o.stdout), &got); err != nil || o.code != 0 || got[0].Height != tc.height || got[0].Width != tc.width {
			t.Errorf("%v: exit status %d, %v, %s%s", tc.flags, o.code, err, o.stdout, o.stderr)
		}
	}
}

// Ctrl-C saves, however long that takes, and says how to go on.
func TestTrainInterrupted(t *testing.T) {
	d := toy(t)
	began := time.Now()
	stepped := func() bool {
		info, err := os.Stat(filepath.Join(d.out, "metrics.jsonl"))
		return err == nil && info.Size() > 0 || time.Since(began) > time.Minute
	}
	_, code, stderr := signalledWhen(t, stepped, d.train("--data", d.path("train.json"), "--batch", "2", "--steps", "1000000")...)
	if code != cli.Failure || !strings.Contains(stderr, "is saved in "+filepath.Join(d.out, "last.state")+"; glip train --resume "+d.out+" goes on") {
		t.Fatalf("after %v: status %d, %s", time.Since(began), code, stderr)
	}
	if files := d.files(t); !slices.Contains(files, "loss.png") || !slices.Contains(files, "last.safetensors") {
		t.Errorf("files %q", files)
	}
}
