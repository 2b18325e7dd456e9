package recipe

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// VariantsFile, IncludeDir and SPVDir are paths inside the shaders folder.
const (
	VariantsFile = "variants.json"
	IncludeDir   = "include"
	SPVDir       = "spv"
)

// Variant is one row of variants.json: one SPIR-V module to make.
type Variant struct {
	Name    string            `json:"name"`              // stem of the .spv file: lower case, digits, underscores
	Source  string            `json:"source"`            // a .comp file directly in the shaders folder
	Defines map[string]string `json:"defines,omitempty"` // preprocessor definitions, for types only
	Flags   []string          `json:"flags,omitempty"`   // compiler options after the common ones
	Note    string            `json:"note,omitempty"`    // for the reader; changes nothing
}

// Arguments returns the compiler's command line for v, run inside the shaders folder and writing to out. Its order is fixed.
//
// -g keeps the names that reflection reports (an optimizing glslc drops them otherwise); Strip removes the rest of what it adds.
func (v Variant) Arguments(out string) []string {
	args := []string{"-O", "-g", "--target-env=vulkan1.1", "-Werror", "-I" + IncludeDir}
	for _, key := range slices.Sorted(maps.Keys(v.Defines)) {
		args = append(args, "-D"+key+"="+v.Defines[key])
	}
	args = append(args, v.Flags...)
	return append(args, v.Source, "-o", out)
}

// File is the path of v's module inside the shaders folder.
func (v Variant) File() string { return path.Join(SPVDir, v.Name+".spv") }

var (
	nameForm   = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	sourceForm = regexp.MustCompile(`^[a-z][a-z0-9_]*\.comp$`)
	defineForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// Load reads variants.json of the shaders folder fsys, sorted by name, and checks every row: known columns, well-formed and
// distinct names, sources that exist. All problems are reported in one error.
func Load(fsys fs.FS) ([]Variant, error) {
	data, err := fs.ReadFile(fsys, VariantsFile)
	if err != nil {
		return nil, fmt.Errorf("shader variants: %w", err)
	}
	var rows []Variant
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&rows); err != nil {
		return nil, fmt.Errorf("%s: %w", VariantsFile, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: something follows the array of variants", VariantsFile)
	}
	var problems []error
	seen := map[string]bool{}
	for i, v := range rows {
		if err := v.check(fsys); err != nil {
			problems = append(problems, fmt.Errorf("%s: row %d %q: %w", VariantsFile, i+1, v.Name, err))
		}
		if seen[v.Name] {
			problems = append(problems, fmt.Errorf("%s: row %d: name %q is taken by an earlier row", VariantsFile, i+1, v.Name))
		}
		seen[v.Name] = true
	}
	slices.SortFunc(rows, func(a, b Variant) int { return strings.Compare(a.Name, b.Name) })
	return rows, errors.Join(problems...)
}

func (v Variant) check(fsys fs.FS) error {
	var problems []error
	if !nameForm.MatchString(v.Name) {
		problems = append(problems, errors.New("name must be lower case letters, digits and underscores"))
	}
	if !sourceForm.MatchString(v.Source) {
		problems = append(problems, fmt.Errorf("source %q must be the name of a .comp file beside %s", v.Source, VariantsFile))
	} else if _, err := fs.Stat(fsys, v.Source); err != nil {
		problems = append(problems, err)
	}
	for key := range v.Defines {
		if !defineForm.MatchString(key) {
			problems = append(problems, fmt.Errorf("define %q is not an identifier", key))
		}
	}
	return errors.Join(problems...)
}
