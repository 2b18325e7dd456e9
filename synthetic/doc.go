// Package synthetic makes weights and pictures by formula, so that every model
// runs and is tested without a download.
//
// Each number is a pure function of a name, a seed and an index: random
// access, no state, the same bits on every machine. The scheme is called
// synthetic-v1; the reference activations of the test suite were computed by
// PyTorch from exactly these numbers.
//
// Weights answers the question a checkpoint answers, for the canonical names
// of mmpretrain's Swin models:
//
//	w := synthetic.Weights{Seed: 7}
//	qkv, err := w.Tensor("stages.0.blocks.1.attn.w_msa.qkv.weight", []int{288, 96})
//
// Detector does the same for GLIP's whole detector, by the names of official
// checkpoints, and Checkpoint looks like such a file to what binds weights.
//
// Picture draws a test picture, and Input turns a batch of them into the
// normalised tensor that the backbone takes:
//
//	rgb := synthetic.Picture(224, 224, 7)   // [224, 224, 3], red, green, blue
//	x := synthetic.Input(1, 224, 224, 7)    // [1, 3, 224, 224], blue, green, red
//
// RoundFloat16 and RoundBFloat16 reproduce weights that were stored in half
// precision. The package imports the standard library only.
package synthetic
