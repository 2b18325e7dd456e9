package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/labels"
	"github.com/spf13/cobra"
)

// labelSource is what labels that are read are, where they do not show it.
type labelSource struct {
	LabelFormat string `json:"label_format,omitempty"`
	VOC         string `json:"voc,omitempty"`
}

// wholePart is what --part takes for all parts.
const wholePart = "all"

// define adds the flags; of says whose labels they are of.
func (s *labelSource) define(cmd *cobra.Command, of string) {
	fl := cmd.Flags()
	fl.StringVar(&s.LabelFormat, "label-format", "", "format of "+of+": "+strings.Join(readFormats(), ", ")+" (default: what is there)")
	fl.StringVar(&s.VOC, "voc", "one-based", "numbers of Pascal VOC's boxes in "+of+": one-based, zero-based or shifted")
	cli.Complete(cmd, "label-format", readFormats)
	cli.Complete(cmd, "voc", func() []string { return []string{"one-based", "zero-based", "shifted"} })
}

// readFormats are the formats of annotations that are read.
func readFormats() (names []string) {
	for _, f := range labels.Formats() {
		if f.Reads && !strings.HasSuffix(f.Name, "-results") {
			names = append(names, f.Name)
		}
	}
	return names
}

// check refuses what is no format or convention.
func (s *labelSource) check() error {
	if s.LabelFormat != "" && !slices.Contains(readFormats(), s.LabelFormat) {
		return cli.Usage("--label-format %q: want %s", s.LabelFormat, oneOf(readFormats()))
	}
	_, err := parseVOC(s.VOC)
	return err
}

// parseVOC reads --voc; "" is one-based, of a run that was begun before there was a choice.
func parseVOC(s string) (labels.VOC, error) {
	voc, ok := map[string]labels.VOC{"": labels.OneBased, "one-based": labels.OneBased, "zero-based": labels.ZeroBased, "shifted": labels.Shifted}[s]
	if !ok {
		return voc, cli.Usage("--voc %q: want one-based, zero-based or shifted", s)
	}
	return voc, nil
}

// partOf is the part that a flag asks for; without one that of the purpose, which is only taken of labels that have parts.
func partOf(flag, given, purpose string) (part string, ifAny bool, err error) {
	switch {
	case given == "":
		return purpose, true, nil
	case given == wholePart:
		return "", false, nil
	case !slices.Contains(labels.Parts[:], given):
		return "", false, cli.Usage("%s %q: want %s or %s", flag, given, strings.Join(labels.Parts[:], ", "), wholePart)
	}
	return given, false, nil
}

// options are those of reading a part.
func (s *labelSource) options(images, part string, ifAny bool) labels.ReadOptions {
	voc, _ := parseVOC(s.VOC) // checked
	return labels.ReadOptions{Pictures: images, Part: part, PartIfAny: ifAny, VOC: voc, Size: dataset.Size}
}

// remark says what is odd in labels.
func remark(stderr io.Writer, path string, r labels.Report) {
	if text := r.String(); text != "" {
		fmt.Fprintf(stderr, "glip: %s: %s\n", path, text)
	}
	for _, e := range r.Examples {
		fmt.Fprintf(stderr, "glip: for example, %s\n", e)
	}
}
