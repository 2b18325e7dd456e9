package main

import (
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// What of CycloneDX 1.6 a list of Go modules needs (https://cyclonedx.org/docs/1.6/json).
type (
	bom struct {
		Format       string       `json:"bomFormat"` // CycloneDX
		Spec         string       `json:"specVersion"`
		Version      int          `json:"version"`
		Metadata     metadata     `json:"metadata"`
		Components   []component  `json:"components"`
		Dependencies []dependency `json:"dependencies"`
	}
	metadata struct {
		Timestamp string    `json:"timestamp"`
		Component component `json:"component"` // what it is the bill of
	}
	component struct {
		Type       string     `json:"type"` // application or library
		Ref        string     `json:"bom-ref"`
		Name       string     `json:"name"`
		Version    string     `json:"version"`
		Purl       string     `json:"purl"`
		Hashes     []hash     `json:"hashes,omitempty"`
		Licences   []licence  `json:"licenses"`
		Properties []property `json:"properties,omitempty"`
	}
	hash struct {
		Algorithm string `json:"alg"`
		Content   string `json:"content"` // hexadecimal
	}
	licence struct {
		Licence struct {
			ID string `json:"id"` // SPDX's
		} `json:"license"`
	}
	property struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	dependency struct {
		Ref       string   `json:"ref"`
		DependsOn []string `json:"dependsOn"`
	}
)

// writeBoms writes a bill of materials for each folder of programs, FOLDER.cdx.json in dir: the modules that the programs themselves say they
// were built of, with the licences found here. A module of another version, or one that is not known here, is an error.
func writeBoms(dir, version string, made time.Time, modules []module, folders []string) error {
	for _, folder := range folders {
		b, err := billOf(folder, version, made, modules)
		if err != nil {
			return fmt.Errorf("the bill of materials of %s: %w", folder, err)
		}
		text, err := json.MarshalIndent(b, "", "\t")
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(folder)+".cdx.json"), append(text, '\n'), 0o666); err != nil {
			return err
		}
	}
	return nil
}

func billOf(folder, version string, made time.Time, modules []module) (*bom, error) {
	builds, err := programs(folder)
	if err != nil {
		return nil, err
	}
	b := &bom{Format: "CycloneDX", Spec: "1.6", Version: 1}
	b.Metadata.Timestamp = made.UTC().Format(time.RFC3339)
	b.Metadata.Component = describe("application", builds[0].Main.Path, version, "", []string{"Apache-2.0"})
	for _, s := range builds[0].Settings {
		if slices.Contains([]string{"GOOS", "GOARCH", "CGO_ENABLED", "vcs.revision"}, s.Key) {
			b.Metadata.Component.Properties = append(b.Metadata.Component.Properties, property{"go:" + s.Key, s.Value})
		}
	}
	linked := map[string]string{} // version by path
	var problems []error
	for _, build := range builds {
		for _, m := range slices.Concat([]*debug.Module{{Path: "std", Version: strings.TrimPrefix(build.GoVersion, "go")}}, build.Deps) {
			if m.Replace != nil {
				m = m.Replace
			}
			if old, ok := linked[m.Path]; ok && old == m.Version {
				continue
			}
			linked[m.Path] = m.Version
			licences, err := licencesOf(m, modules)
			problems = append(problems, err)
			b.Components = append(b.Components, describe("library", m.Path, m.Version, m.Sum, licences))
		}
	}
	slices.SortFunc(b.Components, func(x, y component) int { return strings.Compare(x.Ref, y.Ref) })
	needs := dependency{Ref: b.Metadata.Component.Ref}
	for _, c := range b.Components {
		needs.DependsOn = append(needs.DependsOn, c.Ref)
	}
	b.Dependencies = []dependency{needs}
	return b, errors.Join(problems...)
}

// programs reads what each program of a folder says of its build.
func programs(folder string) ([]*debug.BuildInfo, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var builds []*debug.BuildInfo
	for _, e := range entries {
		if name := strings.TrimSuffix(e.Name(), ".exe"); name != "glip" && name != "bench" {
			continue
		}
		info, err := buildinfo.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("the modules of %s: %w", e.Name(), err)
		}
		builds = append(builds, info)
	}
	if len(builds) == 0 {
		return nil, errors.New("there is neither glip nor bench in it")
	}
	return builds, nil
}

// licencesOf finds the licences of a module of a program among the modules that commands link.
func licencesOf(m *debug.Module, modules []module) ([]string, error) {
	path := m.Path
	if path == "std" {
		path = "the Go distribution"
	}
	i := slices.IndexFunc(modules, func(k module) bool { return k.Path == path })
	switch {
	case i < 0 || !modules[i].linked || len(modules[i].licences) == 0:
		return nil, fmt.Errorf("the program is built of %s %s, which the commands here do not link: was it built of this commit?", m.Path, m.Version)
	case m.Path != "std" && modules[i].Version != m.Version:
		return nil, fmt.Errorf("the program is built of %s %s, and here it is %s: was it built of this commit?", m.Path, m.Version, modules[i].Version)
	}
	return modules[i].licences, nil
}

// describe is a component. sum is as go.sum has it, "h1:" and base64 of a SHA-256 over the module's files, "" for none.
func describe(kind, path, version, sum string, licences []string) component {
	c := component{Type: kind, Name: path, Version: version, Purl: "pkg:golang/" + path + "@" + strings.ReplaceAll(version, "+", "%2B")}
	c.Ref = c.Purl
	if digest, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(sum, "h1:")); err == nil && len(digest) == 32 {
		c.Hashes = []hash{{"SHA-256", hex.EncodeToString(digest)}}
	}
	for _, id := range licences {
		l := licence{}
		l.Licence.ID = id
		c.Licences = append(c.Licences, l)
	}
	return c
}
