package pages

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// said is where a heading of docs/troubleshooting.md that quotes an error comes from: a command that prints it, or a package that
// does where the machine is another.
type said struct {
	command string
	status  int
	folder  string
}

func quoted() map[string]said {
	detect := func(rest string) said {
		return said{command: "glip detect --weights glip_tiny_model_o365_goldg_cc_sbu.pth" + smallDetector + " " + rest, status: 2}
	}
	inspect := func(name string) said { return said{command: "glip inspect testdata/checkpoints/" + name, status: 2} }
	return map[string]said{
		"no GPU: the Vulkan driver here runs on the CPU": {folder: "executor"},
		"no driver that works":                           {folder: "engine"},
		"no Vulkan device has":                           {folder: "engine"},
		"the device was lost":                            {folder: "engine"},
		"out of memory":                                  {folder: "engine"},
		"too little memory":                              {folder: "internal/memory"},
		"does not fit":                                   {command: "glip detect --device cpu --weights glip_large_model.pth --class cat cat.png", status: 2},
		"it is a Swin backbone alone":                    {command: "glip detect --device cpu --weights tiny.safetensors --class cat cat.png", status: 2},
		"checkpoint is truncated":                        inspect("bad-legacy-cut-head.pth"),
		"Git LFS pointer":                                inspect("bad-not-lfs.pth"),
		"this is a web page":                             inspect("bad-not-html.pth"),
		"decompress it first":                            inspect("bad-not-gzip.pth"),
		"several sets of weights":                        {folder: "loader"},
		"are zeros or end in zeros":                      {folder: "loader"},
		"the text is taken as a list":                    {command: `glip tokens --text "cat|dog"`},
		"TorchScript archive":                            inspect("bad-torchscript.pth"),
		"made up by a formula":                           {command: "glip detect" + smallDetector + " --class cat cat.png"},
		"unsafe checkpoint":                              inspect("bad-evil-system.pth"),
		"not finite":                                     inspect("bad-nan.safetensors"),
		"cut short":                                      detect("--class cat testdata/pictures/truncated.jpg"),
		"which is not read":                              detect("--class cat coco.txt"),
		"over the limit of":                              detect("--class cat --max-pixels 1000 cat.png"),
		"map smaller than the window":                    {command: "glip features --size 32x32" + smallBackbone + " cat.png", status: 2},
		"nothing to look for":                            detect("cat.png"),
		"does not stand in the sentence":                 detect(`--text "a cat" --phrase dog cat.png`),
		"choose a folder that can be written":            detect("--class cat --draw --out cat.png/x cat.png"),
	}
}

// notOurs are errors that other programs print.
var notOurs = map[string]bool{"requires go >= 1.26": true, `C compiler "gcc" not found`: true}

// TestTroubleshooting makes every error that the page quotes in a heading.
func TestTroubleshooting(t *testing.T) {
	d := newDesk(t)
	rest := quoted()
	for _, p := range all(t) {
		if p.Name != "docs/troubleshooting.md" {
			continue
		}
		for _, head := range p.Heads {
			words := strings.TrimSuffix(strings.TrimPrefix(head, "`"), "`")
			from, ok := rest[words]
			delete(rest, words)
			switch {
			case len(words) != len(head)-2 || notOurs[words]:
			case !ok:
				t.Errorf("%s: no row of this test makes the error %q", p.Name, words)
			default:
				t.Run(words, func(t *testing.T) { d.says(t, from, words) })
			}
		}
	}
	for words := range rest {
		t.Errorf("a row of this test makes the error %q, which no heading quotes", words)
	}
}

// says requires words where they are said to come from.
func (d desk) says(t *testing.T, from said, words string) {
	if from.folder != "" {
		files, err := filepath.Glob(filepath.Join(d.root, from.folder, "*.go"))
		if err != nil || !slices.ContainsFunc(files, func(file string) bool {
			text, err := os.ReadFile(file)
			return err == nil && strings.Contains(string(text), words)
		}) {
			t.Errorf("nothing in %s says %q: %v", from.folder, words, err)
		}
		return
	}
	status, output, err := d.run(t.Context(), d.dir, from.command)
	if err != nil || status != from.status || !strings.Contains(output, words) {
		t.Errorf("%s\n%v, status %d, want %d and %q in:\n%s", from.command, err, status, from.status, words, output)
	}
}
