package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestGeneratedIsFresh compares the committed code with what the schema becomes.
func TestGeneratedIsFresh(t *testing.T) {
	want, err := generate(t.Context(), "../../onnx/schema/onnx.proto")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../onnx/schema/onnx.pb.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("onnx/schema/onnx.pb.go is not what onnx.proto becomes: go generate ./onnx/schema")
	}
}

func TestBadSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bad.proto")
	if err := os.WriteFile(path, []byte("syntax = \"proto3\";\nmessage M { teapot x = 1; }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{path}, nil, {filepath.Join(t.TempDir(), "missing.proto")}} {
		if err := run(t.Context(), args); err == nil {
			t.Errorf("%v is accepted", args)
		}
	}
	if _, err := os.Stat(strings.TrimSuffix(path, ".proto") + ".pb.go"); err == nil {
		t.Error("a schema that is none left a file")
	}
}
