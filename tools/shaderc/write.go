package main

import (
	"bytes"
	"os"
	"path/filepath"

	"github.com/glipvk/glipvk/tools/shaderc/recipe"
)

// write puts the modules, then the manifest, into the spv folder and removes modules that have no row. It returns how many it removed.
func (b *build) write(modules map[string][]byte, manifest recipe.Manifest) (int, error) {
	if err := os.MkdirAll(filepath.Join(b.dir, recipe.SPVDir), 0o755); err != nil {
		return 0, err
	}
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

// replace writes data beside path and renames it there, so that a reader sees the old file or the new one. A file that already holds
// data is left alone. The name begins with a dot, which go:embed passes over.
func replace(path string, data []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return nil
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".shaderc-*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // a no-op once renamed
	if _, err := temp.Write(data); err != nil {
		temp.Close()
		return err
	}
	if err := temp.Chmod(0o644); err != nil {
		temp.Close()
		return err
	}
	if err := temp.Close(); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
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
