package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/glipvk/glipvk"
	"github.com/spf13/cobra"
)

func newModels() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "models",
		Short: "list the models, their architecture and their size",
		Long: `models lists the models that have a name, backbones for "glip features" and detectors
for "glip detect": architecture, input, official checkpoint and size. Parameters and
multiply-adds are counted in the recorded graph.

The published figures of backbones are mmpretrain's. They describe a classifier, not this
backbone without a head: one output norm, a pooling and a head of 1536 x 1000,
which for GLIP-T is the width of GLIP-L's. "Reproduced" is the same rule applied to
our graph.`,
		Example: `  glip models
  glip models --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), glipvk.Models())
			}
			return printModels(cmd.OutOrStdout(), glipvk.Models())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printModels(w io.Writer, models []glipvk.Info) error {
	for i, m := range models {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if err := printModel(w, m); err != nil {
			return err
		}
	}
	return nil
}

func printModel(w io.Writer, m glipvk.Info) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(tw, "  %s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	b := m.Backbone
	backbone := func() {
		row("channels, depths, heads", "%d, %v, %v", b.EmbedDims, b.Depths, b.NumHeads)
		row("window", "%d", b.WindowSize)
	}
	if d := m.Detector; d != nil {
		fmt.Fprintf(w, "%s, a detector\n", m.Name)
		backbone()
		row("tower", "%d layers of %d channels, fusion with the text %v", d.Layers, d.Channels, d.Fusion)
		row("input", "%s, %d tokens at most", m.Preprocess, d.MaxTokens)
	} else {
		fmt.Fprintf(w, "%s (%s), a backbone\n", m.Name, m.Nickname)
		backbone()
		row("outputs", "stages %v", b.OutIndices)
		row("input", "%dx%d, %s", m.Height, m.Width, m.Preprocess)
	}
	row("mean, std", "%v, %v (%s)", m.Mean, m.Std, m.ChannelOrder)
	row("checkpoint", "%s", m.Checkpoint)
	row("parameters", "%s", grouped(m.Parameters))
	if m.Detector == nil {
		row("multiply-adds", "%s", grouped(m.MultiplyAdds))
	}
	if m.Origin != "" {
		row("made from", "%s", m.Origin)
		row("published", "%s parameters, %s FLOPs (mmpretrain)", grouped(m.Published.Parameters), grouped(m.Published.FLOPs))
		row("reproduced", "%s parameters, %s FLOPs", grouped(m.Reproduced.Parameters), grouped(m.Reproduced.FLOPs))
	}
	return tw.Flush()
}

// grouped writes a number with commas: 27,520,506.
func grouped(n int64) string {
	s := fmt.Sprint(n)
	for at := len(s) - 3; at > 0 && s[at-1] != '-'; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}
