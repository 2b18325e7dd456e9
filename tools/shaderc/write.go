package main

import (
	"bytes"
	"os"
	"path/filepath"

	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/tools/shaderc/recipe"
)

// write puts the modules, then the manifest, into the spv folder and removes modules that have no row. It returns how many it removed.
func (b *build) write(modules map[string][]byte, manifest recipe.Manifest) (int, error) {
	wanted := map[string]bool{}
	for _, v := range b.rows {
		wanted[v.Name+".spv"] = true
		if data, ok := modules[v.Name]; ok {
			if err := replace(filepath.Join(b.dir, filepath.FromSlash(v.File())), data); err != nil {
				return 0, err
			}
		}
	}
	text, err := manifest.Marshal()
	if err != nil {
		return 0, err
	}
	if err := replace(filepath.Join(b.dir, filepath.FromSlash(recipe.ManifestFile)), text); err != nil {
		return 0, err
	}
	return b.removeStrays(wanted)
}

// replace changes a file only where it holds something else.
func replace(path string, data []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return nil
	}
	return file.Replace(path, data, 0o644)
}

func (b *build) removeStrays(wanted map[string]bool) (int, error) {
	files, err := filepath.Glob(filepath.Join(b.dir, recipe.SPVDir, "*.spv"))
	if err != nil {
		return 0, err
	}
	removed := 0
	for _, file := range files {
		if wanted[filepath.Base(file)] {
			continue
		}
		if err := os.Remove(file); err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}
