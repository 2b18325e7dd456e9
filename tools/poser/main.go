// Poser runs a command on a Vulkan device that poses as a lesser one, or with a chosen call failing; package pose says how.
//
//	poser [-profile NAME] [-limits WORDS] [-fail "NAME NTH RESULT"] [-count FILE] [-beside MANIFEST] COMMAND [ARGUMENT]...
//	poser -profiles        list the profiles
//	poser -results         list the functions that can fail, with the results that the specification allows each
//
// The driver is built into out/poser the first time (or -into FOLDER) by gcc. The exit status is the command's.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"

	"github.com/glipvk/glipvk/tools/poser/pose"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		os.Exit(max(exit.ExitCode(), 1))
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("poser", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var s pose.Settings
	profile := flags.String("profile", "", "`NAME` of the device to pose as")
	flags.StringVar(&s.Limits, "limits", "", "`WORDS` of POSER_LIMITS, after those of the profile")
	flags.StringVar(&s.Fail, "fail", "", "`WORDS` of POSER_FAIL: NAME NTH RESULT")
	flags.StringVar(&s.Count, "count", "", "`FILE` of counts")
	flags.StringVar(&s.Driver, "driver", os.Getenv("POSER_DRIVER"), "`LIBRARY` of the driver behind")
	flags.BoolVar(&s.Say, "say", false, "say which calls fail")
	beside := flags.String("beside", "", "`MANIFEST` of another driver that the command shall meet too")
	into := flags.String("into", "out/poser", "`FOLDER` where the driver is built")
	profiles := flags.Bool("profiles", false, "list the profiles")
	results := flags.Bool("results", false, "list the functions that can fail")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case *profiles:
		for _, p := range pose.Profiles() {
			fmt.Fprintf(stdout, "%s: %s\n\t%s\n", p.Name, p.About, p.Words)
		}
		return nil
	case *results:
		for _, f := range pose.Functions() {
			fmt.Fprintln(stdout, f, strings.Join(pose.Results(f), " "))
		}
		return nil
	case flags.NArg() == 0:
		return errors.New("poser: no command; poser -help shows how it is used")
	}
	if *profile != "" {
		words, ok := pose.Words(*profile)
		if !ok {
			return fmt.Errorf("poser: there is no profile %q; poser -profiles lists them", *profile)
		}
		s.Limits = strings.TrimSpace(s.Limits + " " + words) // the first of equal words holds
	}
	manifest, err := pose.Build(*into)
	if err != nil {
		return err
	}
	var others []string
	if *beside != "" {
		others = append(others, *beside)
	}
	c := exec.CommandContext(ctx, flags.Arg(0), flags.Args()[1:]...)
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, stdout, stderr
	c.Env = append(os.Environ(), s.Env(manifest, others...)...)
	if err := c.Run(); err != nil {
		return fmt.Errorf("poser: %s: %w", flags.Arg(0), err)
	}
	return nil
}
