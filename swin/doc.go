// Package swin records the Swin Transformer backbone (Liu et al. 2021, "Swin
// Transformer: Hierarchical Vision Transformer using Shifted Windows") into a
// device-free [graph.Graph], as mmpretrain packages it for GLIP.
//
//	cfg, err := swin.Preset("tiny", 7, 224)
//	g, err := swin.Record(cfg, swin.Input{Batch: 1, Height: 224, Width: 224})
//
// The file swin.go reads top to bottom in the order of the paper. Weights are
// named, not held: names.go, infer.go and bind.go find them in checkpoints of the
// known families, through package bind. Nothing here knows a device; the package
// imports graph, bind and the standard library only.
package swin
