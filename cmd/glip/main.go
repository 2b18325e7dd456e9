// Command glip finds what a sentence names in pictures, trains the detector that does,
// computes the features of GLIP's Swin backbone, and shows tokens, models, devices and
// checkpoints. Run "glip help" for its commands.
//
// Exit status: 0 done, 1 a failure of the program or the device, or an interrupt, 2 wrong
// usage or bad input, 3 verification failed.
package main

import (
	"context"
	"io"

	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/spf13/cobra"
)

func main() { cli.Main("glip", run) }

// run executes the command line and returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return cli.Run(ctx, newRoot(), args, stdout, stderr)
}

// newRoot assembles the commands.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "glip",
		Short: "GLIP's detector and its Swin backbone, computed by Vulkan",
		Long: `glip finds in pictures what a sentence or a list of classes names, with GLIP's detector,
fine-tunes that detector on pictures with boxes, and computes the feature maps of its Swin
backbone: by Vulkan compute shaders or, where there is no GPU, on the CPU.

Exit status: 0 done, 1 a failure of the program or the device, or an interrupt, 2 wrong
usage or bad input, 3 verification failed.`,
		Example: `  glip detect --weights glip_tiny_model_o365_goldg_cc_sbu.pth --text "a cat and its whiskers" --draw --out found cat.png
  glip train --data shapes.json --images photos --weights glip_tiny_model_o365_goldg_cc_sbu.pth --mode prompt --val val.json --out runs/a
  glip tokens "person. bicycle. traffic light. small dog."
  glip features --weights synthetic:7 --verify --viz --out out cat.png
  glip features --model GLIP-L --weights swin-l_glip-pre_3rdparty_384px_20230413-04b198e8.pth photos/
  glip inspect checkpoint.pth`,
	}
	root.AddCommand(newModels(), newDevices(), newInspect(), newTokens(), newDetect(openDetector), newFeatures(), newTrain(), newConvert(), newEval(openDetector), newLabel(openDetector), newFetch(), newExport(), newServe(), newVersion(), newMan())
	return root
}
