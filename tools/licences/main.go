// Licences lists the modules that the project builds with and the licence of each, as its files say: of what the commands link, and of
// what only tools and tests use. It fails on a licence that it cannot tell or that is not allowed.
//
//	go run ./tools/licences               # or: make licences
//	go run ./tools/licences -texts FILE   # also write the texts that binaries of the commands must be accompanied by
//	go run ./tools/licences -boms DIR FOLDER...
//	                                      # also write, for the programs in each folder, DIR/FOLDER.cdx.json: CycloneDX's bill of materials
//
// It asks the go command alone and needs no network once the modules are there.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("licences", flag.ContinueOnError)
	dir := flags.String("dir", ".", "module root")
	texts := flags.String("texts", "", "file to write the licences of what the commands link to, in full")
	boms := flags.String("boms", "", "folder for a bill of materials of each folder of programs that is an argument")
	version := flags.String("version", "(devel)", "version of the programs, for their bill of materials")
	made := flags.Int64("time", 0, "when that is made, in seconds since 1970")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if (*boms == "") != (flags.NArg() == 0) {
		return errors.New("-boms DIR and folders of programs go together: see -help")
	}
	modules, err := list(ctx, *dir)
	if err != nil {
		return err
	}
	var problems []error
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "module\tversion\tused by\tlicence")
	for i := range modules {
		m := &modules[i]
		problems = append(problems, m.read())
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", m.Path, m.Version, m.use(), strings.Join(m.licences, ", "))
	}
	if err := errors.Join(table.Flush(), errors.Join(problems...)); err != nil {
		return err
	}
	if err := writeBoms(*boms, *version, time.Unix(*made, 0), modules, flags.Args()); err != nil || *texts == "" {
		return err
	}
	return os.WriteFile(*texts, accompany(modules), 0o666)
}

// accompany is what the licences ask binaries to be accompanied by: the texts of every module that the commands link.
func accompany(modules []module) []byte {
	var b strings.Builder
	b.WriteString("The commands of glipvk contain software of others, under these terms.\n")
	for _, m := range modules {
		if !m.linked {
			continue
		}
		for _, name := range slices.Concat(m.terms, m.others) {
			fmt.Fprintf(&b, "\n%s\n%s %s: %s\n\n%s\n", strings.Repeat("=", 80), m.Path, m.Version, name, strings.TrimSpace(m.texts[name]))
		}
	}
	return []byte(b.String())
}
