// Shaderc compiles the shader variants of shaders/variants.json to SPIR-V with glslc and records what they were made from.
//
//	go generate ./shaders             # compile what changed, write shaders/spv
//	go run ./tools/shaderc -all       # compile everything again
//	go run ./tools/shaderc -check     # compile everything into a temporary folder, compare, write nothing
//	go run ./tools/shaderc -validate  # let spirv-val judge every module for its target environment, write nothing
//
// Warnings are errors. The first failure stops the run, with the command line and the compiler's message, and then nothing is written.
// Package recipe documents the columns of variants.json.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "shaderc:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("shaderc", flag.ContinueOnError)
	dir := flags.String("dir", "", "shaders folder (default: this folder if it has variants.json, else ./shaders)")
	check := flags.Bool("check", false, "compile into a temporary folder and compare with what is committed; write nothing")
	all := flags.Bool("all", false, "compile every variant, not only those whose recipe changed")
	glslc := flags.String("glslc", "glslc", "the compiler to run")
	valid := flags.Bool("validate", false, "judge what is committed by spirv-val, for the environment of each variant; write nothing")
	validator := flags.String("spirv-val", "spirv-val", "the validator to run")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q: see -help", flags.Arg(0))
	}
	if *valid {
		return validate(ctx, os.DirFS(folder(*dir)), folder(*dir), *validator, stdout)
	}
	b, err := open(ctx, folder(*dir), *glslc)
	if err != nil {
		return err
	}
	if *check {
		return b.check(ctx, stdout)
	}
	return b.generate(ctx, *all, stdout)
}
