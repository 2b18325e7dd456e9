package pages

import (
	"context"
	"fmt"
	"image"
	"image/jpeg"
	_ "image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/glipvk/glipvk/internal/file/filetest"
)

// backbone is an architecture so small that it costs nothing, that of testdata/checkpoints/mmpretrain-nano.pth.
const backbone = `{"embed_dims": 8, "depths": [2, 2, 2, 2], "num_heads": [1, 2, 4, 8], "window_size": 4, "out_indices": [1, 2, 3],
	"img_size": 128, "patch_size": 4, "mlp_ratio": 4, "norm_eps": 1e-05, "qkv_bias": true}`

// annotations are of the pictures in photos.
const annotations = `{"images": [{"id": 1, "file_name": "a.jpg", "width": 451, "height": 300}, {"id": 2, "file_name": "b.png", "width": 451, "height": 300}],
	"categories": [{"id": 1, "name": "cat"}], "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [90, 10, 280, 270], "area": 75600, "iscrowd": 0},
	{"id": 2, "image_id": 2, "category_id": 1, "bbox": [90, 10, 280, 270], "area": 75600, "iscrowd": 0}]}`

// desk is a folder that holds what the pages name: pictures, lists, architectures and, under the names of published checkpoints, small ones.
type desk struct{ root, dir string }

// commands is the folder in which the commands are built, once for all tests.
var commands string

func TestMain(m *testing.M) {
	var err error
	if commands, err = os.MkdirTemp("", "pages"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	if err := os.RemoveAll(commands); err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

var build = sync.OnceValues(func() (output []byte, err error) {
	command := exec.Command("go", "build", "-o", commands+string(filepath.Separator), "./cmd/glip", "./cmd/bench", "./tools/scenes")
	command.Dir = moduleRoot
	return command.CombinedOutput()
})

// newDesk makes it.
func newDesk(t *testing.T) desk {
	t.Helper()
	root, err := filepath.Abs(moduleRoot)
	if err != nil {
		t.Fatal(err)
	}
	if output, err := build(); err != nil {
		t.Fatalf("building the commands: %v\n%s", err, output)
	}
	d := desk{root, t.TempDir()}
	filetest.Need(t, "symbolic links", os.Symlink(filepath.Join(root, "testdata"), filepath.Join(d.dir, "testdata")))
	cat := "testdata/pictures/chelsea.png"
	detector, nano := "testdata/glip/tiny/model.pth", "testdata/checkpoints/mmpretrain-nano.pth"
	for name, from := range map[string]string{
		"cat.png": cat, "photos/b.png": cat, "a.jpg": cat, "dog.jpg": cat, "photos/a.jpg": cat, "yolo/images/a.jpg": cat, "val2017/000000000139.jpg": cat,
		"val2017/000000000285.jpg":              cat,
		"glip_tiny_model_o365_goldg_cc_sbu.pth": detector, "glip_large_model.pth": detector, "glip_a_tiny_o365.pth": detector, "glip-t": detector,
		"swin-t_glip-pre_3rdparty_20230413-d85813b5.pth": nano, "tiny.safetensors": "testdata/checkpoints/nano-bfloat16.safetensors",
		"detector.json": "testdata/glip/tiny/arch.json", "vocab.txt": "testdata/glip/tiny/vocab.txt",
	} {
		data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(from)))
		if err != nil {
			t.Fatal(err)
		}
		d.write(t, name, data)
	}
	for _, name := range []string{"backbone.json", "tiny.json"} {
		d.write(t, name, []byte(backbone))
	}
	d.write(t, "coco.txt", []byte("cat\ndog\n"))
	for _, name := range []string{"shapes.json", "val.json"} {
		d.write(t, name, []byte(annotations))
	}
	d.write(t, "yolo/data.yaml", []byte("train: images\nval: images\nnames: [cat]\n"))
	d.write(t, "yolo/labels/a.txt", []byte("0 0.5 0.5 0.6 0.9\n"))
	d.write(t, "found/detections.jsonl", []byte(`{"image": "a.jpg", "width": 451, "height": 300, "label": 1, "class": "cat", "score": 0.9, "x1": 90, "y1": 15, "x2": 361, "y2": 285}`))
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 128, 128), }%*s\n", 45, "")
	d.write(t, "input.npy", append([]byte("\x93NUMPY\x01\x00"+string(rune(len(header)))+"\x00"+header), make([]byte, 4*3*128*128)...))
	return d
}

// write puts a file on the desk; a picture whose name ends in .jpg becomes one.
func (d desk) write(t *testing.T, name string, data []byte) {
	t.Helper()
	file := filepath.Join(d.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		t.Fatal(err)
	}
	if filepath.Ext(name) == ".jpg" {
		picture, _, err := image.Decode(strings.NewReader(string(data)))
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := jpeg.Encode(&b, picture, nil); err != nil {
			t.Fatal(err)
		}
		data = []byte(b.String())
	}
	if err := os.WriteFile(file, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

// run gives a command line to the shell, in folder, with the commands that were built, and returns its status and all that it said.
func (d desk) run(ctx context.Context, folder, line string) (status int, said string, err error) {
	for name, from := range map[string]string{"glip": "./cmd/", "bench": "./cmd/", "scenes": "./tools/"} {
		line = strings.ReplaceAll(line, "go run "+from+name+" ", name+" ")
	}
	command := exec.CommandContext(ctx, "bash", "-c", line)
	command.Dir = folder
	command.Env = append(command.Environ(), "PATH="+commands+string(filepath.ListSeparator)+os.Getenv("PATH"))
	output, err := command.CombinedOutput()
	if _, ended := err.(*exec.ExitError); ended {
		err = nil
	}
	return command.ProcessState.ExitCode(), string(output), err
}
