// Command glip finds what a sentence names in pictures, computes the features of
// GLIP's Swin backbone, and shows tokens, models, devices and checkpoints. Run "glip
// help" for its commands.
//
// Exit status: 0 done, 1 a failure of the program or the device, 2 wrong usage or
// bad input, 3 verification failed.
package main

import "github.com/glipvk/glipvk/cmd/internal/cli"

func main() { cli.Main("glip", run) }
