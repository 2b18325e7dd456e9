package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/onnx/schema"
	"google.golang.org/protobuf/proto"
)

const (
	tinyArch    = "../../testdata/glip/tiny/arch.json"
	tinyWeights = "../../testdata/glip/tiny/model.pth"
)

// writtenModel is the model of a file.
func writtenModel(t *testing.T, path string) *schema.ModelProto {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m := &schema.ModelProto{}
	if err := proto.Unmarshal(data, m); err != nil {
		t.Fatal(err)
	}
	return m
}

// valueNames are the names of values, joined.
func valueNames(list []*schema.ValueInfoProto) string {
	var names []string
	for _, v := range list {
		names = append(names, v.Name)
	}
	return strings.Join(names, " ")
}

// TestExport writes the tiny detector, its head and its backbone, and wants what is beside the model to tell its inputs.
func TestExport(t *testing.T) {
	for name, c := range map[string]struct {
		more         []string
		in, out, say string
	}{
		"detector": {[]string{"--arch", tinyArch, "--weights", tinyWeights, "--size", "64", "--labels", "3"},
			"image input_ids attention_mask positive_map image_size", "boxes scores labels", "[1 3 64 64]"},
		"raw": {[]string{"--arch", tinyArch, "--weights", tinyWeights, "--size", "64x96", "--raw", "--batch", "0", "--tokens", "9", "--absorb", "--gather"},
			"image input_ids attention_mask", "logits_p3 centerness_p3 box_regression_p3", "[batch 3 64 96]"},
		"backbone": {[]string{"--arch", tinyArch, "--weights", tinyWeights, "--size", "64", "--part", "backbone", "--data", "beside"}, "image", "stage1 stage2 stage3", "a.onnx.data"},
		"world":    {[]string{"--model", "glip-world", "--size", "64"}, "image input_ids attention_mask positive_map image_size", "boxes scores labels", "glip-world"},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out", "a.onnx")
			o := glip(t, append([]string{"export", "--onnx", "--out", out}, c.more...)...)
			if o.code != 0 || !strings.Contains(o.stdout, c.say) {
				t.Fatalf("exit status %d, %s%s", o.code, o.stderr, o.stdout)
			}
			m := writtenModel(t, out)
			if got := valueNames(m.Graph.Input); got != c.in {
				t.Errorf("inputs %q, want %q", got, c.in)
			}
			if got := valueNames(m.Graph.Output); !strings.HasPrefix(got, c.out) {
				t.Errorf("outputs %q, want %q", got, c.out)
			}
			var about exported
			data, err := os.ReadFile(out + ".json")
			if err == nil {
				err = json.Unmarshal(data, &about)
			}
			if err != nil || about.Opset != 20 || len(about.Inputs) != len(m.Graph.Input) || len(about.Before) == 0 || len(about.Behind) == 0 || len(about.Mean) != 3 {
				t.Errorf("beside the model is %+v (%v)", about, err)
			}
		})
	}
}

// TestExportRefuses wants a sentence and exit status 2 for what cannot be exported, and no file.
func TestExportRefuses(t *testing.T) {
	dir := t.TempDir()
	weights := filepath.Join(dir, "model.pth")
	data, err := os.ReadFile(tinyWeights)
	if err == nil {
		err = os.WriteFile(weights, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "a.onnx")
	tiny := []string{"--arch", tinyArch, "--weights", weights}
	with := func(more ...string) []string { return append(append([]string{"--onnx"}, tiny...), more...) }
	for _, c := range []struct {
		args []string
		word string
	}{
		{append(tiny, "--out", out), "--onnx"},
		{with(), "--out"},
		{with("--out", weights), "would replace"},
		{with("--out", dir), "folder"},
		{with("--out", out, "--size", "65"), "multiples of 32"},
		{with("--out", out, "--size", "big"), "HEIGHTxWIDTH"},
		{with("--out", out, "--size", "64", "--tokens", "1000"), "tokens"},
		{with("--out", out, "--part", "head"), "--part"},
		{with("--out", out, "--part", "backbone", "--size", "64", "--raw"), "--raw"},
		{with("--out", out, "--data", "elsewhere"), "--data"},
		{with("--out", out, "--batch", "-1"), "--batch"},
		{with("--out", out, "--threshold", "NaN"), "--threshold"},
		{with("--out", out, "--model", "GLIP-T"), "exclude each other"},
		{[]string{"--onnx", "--out", out, "--model", "swin-world", "--part", "detector"}, "backbone"},
		{[]string{"--onnx", "--out", out, "--arch", tinyArch, "--size", "64", "--weights", filepath.Join(dir, "missing.pth")}, "missing.pth"},
	} {
		o := glip(t, append([]string{"export"}, c.args...)...)
		if o.code != 2 || !strings.Contains(o.stderr, c.word) {
			t.Errorf("%v: exit status %d, want 2 and %q in %s", c.args, o.code, c.word, o.stderr)
		}
	}
	if list, _ := os.ReadDir(dir); len(list) != 1 {
		t.Errorf("the folder has %v", list)
	}
}
