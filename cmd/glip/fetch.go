package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/fetch"
	"github.com/glipvk/glipvk/internal/meter"
	"github.com/spf13/cobra"
)

const fetchHelp = `fetch brings published checkpoints onto this machine and prints where they lie. --weights
takes their names then, with the model that they are of. NAME is one of --list, or the name of a file as it was published.

A file that Python's tools have already, in the cache of the hub's client, of torch.hub or in
MODEL, is used where it lies. The rest goes into the user's cache folder, or --folder. What has
arrived stays there after Ctrl-C, a lost connection or kill -9, and the next run goes on from there.

Published files are up to four times the model, for the state of its training is in them. Where
the server gives parts of files, the tensors of the model alone are brought and written as
safetensors, and the checksum of each is compared. --whole brings files as they were published;
their SHA-256, or the digits of it that the name carries, is compared then.

HF_ENDPOINT, HF_TOKEN, HF_HOME, TORCH_HOME, HTTPS_PROXY and NO_PROXY are heeded. --offline, or
HF_HUB_OFFLINE=1, makes no request: what is not on the machine is an error.`

// fetchFlags are the flags of "glip fetch".
type fetchFlags struct {
	options    fetch.Options
	list, json bool
}

func newFetch() *cobra.Command {
	f := fetchFlags{options: fetch.Options{Getenv: os.Getenv}}
	cmd := &cobra.Command{
		Use:   "fetch [flags] NAME...",
		Short: "bring published checkpoints onto this machine",
		Long:  fetchHelp,
		Example: `  glip fetch --list
  glip fetch glip-t
  glip fetch --whole --mirror https://example.org/weights glip_large_model.pth
  glip detect --weights glip-t --text "a cat and its whiskers" cat.png`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return fetchNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	fl := cmd.Flags()
	fl.BoolVar(&f.list, "list", false, "list what can be fetched, with size, licence, origin and SHA-256, and where it lies on this machine")
	fl.BoolVar(&f.json, "json", false, "print JSON")
	fl.BoolVar(&f.options.Whole, "whole", false, "bring whole files, as they were published, with the state of the training")
	fl.BoolVar(&f.options.Offline, "offline", false, "make no request")
	fl.StringVar(&f.options.Mirror, "mirror", "", "address of a folder that has the published files under their names, instead of where they were published")
	fl.StringVar(&f.options.Folder, "folder", "", "folder to keep files in (default: glipvk/weights in the user's cache folder, which is where --weights looks)")
	return cmd
}

func fetchNames() (names []string) {
	for _, i := range fetch.Items() {
		names = append(names, i.Name)
	}
	return names
}

func (f *fetchFlags) run(cmd *cobra.Command, args []string) error {
	stdout, stderr := cmd.OutOrStdout(), cmd.ErrOrStderr()
	switch {
	case f.list && len(args) > 0:
		return cli.Usage("--list takes no names, %d given", len(args))
	case f.list:
		return f.print(cmd, stdout)
	case len(args) == 0:
		return cli.Usage("fetch takes names, none given; --list shows them")
	}
	var items []fetch.Item
	for _, name := range args {
		i, err := fetch.Lookup(name)
		if err != nil {
			return cli.Blame(err)
		}
		items = append(items, i)
	}
	bar := meter.New(stderr)
	defer bar.Done()
	for _, i := range items {
		f.options.Progress = cli.Transfer(bar, i.Name)
		f.options.Say = func(sentence string) {
			bar.Done()
			fmt.Fprintf(stderr, "glip: %s\n", sentence)
		}
		found, err := f.options.Fetch(cmd.Context(), i)
		bar.Done()
		switch {
		case errors.Is(err, fetch.ErrAddress):
			return cli.Blame(err)
		case err != nil:
			return err
		}
		if err := f.report(stdout, stderr, found); err != nil {
			return err
		}
	}
	return nil
}

// report prints where a file lies, and says on stderr how it came there.
func (f *fetchFlags) report(stdout, stderr io.Writer, found fetch.Found) error {
	if f.json {
		return writeJSON(stdout, entry(found.Item, found.Path))
	}
	fmt.Fprintf(stderr, "glip: %s: %s; %s\n", found.Item.Name, found.Where, found.Checked)
	_, err := fmt.Fprintln(stdout, found.Path)
	return err
}

// fetchEntry is what JSON says of a file.
type fetchEntry struct {
	Name    string `json:"name"`
	File    string `json:"file"`
	Title   string `json:"title"`
	Model   string `json:"model,omitempty"`
	Bytes   int64  `json:"bytes,omitempty"`
	Licence string `json:"licence"`
	Origin  string `json:"origin"`
	Sum     string `json:"sha256,omitempty"` // its first digits, or all
	Path    string `json:"path,omitempty"`   // on this machine
}

func entry(i fetch.Item, path string) fetchEntry {
	return fetchEntry{i.Name, i.File, i.Title, i.Model, i.Bytes, i.Licence, i.Origin(), i.Sum, path}
}

// print lists the files.
func (f *fetchFlags) print(cmd *cobra.Command, w io.Writer) error {
	list := []fetchEntry{}
	for _, i := range fetch.Items() {
		list = append(list, entry(i, f.options.Stored(cmd.Context(), i)))
	}
	if f.json {
		return writeJSON(w, list)
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "name\twhat\tsize\there\tlicence\torigin\tSHA-256\tfile")
	for _, e := range list {
		size, here, sum := "?", "", "none published"
		if e.Bytes > 0 {
			size = fmt.Sprintf("%.2f GB", float64(e.Bytes)/1e9)
		}
		if e.Path != "" {
			here = "yes"
		}
		if len(e.Sum) > 8 {
			sum = e.Sum
		} else if e.Sum != "" {
			sum = e.Sum + "..."
		}
		fmt.Fprintln(tw, strings.Join([]string{e.Name, e.Title, size, here, e.Licence, e.Origin, sum, e.File}, "\t"))
	}
	return tw.Flush()
}
