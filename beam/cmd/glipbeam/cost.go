package main

import (
	"fmt"
	"time"

	"github.com/glipvk/glipvk/beam/cost"
	"github.com/spf13/cobra"
)

const costHelp = `cost estimates what very many pictures take: time, money, bytes, and what holds the work up. Rows
are what docs/performance.md measured; --seconds gives one of your own, as bench prints it for
your machine. All other numbers are assumptions, which these flags change: prices above all.`

// newCost prints the table of docs/beam.md, or one of other numbers.
func newCost() *cobra.Command {
	job := cost.Defaults()
	var pictures, seconds, price, written float64
	var cores int
	shared := false
	cmd := &cobra.Command{
		Use: "cost [flags]", Short: "estimate time, money and bytes for up to a billion pictures", Long: costHelp, Args: cobra.NoArgs,
		Example: `  glipbeam cost
  glipbeam cost --pictures 1e9 --machines 200 --seconds 0.02 --cores 16 --price 1.20 --storage 25e9`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			machines := cost.Measured()
			if cmd.Flags().Changed("seconds") {
				machines = []cost.Machine{{Name: "yours", Detect: time.Duration(seconds * 1e9), Cores: cores, Shared: shared, Price: price, Out: written}}
			} else if cmd.Flags().Changed("price") {
				for i := range machines {
					machines[i].Price = price
				}
			}
			if pictures < 0 {
				return usage("--pictures %g: want a number above 0", pictures)
			}
			table, err := cost.Table(job, machines, pictures)
			if err != nil {
				return usageError{err}
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), table)
			return err
		},
	}
	fl := cmd.Flags()
	fl.Float64Var(&pictures, "pictures", 0, "how many (default: a million to a billion)")
	fl.IntVar(&job.Machines, "machines", job.Machines, "with --pictures, that work at a time")
	fl.Float64Var(&seconds, "seconds", 0, "that your machine takes for a picture, as bench says it")
	fl.IntVar(&cores, "cores", 8, "with --seconds, of your machine")
	fl.BoolVar(&shared, "shared", false, "with --seconds, the model runs on these cores too")
	fl.Float64Var(&price, "price", 0.10, "of a machine, dollars an hour")
	fl.Float64Var(&job.In, "read", job.In, "bytes of a picture's file")
	fl.Float64Var(&written, "written", 500, "with --seconds, bytes of a picture's results")
	fl.DurationVar(&job.Decode, "decode", job.Decode, "that a core takes to read and resize a picture")
	fl.Float64Var(&job.Storage, "storage", job.Storage, "bytes a second that all machines together can read and write")
	fl.DurationVar(&job.Start, "start", job.Start, "until the first picture of a machine")
	return cmd
}
