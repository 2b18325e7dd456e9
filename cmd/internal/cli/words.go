package cli

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// flags are those that stand for what the library calls its options.
var flags = map[string]string{
	"MaxSide": "--max-side", "MaxPixels": "--max-pixels", "MaxMemory": "--max-memory",
	"PadSmallMap": "--pad-small-map", "ResizeTables": "--resize-tables", "OutIndices": "--out-indices", "AllowNonFinite": "--allow-non-finite",
	"DetectorOptions.Arch": "--arch", "BackboneOptions.Arch": "--arch", "DetectorOptions.Vocabulary": "--vocab",
	"Options.Size": "--size", "DetectorOptions.Size": "--size", "BackboneOptions.Size": "--size", "Options.Device": "--device", "Options.Weights": "--weights",
	"Options.Backbone": "--backbone", "Options.Precision": "--precision", "Options.Prompt": "--prompt", "Options.Force": "--force",
	"Options.Card": "--arch, --vocab, --size and --about", "Card.Config": "--arch", "Card.Vocabulary": "--vocab", "Card.About": "--about",
	"Options.Recompute": "--recompute", "Options.Memory": "--memory", "Options.Mode": "--mode", "Course.Batch": "--batch",
}

// ofLibrary finds the names of options.
var ofLibrary = regexp.MustCompile(`\b(` + strings.Join(slices.Sorted(maps.Keys(flags)), "|") + `)\b`)

// Words are what the library says in the words of a command line: options have the names of flags.
func Words(said string) string {
	return ofLibrary.ReplaceAllStringFunc(said, func(option string) string { return flags[option] })
}
