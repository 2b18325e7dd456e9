package labels

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// What others wrote reads what is written here: DuckDB tables, xmllint and ajv XML and JSON by schemas of what the formats' manuals say.

// update lets DuckDB write testdata/tables anew.
var update = flag.Bool("update", false, "write testdata/tables as DuckDB reads what is written now")

// witnessesEnv names a folder into which npm has installed them: npm install --prefix FOLDER --ignore-scripts @duckdb/node-api ajv. make
// witnesses does so.
const witnessesEnv = "GLIPVK_WITNESSES"

// tableNames are the files of the format parquet, of pictures with and without scores and parts.
var tableNames = []string{"detections.parquet", "pictures.parquet"}

// goldenTables are those of which testdata/tables has what DuckDB read.
func goldenTables(t *testing.T, format string) string {
	t.Helper()
	list := twoPictures()
	list[1].Objects[1].Scored = false
	folder, _ := written(t, format, Options{Model: "glip-t", Weights: "abc", Prompt: "cat. hot dog", Split: Split{Train: 1, Val: 1, Seed: 3}}, list)
	return folder
}

// byNode runs a script of testdata with a module that npm installed, whose main file is named from node_modules on.
func byNode(t *testing.T, script, module string, args ...string) (string, error) {
	t.Helper()
	folder := os.Getenv(witnessesEnv)
	if folder == "" {
		t.Skipf("%s names no folder with %s in it; make witnesses makes one", witnessesEnv, module)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not here")
	}
	var problems bytes.Buffer
	args = append([]string{filepath.Join("testdata", script), filepath.Join(folder, "node_modules", filepath.FromSlash(module))}, args...)
	cmd := exec.CommandContext(t.Context(), node, args...)
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, problems.String())
	}
	return string(out), nil
}

// byDuckDB are the rows of tables.
func byDuckDB(t *testing.T, paths ...string) []string {
	t.Helper()
	out, err := byNode(t, "tables.mjs", "@duckdb/node-api/lib/index.js", paths...)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(strings.TrimSuffix(out, "\n"), "\n")
	if len(lines) != len(paths) {
		t.Fatalf("DuckDB printed %d lines of %d files", len(lines), len(paths))
	}
	return lines
}

// rowsOf are rows without what they leave open.
func rowsOf(t *testing.T, text string) (rows []map[string]any) {
	t.Helper()
	if !strings.HasPrefix(text, "[") { // JSON Lines
		text = "[" + strings.ReplaceAll(strings.TrimSpace(text), "\n", ",") + "]"
	}
	if err := json.Unmarshal([]byte(text), &rows); err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		for k, v := range r {
			if v == nil {
				delete(r, k)
			}
		}
	}
	return rows
}

// sameRows wants what DuckDB read to be what the format jsonl says.
func sameRows(t *testing.T, name, read, lines string) {
	t.Helper()
	if got, want := rowsOf(t, read), rowsOf(t, lines); !reflect.DeepEqual(got, want) {
		t.Errorf("%s: DuckDB reads %d rows that are not the %d that were written: %.300s\nwant %.300s", name, len(got), len(want), read, lines)
	}
}

func textOf(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// linesOf are those that the format jsonl has for a table.
func linesOf(t *testing.T, folder, table string) string {
	t.Helper()
	return textOf(t, filepath.Join(folder, strings.TrimSuffix(table, ".parquet")+".jsonl"))
}

// The tables in testdata are those that are written, and DuckDB has read in them what was meant.
func TestTablesGolden(t *testing.T) {
	golden := filepath.Join("testdata", "tables")
	folder, said := goldenTables(t, "parquet"), goldenTables(t, "jsonl")
	for _, name := range tableNames {
		if *update {
			path := filepath.Join(folder, name)
			for kept, text := range map[string]string{name: textOf(t, path), name + ".json": byDuckDB(t, path)[0]} {
				if err := os.WriteFile(filepath.Join(golden, kept), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
		if textOf(t, filepath.Join(folder, name)) != textOf(t, filepath.Join(golden, name)) {
			t.Errorf("%s is another file than DuckDB has read; with DuckDB (make witnesses), go test ./labels -run TablesGolden -update has it read again", name)
		}
		sameRows(t, name, textOf(t, filepath.Join(golden, name+".json")), linesOf(t, said, name))
	}
}

// DuckDB reads what was written, of more rows than a group has.
func TestTablesByDuckDB(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var list []Picture
	for i := range 760 {
		p := Picture{Name: fmt.Sprintf("é & \"%d\".jpg", i), Width: 1000, Height: 500}
		for range i % 200 {
			x, y := random.Float64()*900, random.Float64()*400
			p.Objects = append(p.Objects, Object{Class: random.IntN(2), Box: Box{x, y, x + 1 + random.Float64()*99, y + 1}, Score: random.Float64(), Scored: i%3 > 0})
		}
		list = append(list, p)
	}
	folder, _ := written(t, "parquet", Options{Model: "m"}, list)
	said, _ := written(t, "jsonl", Options{Model: "m"}, list)
	var paths []string
	for _, name := range tableNames {
		paths = append(paths, filepath.Join(folder, name))
	}
	for i, read := range byDuckDB(t, paths...) {
		sameRows(t, tableNames[i], read, linesOf(t, said, tableNames[i]))
		t.Logf("DuckDB reads %d rows of %s", len(rowsOf(t, read)), tableNames[i])
	}
}

// bySchema checks files by a schema of testdata: XML by xmllint, JSON by ajv.
func bySchema(t *testing.T, schema string, paths ...string) error {
	t.Helper()
	schema = filepath.Join("testdata", schema)
	if strings.HasSuffix(schema, ".json") {
		out, err := byNode(t, "schema.mjs", "ajv/dist/ajv.js", append([]string{schema}, paths...)...)
		t.Logf("ajv: %s", out)
		return err
	}
	program, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("xmllint (libxml2-utils) is not here")
	}
	out, err := exec.CommandContext(t.Context(), program, append([]string{"--nonet", "--noout", "--schema", schema}, paths...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	t.Logf("xmllint: %s", out)
	return nil
}

// XML and JSON are as the schemas want them, and the schemas refuse what is not.
func TestSchemas(t *testing.T) {
	odd := []string{"cat", "a<b & \"c\" é"}
	for _, tc := range []struct {
		schema, format string
		options        Options
		files          []string
		wrong          [][2]string
	}{
		{"voc.xsd", "voc", Options{Classes: odd}, []string{"Annotations/a & b.xml", "Annotations/b/dog.xml"}, [][2]string{
			{"<xmin>11</xmin>", "<xmin>0</xmin>"}, {"<xmin>11</xmin>", "<xmin>10.5</xmin>"}, {"<pose>Unspecified</pose>", ""}, {"<difficult>0</difficult>", "<difficult>2</difficult>"},
			{"<width>100</width>", ""}, {"<name>cat</name>", "<name></name>"},
		}},
		{"cvat.xsd", "cvat", Options{Classes: odd, ScoreAttribute: "sure"}, []string{"annotations.xml"}, [][2]string{
			{`label="cat"`, `label="dog"`}, {`xtl="0.00"`, `xtl="-3.00"`}, {`xtl="0.00"`, `xtl="1e1"`}, {`occluded="0"`, ``}, {"<version>1.1</version>", "<version>1.0</version>"},
			{`<image id="1"`, `<image id="0"`}, {`source="auto"`, `source="glip"`}, {"<mutable>False</mutable>", "<mutable>no</mutable>"},
		}},
		{"cvat.xsd", "cvat", Options{}, []string{"annotations.xml"}, nil},
		{"studio.schema.json", "labelstudio", Options{Classes: odd, Model: "m"}, []string{"tasks.json"}, [][2]string{
			{`"x":10.25`, `"x":-1`}, {`"x":10.25`, `"x":"10"`}, {`"rectanglelabels":["cat"]`, `"rectanglelabels":[]`}, {`"type":"rectanglelabels"`, `"type":"rectangle"`},
			{`"from_name":"label",`, ``}, {`"original_width":100`, `"original_width":0`}, {`"predictions":`, `"annotations":`},
		}},
	} {
		t.Run(tc.format+" by "+tc.schema, func(t *testing.T) {
			folder, _ := written(t, tc.format, tc.options, twoPictures())
			var paths []string
			for _, name := range tc.files {
				paths = append(paths, filepath.Join(folder, filepath.FromSlash(name)))
			}
			if err := bySchema(t, tc.schema, paths...); err != nil {
				t.Errorf("%s: %v", tc.schema, err)
			}
			text := textOf(t, paths[0])
			for _, w := range tc.wrong {
				bad := strings.Replace(text, w[0], w[1], 1)
				path := filepath.Join(t.TempDir(), filepath.Base(paths[0]))
				if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
					t.Fatal(err)
				}
				if bad == text || bySchema(t, tc.schema, path) == nil {
					t.Errorf("%s takes %q for %q", tc.schema, w[1], w[0])
				}
			}
		})
	}
}
