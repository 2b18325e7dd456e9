package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/internal/file"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func newMan() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "man --out DIR",
		Short: "write manual pages",
		Long: `man writes a manual page for the program and for each of its commands, glip.1,
glip-detect.1 and so on, as "man -l glip.1" shows them. Their date is that of the commit, or
what SOURCE_DATE_EPOCH says in seconds since 1970, so that they can be made again.`,
		Example: `  glip man --out ~/.local/share/man/man1`,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return writeMan(cmd, out) },
	}
	cmd.Flags().StringVar(&out, "out", ".", "folder to write to")
	return cmd
}

// writeMan writes the pages of all commands.
func writeMan(cmd *cobra.Command, out string) error {
	if err := file.Probe(out); err != nil {
		return cli.Usage("--out: %w; choose a folder that can be written", err)
	}
	if err := file.Sweep(out); err != nil {
		return err
	}
	info, _ := debug.ReadBuildInfo()
	v := newStamp(info)
	date, err := pageDate(os.Getenv("SOURCE_DATE_EPOCH"), v.Time)
	if err != nil {
		return err
	}
	cmd.Root().DisableAutoGenTag = true // which has the day of the run
	verbatim(cmd.Root())
	header := &doc.GenManHeader{Title: "GLIP", Section: "1", Source: "glip " + v.Version, Manual: "glip", Date: &date}
	if err := writePages(cmd.Root(), *header, out); err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "manual pages of glip %s: %s\n", v.Version, out)
	return err
}

// writePages writes the page of a command and of those below it, as doc.GenManTree does, but each whole or not at all.
func writePages(cmd *cobra.Command, header doc.GenManHeader, out string) error {
	for _, c := range cmd.Commands() {
		if !c.IsAvailableCommand() || c.IsAdditionalHelpTopicCommand() {
			continue
		}
		if err := writePages(c, header, out); err != nil {
			return err
		}
	}
	name := strings.ReplaceAll(cmd.CommandPath(), " ", "-")
	var page bytes.Buffer
	if err := doc.GenMan(cmd, &header, &page); err != nil {
		return err
	}
	return file.Replace(filepath.Join(out, name+"."+header.Section), page.Bytes(), 0o644)
}

// pageDate is the date of the pages: that of epoch, in seconds, of the commit, or where neither is known the first.
func pageDate(epoch, commit string) (time.Time, error) {
	if epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return time.Time{}, cli.Usage("SOURCE_DATE_EPOCH=%q: want seconds since 1970", epoch)
		}
		return time.Unix(seconds, 0).UTC(), nil
	}
	date, err := time.Parse(time.RFC3339, commit)
	if err != nil {
		return time.Unix(0, 0).UTC(), nil
	}
	return date, nil
}

// verbatim keeps the help of commands from being read as Markdown, in which lines are joined and brackets are links.
func verbatim(cmd *cobra.Command) {
	cmd.Long = "    " + strings.ReplaceAll(cmp.Or(cmd.Long, cmd.Short), "\n", "\n    ")
	for _, c := range cmd.Commands() {
		verbatim(c)
	}
}
