package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/glipvk/glipvk/fetch"
	"github.com/glipvk/glipvk/internal/meter"
	"github.com/spf13/cobra"
)

// Fetched is the file that weights mean, where they are named as one of those that "glip fetch" knows, and the model that they are
// of: theirs on this machine, found without a request. A file of that name comes first; what is no such name is returned as it is, and names no model.
func Fetched(cmd *cobra.Command, weights string) (path, model string, err error) {
	if _, err := os.Stat(weights); err == nil {
		return weights, "", nil
	}
	item, err := fetch.Lookup(weights)
	if err != nil {
		return weights, "", nil // opening it will say more
	}
	if item.Model == "" {
		return "", "", Usage("%s: %s holds no weights", weights, item.File)
	}
	stderr, bar := cmd.ErrOrStderr(), meter.New(cmd.ErrOrStderr())
	defer bar.Done()
	found, err := fetch.Options{
		Getenv:   os.Getenv,
		Say:      func(sentence string) { fmt.Fprintf(stderr, "%s: %s\n", cmd.Root().Name(), sentence) },
		Progress: Transfer(bar, item.Name),
	}.Find(cmd.Context(), item)
	switch {
	case errors.Is(err, fetch.ErrAbsent):
		return "", "", Usage("%s: there is no such file, and the weights of that name (%s) are not on this machine: type \"glip fetch %s\" first", weights, item.File, item.Name)
	case err != nil:
		return "", "", err
	}
	return found.Path, item.Model, nil
}

// Transfer shows on a meter how far package fetch is with a file of that name.
func Transfer(bar *meter.Meter, name string) func(stage string, done, total int64) {
	bar.Say(fetch.Fetching, name+": %d of %d MB have come")
	bar.Say(fetch.Checking, name+": %d of %d MB are checked")
	bar.Say(fetch.Writing, name+": %d of %d MB are written")
	return func(stage string, done, total int64) { bar.Show(stage, done/1_000_000, (total+999_999)/1_000_000) }
}
