package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/glipvk/glipvk/bind"
	detector "github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/loader"
)

// print writes the tensors, then the summary, so that this is what a terminal shows last.
func (found *finding) print(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(found.Tensors) > 0 {
		fmt.Fprintln(tw, "tensor\ttype\tshape\tuse\t")
	}
	for _, t := range found.Tensors {
		fmt.Fprintf(tw, "%s\t%s\t%v\t%s\t%s\n", t.Name, t.DType, t.Shape, cmp.Or(t.Use, "?"), t.As)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(tw, "%s\t%s\n", name, value)
		}
	}
	row("file", found.File)
	row("container", found.Container)
	row("tensors in", found.Wrapper)
	row("names begin with", found.Prefix)
	row("family", string(found.Family))
	row("model", found.Variant)
	row("element types", found.types())
	row("use", found.uses())
	arch, err := found.architecture()
	if err != nil {
		return err
	}
	row("architecture", arch)
	found.Own.rows(row)
	if found.Inferred && found.Variant == detector.Custom {
		row("taken for granted", "attention heads of text and fusion, groups, eps and anchors: no shape tells them")
	}
	row("largest weight", found.largest())
	if len(found.Zeros) > 0 {
		row("suspicious", fmt.Sprintf("%d of the weights are zeros, all or thousands in a row: %s", len(found.Zeros), few(found.Zeros)))
	}
	row("fits", strings.Join(found.Fits, ", "))
	row("other weights", strings.Join(found.Others, ", "))
	row("left unread", strings.Join(found.Skipped, ", "))
	if err := tw.Flush(); err != nil {
		return err
	}
	switch {
	case len(found.Problems) > 0:
		fmt.Fprintf(w, "\n%s:\n", counted(len(found.Problems), "problem", "problems"))
		for _, p := range found.Problems {
			fmt.Fprintf(w, "  %s\n", p)
		}
		if found.Remedy != "" {
			fmt.Fprintf(w, "%s\n", found.Remedy)
		}
	case found.ValuesRead:
		fmt.Fprintln(w, "\nnothing wrong: every parameter is there in its shape, all values are finite")
	default:
		fmt.Fprintln(w, "\nnothing wrong: every parameter is there in its shape; values were not read (--quick)")
	}
	return nil
}

// rows are what the file says of its weights.
func (o *own) rows(row func(name, value string)) {
	if o == nil {
		return
	}
	vocabulary := "that of bert-base-uncased"
	if o.Vocabulary > 0 {
		vocabulary = fmt.Sprintf("%d tokens, in the file", o.Vocabulary)
	}
	row("vocabulary", vocabulary)
	row("size of pictures", o.Size)
	for _, key := range slices.Sorted(maps.Keys(o.About)) {
		row(key, o.About[key])
	}
}

// largest is the largest magnitude among the values that were read, and whether 16 bits hold it.
func (found *finding) largest() string {
	if found.Values == nil || found.Values.Name == "" {
		return ""
	}
	text := fmt.Sprintf("%g (%s)", found.Values.Largest, found.Values.Name)
	if found.Values.Largest > bind.MaxFloat16 {
		text += fmt.Sprintf(", which 16 bits cannot hold: they end at %d; compute with --precision f32", bind.MaxFloat16)
	}
	return text
}

// architecture is the configuration as JSON, "" if there is none.
func (found *finding) architecture() (string, error) {
	var cfg any
	switch {
	case found.Arch != nil:
		cfg = found.Arch
	case found.Detector != nil:
		cfg = found.Detector
	default:
		return "", nil
	}
	text, err := json.Marshal(cfg)
	if found.Inferred {
		return string(text) + " (from shapes)", err
	}
	return string(text), err
}

// types counts tensors by element type: "float32 175, int64 12".
func (found *finding) types() string {
	counts := map[loader.DType]int{}
	for _, t := range found.Tensors {
		counts[t.DType]++
	}
	var parts []string
	for _, d := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", d, counts[d]))
	}
	return strings.Join(parts, ", ")
}

// uses counts tensors by use.
func (found *finding) uses() string {
	counts := map[string]int{}
	for _, t := range found.Tensors {
		counts[t.Use]++
	}
	var parts []string
	for _, use := range []string{"bound", "ignored", "unexpected"} {
		if counts[use] > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", use, counts[use]))
		}
	}
	return strings.Join(parts, ", ")
}
