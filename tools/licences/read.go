package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// What may be in what people are given, and what else tools and tests may use, which nobody is given.
var (
	permitted = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT"}
	forTools  = []string{"CC-BY-4.0", "FTL", "OFL-1.1"}
)

// chosen names the file with the licence that we take of a module that offers several in words of its own.
var chosen = map[string]string{"github.com/golang/freetype": "licenses/ftl.txt"}

// declined is the licence that we do not take of a module that offers one or another in the same file.
var declined = map[string]string{"github.com/go-text/typesetting": "Unlicense"}

// enough is how much of a file, in percent, must be known words of licences. The rest is names, years and, of a file with two licences, a
// sentence on which is whose.
const enough = 80

var (
	termsName = regexp.MustCompile(`(?i)^(un)?(licen[cs]e|copying)`)
	otherName = regexp.MustCompile(`(?i)^(notice|patents|third.?party|.*-third-party)`)
)

// read finds the files of a module that concern its licence and tells which it is. The error says what is unknown or forbidden.
func (m *module) read() error {
	m.texts = map[string]string{}
	for _, folder := range slices.Sorted(maps.Keys(m.folders)) {
		if err := m.look(folder); err != nil {
			return fmt.Errorf("%s %s: %w", m.Path, m.Version, err)
		}
	}
	if name, ok := chosen[m.Path]; ok {
		text, err := os.ReadFile(filepath.Join(m.Dir, filepath.FromSlash(name)))
		if err != nil {
			return fmt.Errorf("%s %s: the licence chosen of it: %w", m.Path, m.Version, err)
		}
		m.others = append(m.others, m.terms...)
		m.terms, m.texts[name] = []string{name}, string(text)
	}
	return m.judge()
}

// look reads what lies in a folder of the module.
func (m *module) look(folder string) error {
	entries, err := os.ReadDir(filepath.Join(m.Dir, folder))
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := filepath.ToSlash(filepath.Join(folder, e.Name()))
		terms, other := termsName.MatchString(e.Name()), otherName.MatchString(e.Name())
		switch {
		case e.IsDir() && other:
			err = m.lookInside(name)
		case e.IsDir() || !terms && !other || filepath.Ext(name) == ".go" || filepath.Ext(name) == ".docs": // LICENSE.docs is of texts, which nobody links
		case other || strings.HasSuffix(e.Name(), "-link.txt"): // an address of the text that is beside it
			err = m.keep(name, &m.others)
		default:
			err = m.keep(name, &m.terms)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// lookInside keeps every file of a folder with the licences of what the module contains; of folders in it, which are what it contains, the licences.
func (m *module) lookInside(folder string) error {
	entries, err := os.ReadDir(filepath.Join(m.Dir, filepath.FromSlash(folder)))
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := folder + "/" + e.Name()
		if e.IsDir() {
			err = m.lookDeeper(name)
		} else {
			err = m.keep(name, &m.others)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// lookDeeper keeps the licences in a folder of what the module contains, and in those in it.
func (m *module) lookDeeper(folder string) error {
	root := filepath.Join(m.Dir, filepath.FromSlash(folder))
	return fs.WalkDir(os.DirFS(root), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !termsName.MatchString(e.Name()) || path.Ext(name) == ".go" {
			return err
		}
		return m.keep(path.Join(folder, name), &m.others)
	})
}

func (m *module) keep(name string, to *[]string) error {
	text, err := os.ReadFile(filepath.Join(m.Dir, filepath.FromSlash(name)))
	if err != nil {
		return err
	}
	*to, m.texts[name] = append(*to, name), string(text)
	return nil
}

// judge names the licences of the terms and says what is wrong with them.
func (m *module) judge() error {
	if len(m.terms) == 0 {
		m.licences = []string{"UNKNOWN"}
		return fmt.Errorf("%s %s: no file of it says under which licence it is; ask its authors, or do without it", m.Path, m.Version)
	}
	allowed := permitted
	if !m.linked {
		allowed = slices.Concat(permitted, forTools)
	}
	var problems []error
	for _, name := range m.terms {
		of := slices.DeleteFunc(licences(m.texts[name]), func(id string) bool { return id == declined[m.Path] })
		if len(of) == 0 {
			of = []string{"UNKNOWN"}
			problems = append(problems, fmt.Errorf("%s %s: %s is no licence that is known; read it, and name what is taken of it in tools/licences/read.go", m.Path, m.Version, name))
		}
		for _, id := range of {
			if id != "UNKNOWN" && !slices.Contains(allowed, id) {
				problems = append(problems, fmt.Errorf("%s %s: %s is %s; what %s use may be under %s", m.Path, m.Version, name, id, m.use(), strings.Join(allowed, ", ")))
			}
			if !slices.Contains(m.licences, id) {
				m.licences = append(m.licences, id)
			}
		}
	}
	return errors.Join(problems...)
}

// licences names the licences that a text consists of, nil where too much of it is something else.
func licences(text string) []string {
	coverage := licensecheck.Scan([]byte(text))
	if !(coverage.Percent >= enough) {
		return nil
	}
	var ids []string
	for _, match := range coverage.Match {
		if !slices.Contains(ids, match.ID) {
			ids = append(ids, match.ID)
		}
	}
	return ids
}
