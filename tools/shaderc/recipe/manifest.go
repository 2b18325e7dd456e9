package recipe

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// ManifestFile is the record's path inside the shaders folder.
const ManifestFile = SPVDir + "/manifest.json"

// Remedy is what to do about a stale module.
const Remedy = "run go generate ./shaders"

// Manifest records what every committed module was made from.
type Manifest struct {
	Compiler string   `json:"compiler"` // name and versions as the compiler prints them, on one line
	Modules  []Module `json:"modules"`  // sorted by name
}

// Module is the record of one compiled variant.
type Module struct {
	Name      string   `json:"name"`
	Arguments []string `json:"arguments"` // the compiler's, defines and flags included, without the output file
	Sources   []Source `json:"sources"`   // the .comp file and all it includes
	SPV       string   `json:"spv"`       // SHA-256 of the .spv file
}

// Plan is the record that compiling v now would give, its SPV hash still empty.
func (v Variant) Plan(fsys fs.FS) (Module, error) {
	sources, err := v.Sources(fsys)
	if err != nil {
		return Module{}, err
	}
	args := v.Arguments("")
	return Module{Name: v.Name, Arguments: args[:len(args)-2], Sources: sources}, nil
}

// SameRecipe reports whether m and other were made from the same sources with the same arguments.
func (m Module) SameRecipe(other Module) bool {
	return m.Name == other.Name && slices.Equal(m.Arguments, other.Arguments) && slices.Equal(m.Sources, other.Sources)
}

// Marshal is the manifest's text: indented JSON and a closing newline.
func (m Manifest) Marshal() ([]byte, error) {
	data, err := json.MarshalIndent(m, "", "\t")
	return append(data, '\n'), err
}

// Module finds a record by name.
func (m Manifest) Module(name string) (Module, bool) {
	i := slices.IndexFunc(m.Modules, func(r Module) bool { return r.Name == name })
	if i < 0 {
		return Module{}, false
	}
	return m.Modules[i], true
}

// ReadManifest reads spv/manifest.json of the shaders folder fsys.
func ReadManifest(fsys fs.FS) (Manifest, error) {
	var m Manifest
	data, err := fs.ReadFile(fsys, ManifestFile)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return Manifest{}, fmt.Errorf("%s: %w", ManifestFile, err)
	}
	return m, nil
}

// Stale compares the shaders folder fsys with its manifest and reports every difference in one error, nil when there is none: sources,
// arguments or modules that changed, rows never compiled, modules without a row or a record, .comp files that no row uses.
func Stale(fsys fs.FS, rows []Variant, manifest Manifest) error {
	var problems []error
	stale := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf(format+": "+Remedy, args...))
	}
	used := map[string]bool{}
	for _, v := range rows {
		used[v.Source] = true
		record, ok := manifest.Module(v.Name)
		if !ok {
			stale("shader %q is not in %s", v.Name, ManifestFile)
			continue
		}
		plan, err := v.Plan(fsys)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		if what := difference(record, plan); what != "" {
			stale("shader %q is stale: %s", v.Name, what)
		}
		if data, err := fs.ReadFile(fsys, v.File()); err != nil {
			stale("shader %q has no module (%v)", v.Name, err)
		} else if Hash(data) != record.SPV {
			stale("%s is not the module that %s records", v.File(), ManifestFile)
		}
	}
	for _, name := range strays(fsys, rows, manifest) {
		stale("%s has no row in %s", name, VariantsFile)
	}
	sources, _ := fs.Glob(fsys, "*.comp")
	for _, file := range sources {
		if !used[file] {
			problems = append(problems, fmt.Errorf("no row of %s uses %s: add one or delete the file", VariantsFile, file))
		}
	}
	return errors.Join(problems...)
}

// difference says in words how the recorded recipe differs from the present one; empty when it does not.
func difference(record, plan Module) string {
	if !slices.Equal(record.Arguments, plan.Arguments) {
		return fmt.Sprintf("compiled with %q, its row now says %q", strings.Join(record.Arguments, " "), strings.Join(plan.Arguments, " "))
	}
	was, is := hashes(record), hashes(plan)
	var changed []string
	for _, file := range slices.Sorted(maps.Keys(is)) {
		if was[file] != is[file] {
			changed = append(changed, file+" changed")
		}
	}
	for _, file := range slices.Sorted(maps.Keys(was)) {
		if is[file] == "" {
			changed = append(changed, file+" is no longer included")
		}
	}
	return strings.Join(changed, ", ")
}

func hashes(m Module) map[string]string {
	byPath := make(map[string]string, len(m.Sources))
	for _, s := range m.Sources {
		byPath[s.Path] = s.SHA256
	}
	return byPath
}

// strays lists modules on disk and records in the manifest that no row asks for, as paths.
func strays(fsys fs.FS, rows []Variant, manifest Manifest) []string {
	wanted := map[string]bool{}
	for _, v := range rows {
		wanted[v.File()] = true
	}
	found := map[string]bool{}
	files, _ := fs.Glob(fsys, path.Join(SPVDir, "*.spv"))
	for _, file := range files {
		found[file] = true
	}
	for _, m := range manifest.Modules {
		found[path.Join(SPVDir, m.Name+".spv")] = true
	}
	maps.DeleteFunc(found, func(file string, _ bool) bool { return wanted[file] })
	return slices.Sorted(maps.Keys(found))
}
