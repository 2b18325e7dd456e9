package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/internal/file"
)

// writeJSON writes v as indented JSON to the file of --json, if there is to be one.
func (f flags) writeJSON(v any) error {
	if f.json == "" {
		return nil
	}
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return writeFile("--json", f.json, append(data, '\n'))
}

// writeFile writes the file that a flag names.
func writeFile(flag, path string, data []byte) error {
	if err := file.Replace(path, data, 0o644); err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	return nil
}

// writable makes the folder of a file, if need be, and makes sure that a file can be
// written there and that the path is neither a folder nor one of the inputs.
func writable(flag, path string, inputs ...string) error {
	err := file.Probe(filepath.Dir(path))
	if info, statErr := os.Stat(path); err == nil && statErr == nil {
		err = replaceable(path, info, inputs)
	}
	if err != nil {
		return cli.Usage("%s: %w; choose a file that can be written", flag, err)
	}
	return nil
}

// replaceable refuses to replace a folder, a device or the like, or an input.
func replaceable(path string, info os.FileInfo, inputs []string) error {
	switch {
	case info.IsDir():
		return fmt.Errorf("%s is a folder", path)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no file that could be replaced", path)
	}
	for _, input := range inputs {
		if read, err := os.Stat(input); err == nil && os.SameFile(read, info) {
			return fmt.Errorf("writing %s would replace %s, which is read", path, input)
		}
	}
	return nil
}

// outputs makes sure that the files that were asked for can be written, before the work
// rather than after it.
func (f flags) outputs() error {
	for flag, path := range map[string]string{"--json": f.json, "--trace": f.trace} {
		if path == "" {
			continue
		}
		if err := writable(flag, path, append(f.weights.Files(), f.weights.Arch, f.vocab)...); err != nil {
			return err
		}
	}
	return nil
}
