package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestBoms builds glip as a release does and reads its bill of materials back: it must hold what the program itself says that it is built of, no
// more, no less, each with a licence that is permitted; and be the same when made again.
func TestBoms(t *testing.T) {
	folder, dir := filepath.Join(t.TempDir(), "glipvk_v9_any"), t.TempDir()
	command := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-o", filepath.Join(folder, "glip"), "./cmd/glip")
	command.Dir = moduleRoot
	command.Env = append(command.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if said, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	modules, err := list(t.Context(), moduleRoot)
	if err != nil {
		t.Fatal(err)
	}
	for i := range modules {
		if err := modules[i].read(); err != nil {
			t.Fatal(err)
		}
	}
	made := time.Unix(1700000000, 0)
	if err := writeBoms(dir, "v9", made, modules, []string{folder}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "glipvk_v9_any.cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	var b bom
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&b); err != nil {
		t.Fatal(err)
	}
	if b.Format != "CycloneDX" || b.Spec != "1.6" || b.Version != 1 || b.Metadata.Timestamp != "2023-11-14T22:13:20Z" || b.Metadata.Component.Version != "v9" {
		t.Errorf("the head is %+v", b.Metadata)
	}
	said, err := exec.CommandContext(t.Context(), "go", "version", "-m", filepath.Join(folder, "glip")).Output()
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for line := range strings.Lines(string(said)) {
		if fields := strings.Fields(line); len(fields) >= 3 && fields[0] == "dep" {
			want = append(want, fields[1]+" "+fields[2])
		}
	}
	var refs []string
	for _, c := range b.Components {
		refs = append(refs, c.Ref)
		if c.Name != "std" {
			got = append(got, c.Name+" "+c.Version)
			if len(c.Hashes) != 1 || !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(c.Hashes[0].Content) {
				t.Errorf("%s has the hashes %v", c.Name, c.Hashes)
			}
		}
		for _, l := range c.Licences {
			if !slices.Contains(permitted, l.Licence.ID) {
				t.Errorf("%s is under %q", c.Name, l.Licence.ID)
			}
		}
		if c.Purl != c.Ref || !strings.HasPrefix(c.Purl, "pkg:golang/") || len(c.Licences) == 0 || c.Type != "library" {
			t.Errorf("a component is %+v", c)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) || len(want) < 10 {
		t.Errorf("the modules are\n%q, the program says\n%q", got, want)
	}
	if len(got)+1 != len(refs) || len(b.Dependencies) != 1 || !slices.Equal(b.Dependencies[0].DependsOn, refs) || b.Dependencies[0].Ref != b.Metadata.Component.Ref {
		t.Error("the standard library is not there once, or not everything is needed by the program")
	}
	if err := writeBoms(dir, "v9", made, modules, []string{folder}); err != nil {
		t.Fatal(err)
	}
	if again, err := os.ReadFile(filepath.Join(dir, "glipvk_v9_any.cdx.json")); err != nil || !bytes.Equal(again, text) {
		t.Errorf("made again it differs (%v)", err)
	}
}

func TestBomsRefused(t *testing.T) {
	modules := []module{
		{Path: "x/linked", Version: "v1.0.0", linked: true, licences: []string{"MIT"}}, {Path: "x/tool", Version: "v1.0.0", licences: []string{"MIT"}},
	}
	for name, m := range map[string]*debug.Module{
		"unknown": {Path: "x/other", Version: "v1.0.0"}, "of a tool": {Path: "x/tool", Version: "v1.0.0"}, "of another version": {Path: "x/linked", Version: "v1.0.1"},
	} {
		if of, err := licencesOf(m, modules); err == nil || !strings.Contains(err.Error(), m.Path+" "+m.Version) {
			t.Errorf("a module that is %s has the licences %v (%v)", name, of, err)
		}
	}
	if of, err := licencesOf(&debug.Module{Path: "x/linked", Version: "v1.0.0"}, modules); err != nil || !slices.Equal(of, []string{"MIT"}) {
		t.Errorf("%v (%v), want MIT", of, err)
	}
	folder := t.TempDir()
	if _, err := programs(folder); err == nil {
		t.Error("a folder without programs is taken")
	}
	if err := os.WriteFile(filepath.Join(folder, "glip"), []byte("#!/bin/sh\n"), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := programs(folder); err == nil || !strings.Contains(err.Error(), "glip") {
		t.Errorf("a script: %v", err)
	}
	for _, args := range [][]string{{"-boms", folder}, {folder}} {
		if err := run(t.Context(), args, &strings.Builder{}); err == nil || !strings.Contains(err.Error(), "go together") {
			t.Errorf("%q: %v", args, err)
		}
	}
}
