// Shaderstats shows what our shaders become on hardware, without any: Mesa's drivers compile for chips that are not there
// and tell registers, spills, occupancy and the instructions themselves.
//
//	shaderstats -measure FILE    compile every pipeline of GLIP-T (224) and GLIP-L (384), f32 and f16, for each chip that the
//	                             installed Mesa can pretend to have, and write what it says of them as CSV
//	shaderstats FILE...          print the tables, compare with the baseline; exit status 1 on any spill or scratch use, and where
//	                             occupancy or the share of multiply-adds is worse than in the baseline of the same driver and chip
//	shaderstats -update FILE...  make what was measured the baseline, and write its tables to docs/shaderstats.md
//
// Each chip gets the variants that its class of device gets by default. make shaderstats does all of it, for the system's Mesa and
// for the newest one; make shaderstats-slow for Intel's chips, whose library is made by tools/intelshim.sh; make shaderstats-arm for Mali, V3D and
// PowerVR, whose drivers run in an emulator (tools/arm64.sh).
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"

	"github.com/glipvk/glipvk/internal/file"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "shaderstats:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("shaderstats", flag.ContinueOnError)
	flags.SetOutput(stderr)
	out := flags.String("measure", "", "measure with the installed Mesa and write `FILE`")
	chip := flags.String("compile", "", "compile for `CHIP`, which the environment makes Mesa pretend to have, and print CSV (for -measure)")
	shims := flags.String("shims", "", "measure only chips whose library is made by us (tools/intelshim.sh), in `FOLDER`")
	system := flags.String("arm64", "", "measure only chips whose driver Debian has for arm64 alone, in `FOLDER` (tools/arm64.sh), by an emulator")
	program := flags.String("program", "", "with -arm64: this program built for arm64, a `FILE`")
	update := flags.Bool("update", false, "make what was measured the baseline")
	baseline := flags.String("baseline", "tools/shaderstats/baseline.csv", "the committed `FILE` to compare with")
	doc := flags.String("doc", "docs/shaderstats.md", "the `FILE` of tables that -update writes")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case *chip != "":
		rows, err := compile(*chip, deviceOf(*chip))
		if err != nil {
			return err
		}
		return writeRows(stdout, rows)
	case (*system == "") != (*program == "") || *system != "" && *shims != "":
		return errors.New("-arm64 and -program go together, and without -shims")
	case *out != "":
		rows, err := measure(ctx, place{*shims, *system, *program}, stderr)
		if err != nil {
			return err
		}
		return replace(*out, func(w io.Writer) error { return writeRows(w, rows) })
	case flags.NArg() == 0:
		flags.Usage()
		return errors.New("nothing to do: name files that -measure wrote")
	}
	rows, err := readFiles(flags.Args())
	if err != nil {
		return err
	}
	before, err := readFiles([]string{*baseline})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if *update {
		before = merge(rows, before)
		if err := replace(*baseline, func(w io.Writer) error { return writeRows(w, before) }); err != nil {
			return err
		}
		if err := replace(*doc, func(w io.Writer) error { return writeDoc(w, before) }); err != nil {
			return err
		}
		fmt.Fprintf(stderr, "shaderstats: wrote %s and %s\n", *baseline, *doc)
	}
	if err := writeTables(stdout, rows); err != nil {
		return err
	}
	return report(stderr, rows, before)
}

// merge is the measured rows, and of those before the chips that were not measured.
func merge(rows, before []row) []row {
	measured := map[string]bool{}
	for _, r := range rows {
		measured[r.Chip] = true
	}
	return append(slices.Clone(rows), slices.DeleteFunc(slices.Clone(before), func(r row) bool { return measured[r.Chip] })...)
}

// report says how the rows compare with the baseline; the error sums up what must not be.
func report(w io.Writer, rows, before []row) error {
	problems, notes := compare(rows, before)
	for _, n := range notes {
		fmt.Fprintln(w, "shaderstats: note:", n)
	}
	for _, p := range problems {
		fmt.Fprintln(w, "shaderstats: FAIL:", p)
	}
	if len(problems) > 0 {
		return fmt.Errorf("%d of %d pipelines are worse than they may be; if that is meant, shaderstats -update makes it the baseline (never for spills)", len(problems), len(rows))
	}
	fmt.Fprintf(w, "shaderstats: %d pipelines, no spill, no scratch, nothing worse than the baseline\n", len(rows))
	return nil
}

// replace writes a file whole: a reader sees the old one or the new one.
func replace(path string, write func(io.Writer) error) error {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	return file.Replace(path, b.Bytes(), 0o644)
}
