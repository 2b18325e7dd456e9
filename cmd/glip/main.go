// Command glip finds what a sentence names in pictures, computes the features of
// GLIP's Swin backbone, and shows tokens, models, devices and checkpoints. Run "glip
// help" for its commands.
//
// Exit status: 0 done, 1 a failure of the program or the device, 2 wrong usage or
// bad input, 3 verification failed.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
