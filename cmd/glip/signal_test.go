//go:build unix

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/png"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/glipvk/glipvk/internal/file/filetest"
)

// asProgram, in the environment, makes the test binary the program itself.
const asProgram = "GLIP_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// signalled runs the program, sends it one signal after a while and returns how long it
// took from then, and what it said.
func signalled(t *testing.T, after time.Duration, args ...string) (took time.Duration, code int, stderr string) {
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
	select {
	case err := <-ended:
		t.Fatalf("it ended before the signal: %v, %s", err, said.String())
	case <-time.After(after):
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
	var slow bytes.Buffer // 144 million pixels
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := encoder.Encode(&slow, image.NewRGBA64(image.Rect(0, 0, 12000, 12000))); err != nil {
		t.Fatal(err)
	}
	d.write(t, "slow.png", slow.Bytes())
	d.write(t, "zeros.safetensors", sparse(t))
	if err := os.Truncate(d.path("zeros.safetensors"), 8+4<<32); err != nil {
		t.Skip(err)
	}
	limits := []string{"--max-pixels", "1000000000"}
	for _, tc := range []struct {
		name string
		args []string
	}{
		{"decoding for features", d.args(append(limits, d.path("slow.png"))...)},
		{"decoding for detect", append(tinyDetect("--class", "cat", d.path("slow.png")), limits...)},
		{"making weights", []string{"features", "--device", "cpu", "--model", "GLIP-L", "--out", d.out, d.path("cat.png")}},
		{"summing and checking weights", []string{"inspect", d.path("zeros.safetensors")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			took, code, stderr := signalled(t, 300*time.Millisecond, tc.args...)
			if took > time.Second || code != exitFailure || !strings.Contains(stderr, "glip: interrupted") {
				t.Errorf("it took %v to end with status %d and %q", took, code, stderr)
			}
			t.Log(took)
		})
	}
}

// sparse is the beginning of a safetensors file with one tensor of 16 GiB.
func sparse(t *testing.T) []byte {
	t.Helper()
	header := `{"patch_embed.proj.weight":{"dtype":"F32","shape":[4294967296],"data_offsets":[0,17179869184]}}`
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
}

// What is no file is refused in the place of every file of a command line, at once.
func TestOddFiles(t *testing.T) {
	d := newDesk(t)
	detect := func(more ...string) []string { return tinyDetect(append(more, d.path("cat.png"))...) }
	for _, tc := range []struct {
		name, file string
		args       func(path string) []string
	}{
		{"picture of features", "odd.png", func(path string) []string { return d.args(path) }},
		{"tensor of features", "odd.npy", func(path string) []string { return d.args(path) }},
		{"picture of detect", "odd.png", func(path string) []string { return tinyDetect("--class", "cat", path) }},
		{"weights of features", "odd.pth", func(path string) []string { return d.args("--weights", path, d.path("cat.png")) }},
		{"weights of detect", "odd.pth", func(path string) []string { return detect("--class", "cat", "--weights", path) }},
		{"architecture of features", "odd.json", func(path string) []string {
			return []string{"features", "--device", "cpu", "--arch", path, "--out", d.out, d.path("cat.png")}
		}},
		{"architecture of detect", "odd.json", func(path string) []string {
			return []string{"detect", "--device", "cpu", "--arch", path, "--class", "cat", d.path("cat.png")}
		}},
		{"classes", "odd.txt", func(path string) []string { return detect("--classes", path) }},
		{"vocabulary", "vocab.txt", func(path string) []string { return detect("--class", "cat", "--vocab", path) }},
		{"vocabulary of tokens", "vocab.txt", func(path string) []string { return []string{"tokens", "--class", "cat", "--vocab", path} }},
		{"checkpoint of inspect", "odd.safetensors", func(path string) []string { return []string{"inspect", path} }},
		{"index of inspect", "odd.index.json", func(path string) []string { return []string{"inspect", path} }},
	} {
		for _, odd := range filetest.Odds(t, tc.file) {
			if odd.Name == "folder" && strings.HasPrefix(tc.name, "picture") {
				continue // of pictures
			}
			t.Run(tc.name+"/"+odd.Name, func(t *testing.T) {
				began := time.Now()
				o := glip(t, tc.args(odd.Path)...)
				if o.code != exitInput || !strings.Contains(o.stderr, "not a regular file but "+odd.Says) {
					t.Errorf("exit status %d, %s", o.code, o.stderr)
				}
				if took := time.Since(began); took > time.Second {
					t.Errorf("it took %v", took)
				}
			})
		}
	}
}
