package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestGeneratedIsFresh compares the committed code with what the schemas become.
func TestGeneratedIsFresh(t *testing.T) {
	for _, schema := range []string{"onnx/schema/onnx", "serve/oip/schema/inference"} {
		want, err := generate(t.Context(), "../../"+schema+".proto")
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile("../../" + schema + ".pb.go")
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s.pb.go is not what the schema becomes: go generate ./%s", schema, filepath.Dir(schema))
		}
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
