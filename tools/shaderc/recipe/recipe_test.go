package recipe_test

import (
	"bytes"
	"encoding/binary"
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/glipvk/glipvk/tools/shaderc/recipe"
)

// stock is a shaders folder in memory, freshly compiled as far as hashes go.
func stock() fstest.MapFS {
	return fstest.MapFS{
		"variants.json":          {Data: []byte(`[{"name": "add", "source": "add.comp", "defines": {"T": "float"}}]`)},
		"add.comp":               {Data: []byte("#version 450\n#include \"common.glsl\"\n/* #include \"never.glsl\" */\n")},
		"include/common.glsl":    {Data: []byte("  # include <deep/leaf.glsl>\n")},
		"include/deep/leaf.glsl": {Data: []byte("float leaf;\n")},
		"spv/add.spv":            {Data: []byte("module")},
	}
}

func record(t *testing.T, fsys fstest.MapFS) recipe.Manifest {
	t.Helper()
	rows, err := recipe.Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := rows[0].Plan(fsys)
	if err != nil {
		t.Fatal(err)
	}
	plan.SPV = recipe.Hash(fsys["spv/add.spv"].Data)
	return recipe.Manifest{Modules: []recipe.Module{plan}}
}

func TestStaleIsNoticed(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(fstest.MapFS, *recipe.Manifest)
		want   string // in the error; empty: none
	}{
		{"unchanged", func(fstest.MapFS, *recipe.Manifest) {}, ""},
		{"source", func(f fstest.MapFS, _ *recipe.Manifest) {
			f["add.comp"] = &fstest.MapFile{Data: []byte("#version 460\n#include \"common.glsl\"\n")}
		}, "add.comp changed: run go generate ./shaders"},
		{"nested include", func(f fstest.MapFS, _ *recipe.Manifest) {
			f["include/deep/leaf.glsl"] = &fstest.MapFile{Data: []byte("vec4 leaf;\n")}
		}, "include/deep/leaf.glsl changed: run go generate ./shaders"},
		{"include dropped", func(f fstest.MapFS, _ *recipe.Manifest) {
			f["include/common.glsl"] = &fstest.MapFile{Data: []byte("\n")}
		}, "include/deep/leaf.glsl is no longer included"},
		{"include missing", func(f fstest.MapFS, _ *recipe.Manifest) { delete(f, "include/deep/leaf.glsl") },
			`include/common.glsl includes "deep/leaf.glsl", which is not among include/deep/leaf.glsl`},
		{"define", func(f fstest.MapFS, _ *recipe.Manifest) {
			f["variants.json"] = &fstest.MapFile{Data: []byte(`[{"name": "add", "source": "add.comp", "defines": {"T": "int"}}]`)}
		}, "-DT=int"},
		{"flag", func(f fstest.MapFS, _ *recipe.Manifest) {
			f["variants.json"] = &fstest.MapFile{Data: []byte(`[{"name": "add", "source": "add.comp", "defines": {"T": "float"}, "flags": ["-O0"]}]`)}
		}, "its row now says"},
		{"module edited", func(f fstest.MapFS, _ *recipe.Manifest) { f["spv/add.spv"] = &fstest.MapFile{Data: []byte("other")} },
			"spv/add.spv is not the module that spv/manifest.json records: run go generate ./shaders"},
		{"module missing", func(f fstest.MapFS, _ *recipe.Manifest) { delete(f, "spv/add.spv") }, `shader "add" has no module`},
		{"record missing", func(_ fstest.MapFS, m *recipe.Manifest) { m.Modules = nil }, `"add" is not in spv/manifest.json`},
		{"stray module", func(f fstest.MapFS, _ *recipe.Manifest) { f["spv/old.spv"] = &fstest.MapFile{} }, "spv/old.spv has no row"},
		{"stray record", func(_ fstest.MapFS, m *recipe.Manifest) { m.Modules = append(m.Modules, recipe.Module{Name: "old"}) },
			"spv/old.spv has no row"},
		{"unused source", func(f fstest.MapFS, _ *recipe.Manifest) { f["sub.comp"] = &fstest.MapFile{} }, "no row of variants.json uses sub.comp"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			fsys := stock()
			manifest := record(t, fsys)
			tc.change(fsys, &manifest)
			rows, err := recipe.Load(fsys)
			if err != nil {
				t.Fatal(err)
			}
			err = recipe.Stale(fsys, rows, manifest)
			if (err == nil) != (tc.want == "") || (err != nil && !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestLoadRefuses(t *testing.T) {
	for name, row := range map[string]struct{ text, want string }{
		"syntax":         {`[{]`, "invalid character"},
		"unknown column": {`[{"name": "a", "source": "add.comp", "define": {}}]`, `unknown field "define"`},
		"bad name":       {`[{"name": "A b", "source": "add.comp"}]`, "name must be"},
		"twice":          {`[{"name": "a", "source": "add.comp"}, {"name": "a", "source": "add.comp"}]`, "is taken"},
		"no source":      {`[{"name": "a", "source": "sub.comp"}]`, "sub.comp"},
		"outside":        {`[{"name": "a", "source": "../add.comp"}]`, "must be the name of a .comp file"},
		"bad define":     {`[{"name": "a", "source": "add.comp", "defines": {"A B": "1"}}]`, "not an identifier"},
		"trailing":       {`[] []`, "something follows"},
	} {
		t.Run(name, func(t *testing.T) {
			fsys := stock()
			fsys["variants.json"] = &fstest.MapFile{Data: []byte(row.text)}
			if _, err := recipe.Load(fsys); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("error %v, want one with %q", err, row.want)
			}
		})
	}
}

// TestArguments fixes the order of the command line: defines sorted, flags able to override, source last.
func TestArguments(t *testing.T) {
	v := recipe.Variant{Name: "a", Source: "a.comp", Defines: map[string]string{"B": "2", "A": "1"}, Flags: []string{"-O0"}}
	got := strings.Join(v.Arguments("out"), " ")
	if want := "-O -g --target-env=vulkan1.1 -Werror -Iinclude -DA=1 -DB=2 -O0 a.comp -o out"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestSourcesFindAllIncludes checks that includes are followed and that one in a comment is not.
func TestSourcesFindAllIncludes(t *testing.T) {
	fsys := stock()
	sources, err := recipe.Variant{Source: "add.comp"}.Sources(fsys)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range sources {
		got[s.Path] = s.SHA256
	}
	want := map[string]string{}
	for _, file := range []string{"add.comp", "include/common.glsl", "include/deep/leaf.glsl"} {
		want[file] = recipe.Hash(fsys[file].Data)
	}
	if !maps.Equal(got, want) {
		t.Errorf("sources %v, want %v", got, want)
	}
}

// TestStrip builds a module of five instructions, of which two are source text.
func TestStrip(t *testing.T) {
	const header = "\x03\x02\x23\x07" + "\x00\x03\x01\x00" + "\x00\x00\x00\x00" + "\x09\x00\x00\x00" + "\x00\x00\x00\x00"
	instruction := func(op uint32, operands ...uint32) []byte {
		text := binary.LittleEndian.AppendUint32(nil, uint32(len(operands)+1)<<16|op)
		for _, operand := range operands {
			text = binary.LittleEndian.AppendUint32(text, operand)
		}
		return text
	}
	capability, name, function := instruction(17, 1), instruction(5, 1, 0x6e69616d, 0), instruction(54, 2, 1, 0, 3)
	source, line := instruction(7, 8, 0x2f706d74, 0), instruction(8, 8, 12, 1)
	whole := bytes.Join([][]byte{[]byte(header), capability, source, name, line, function}, nil)
	got, err := recipe.Strip(whole)
	if want := bytes.Join([][]byte{[]byte(header), capability, name, function}, nil); err != nil || !bytes.Equal(got, want) {
		t.Errorf("stripped to % x (%v), want % x", got, err, want)
	}
	for _, bad := range [][]byte{nil, whole[:16], whole[:len(whole)-4], []byte(strings.Repeat("no module ", 4)), append(bytes.Clone(whole), 0, 0, 0, 0)} {
		if _, err := recipe.Strip(bad); err == nil {
			t.Errorf("% x was accepted", bad)
		}
	}
}
