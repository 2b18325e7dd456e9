package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/bind"
	detector "github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/swin"
)

// TestInspectDetector: a whole detector's file is looked at as one, a part of one as a
// backbone, and what is asked for decides where a name stands for both.
func TestInspectDetector(t *testing.T) {
	dir := t.TempDir()
	data := func(parts ...string) string {
		return filepath.Join(append([]string{"..", "..", "testdata"}, parts...)...)
	}
	write := func(name string, value any) string {
		text, err := json.Marshal(value)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, name)
	}
	tiny := tinyConfig(t)
	whole, backbone := write("detector.json", tiny), write("backbone.json", tiny.Backbone)
	tiny.Layers = 0
	broken := write("broken.json", tiny)
	sound := read(t, data("checkpoints", "nano-bfloat16.safetensors"))
	clear(sound[len(sound)/2:])
	emptied, pointer := filepath.Join(dir, "emptied.safetensors"), filepath.Join(dir, "pointer.safetensors")
	for path, content := range map[string][]byte{emptied: sound, pointer: []byte("version https://git-lfs.github.com/spec/v1\noid sha256:00\n")} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	model, part, body := data("glip", "tiny", "model.pth"), data("checkpoints", "glip-detector-nano.pth"), data("checkpoints", "mmpretrain-nano.pth")
	for _, row := range []struct {
		name string
		args []string
		code int
		want []string
	}{
		{"its own", []string{model}, 0, []string{"microsoft/GLIP detector", "a detector of its own size", "bound 298, ignored 16", "taken for granted", "largest weight", "4.999255 (rpn.head.dot_product_projection_text.weight)\n", "nothing wrong"}},
		{"quick", []string{"--quick", model}, 0, []string{"values were not read"}},
		{"detector's arch", []string{"--arch", whole, model}, 0, []string{"nothing wrong", `"num_attention_heads":4`}},
		{"backbone's arch", []string{"--arch", backbone, model}, 0, []string{"nothing wrong", "GLIP detector"}},
		{"no arch", []string{"--arch", broken, model}, 2, []string{"layers is 0"}},
		{"GLIP-T", []string{"--model", "GLIP-T", model}, 2, []string{"channels: the file has 32, the model 256", "choose the model"}},
		{"the backbone's name", []string{"--model", "swin-t_glip-pre_3rdparty", model}, 2, []string{"embed_dims: the file has 12, the model 96"}},
		{"a part", []string{part}, 0, []string{"GLIP detector", "not part of the backbone", "nothing wrong"}},
		{"a part as the whole", []string{"--arch", whole, part}, 2, []string{"no head with a tower"}},
		{"an entry", []string{"--weights-entry", "state_dict.backbone", body}, 0, []string{"tensors in        state_dict", "names begin with  backbone.", "nothing wrong"}},
		{"no such entry", []string{"--weights-entry", "model_ema", body}, 2, []string{`no entry called "model_ema"`}},
		{"zeros", []string{emptied}, 2, []string{"behind it in the file are zeros or end in zeros", "1 problem", "of the weights are zeros, all or thousands in a row"}},
		{"a pointer", []string{pointer}, 2, []string{"run git lfs pull"}},
		{"a backbone as a detector", []string{"--model", "GLIP-T-A", body}, 2, []string{"it is a Swin backbone alone (mmpretrain)"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			o := glip(t, append([]string{"inspect"}, row.args...)...)
			for _, want := range row.want {
				if !strings.Contains(o.stdout+o.stderr, want) {
					t.Errorf("no %q in\n%s%s", want, o.stdout, o.stderr)
				}
			}
			if o.code != row.code {
				t.Errorf("exit status %d, want %d: %s", o.code, row.code, o.stderr)
			}
		})
	}
}

// TestInspectLargest: a weight that f16 cannot hold is pointed out.
func TestInspectLargest(t *testing.T) {
	for _, row := range []struct {
		values *bind.Report
		want   string
	}{
		{nil, ""}, {&bind.Report{}, ""}, {&bind.Report{Largest: 65504, Name: "w"}, "65504 (w)"},
		{&bind.Report{Largest: 70000, Name: "w"}, "70000 (w), which 16 bits cannot hold: they end at 65504; compute with --precision f32"},
	} {
		if got := (&finding{Values: row.values}).largest(); got != row.want {
			t.Errorf("%+v: %q, want %q", row.values, got, row.want)
		}
	}
}

// tinyConfig is the architecture of the scaled-down detector.
func tinyConfig(t *testing.T) detector.Config {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "testdata", "glip", "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Groups []struct {
			Group string
			Cases []struct{ Arch json.RawMessage }
		}
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	for _, g := range manifest.Groups {
		if g.Group != "tiny" {
			continue
		}
		cfg, err := detector.ParseConfig(g.Cases[0].Arch)
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	t.Fatal("the manifest has no group tiny")
	return detector.Config{}
}

// TestInspectDetectorJSON: the JSON has the detector in place of the backbone.
func TestInspectDetectorJSON(t *testing.T) {
	o := glip(t, "inspect", "--json", filepath.Join("..", "..", "testdata", "glip", "tiny", "model.pth"))
	var got struct {
		Family   string
		Variant  string
		Arch     *swin.Config
		Detector *detector.Config
		Inferred bool
		Tensors  []struct{ Name, Use, As string }
	}
	if err := json.Unmarshal([]byte(o.stdout), &got); err != nil || o.code != 0 {
		t.Fatalf("exit status %d, %v, %s", o.code, err, o.stderr)
	}
	if got.Arch != nil || got.Detector == nil || !got.Inferred || got.Variant != detector.Custom || got.Family != string(detector.Official) {
		t.Errorf("%+v", got)
	}
	if detector.Differences(*got.Detector, tinyConfig(t)) != nil {
		t.Errorf("detector %+v", got.Detector)
	}
	for _, e := range got.Tensors {
		if e.Use == "" || e.As == "" {
			t.Errorf("%+v has no use", e)
		}
	}
}
