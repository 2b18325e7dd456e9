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
		Long: `models lists the models that have a name: architecture, input, official checkpoint
and size. Parameters and multiply-adds are counted in the recorded graph.

The published figures are mmpretrain's. They describe a classifier, not this
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

func printModels(w io.Writer, models []glipvk.ModelInfo) error {
	for i, m := range models {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s (%s)\n", m.Name, m.Nickname)
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		row := func(name string, value any) { fmt.Fprintf(tw, "  %s\t%v\n", name, value) }
		row("channels, depths, heads", fmt.Sprintf("%d, %v, %v", m.Config.EmbedDims, m.Config.Depths, m.Config.NumHeads))
		row("window", m.Config.WindowSize)
		row("outputs", fmt.Sprintf("stages %v", m.Config.OutIndices))
		row("input", fmt.Sprintf("%dx%d, %s", m.Height, m.Width, m.Preprocess))
		row("mean, std", fmt.Sprintf("%v, %v (%s)", m.Mean, m.Std, m.ChannelOrder))
		row("checkpoint", m.Checkpoint)
		row("made from", m.Origin)
		row("parameters", grouped(m.Parameters))
		row("multiply-adds", grouped(m.MultiplyAdds))
		row("published", fmt.Sprintf("%s parameters, %s FLOPs (mmpretrain)", grouped(m.Published.Parameters), grouped(m.Published.FLOPs)))
		row("reproduced", fmt.Sprintf("%s parameters, %s FLOPs", grouped(m.Reproduced.Parameters), grouped(m.Reproduced.FLOPs)))
		if err := tw.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// grouped writes a number with commas: 27,520,506.
func grouped(n int64) string {
	s := fmt.Sprint(n)
	for at := len(s) - 3; at > 0 && s[at-1] != '-'; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}
