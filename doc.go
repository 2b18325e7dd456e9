// Package glipvk is the front door: a picture and a sentence in, boxes around what the
// sentence names out, by GLIP's detector; or the features of its Swin backbone alone. Both
// are computed by Vulkan compute shaders, or on the CPU where there is no Vulkan device.
//
//	d, err := glipvk.OpenDetector(ctx, "glip-t", glipvk.DetectorOptions{
//		Options: glipvk.Options{Weights: "glip_tiny_model_o365_goldg_cc_sbu.pth"}, Threshold: 0.5,
//	})
//	...
//	defer d.Close()
//	cat, err := picture.Open(ctx, "cat.png", picture.Limits{})
//	...
//	found, err := d.Detect(ctx, glipvk.Query{Caption: "a cat and its whiskers"}, cat)
//	for _, f := range found[0] { // a list for each picture
//		fmt.Println(f.Phrase, f.Score, f.Box)
//	}
//
// A [Query] is a sentence, with or without the parts of it that are meant, or a list of
// names. A second query on a picture computes no backbone, a second picture with a query
// no text encoder; who asks often about a picture holds a [Sight].
//
// The backbone alone:
//
//	b, err := glipvk.OpenBackbone(ctx, "GLIP-T", glipvk.BackboneOptions{
//		Options: glipvk.Options{Weights: "swin-t_glip-pre_3rdparty_20230413-d85813b5.pth"},
//	})
//	...
//	defer b.Close()
//	features, err := b.Extract(ctx, cat)
//	fmt.Println(features[0].Name, features[0].Shape) // stage1 [1 192 28 28]
//
// Many pictures go through [Backbone.Stream] or [Detector.Stream], which load the next ones
// while some are computed.
//
// The maps are those of mmpretrain's extract_feat: the normed outputs of stages
// 1, 2 and 3 as float32 [N, C, H, W]. Weights come from a checkpoint of any of the
// families that packages glip and swin know, or from a formula ("synthetic:7").
//
// The package wires the others and computes nothing itself: package picture turns
// a picture into an input, text a sentence into tokens, glip and swin record the models,
// executor runs them, loader and synthetic supply the weights. Each is usable on its own.
package glipvk
