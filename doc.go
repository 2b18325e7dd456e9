// Package glipvk is the front door: a picture in, the features of GLIP's Swin
// backbone out, computed by Vulkan compute shaders, or on the CPU where there is
// no Vulkan device.
//
//	m, err := glipvk.Open(ctx, "GLIP-T", glipvk.Options{Weights: "swin-t_glip-pre_3rdparty_20230413-d85813b5.pth"})
//	...
//	defer m.Close()
//	cat, err := picture.Open("cat.png", picture.Limits{})
//	...
//	features, err := m.ExtractFeatures(ctx, cat)
//	fmt.Println(features[0].Name, features[0].Shape) // stage1 [1 192 28 28]
//
// Many pictures go through [Model.Stream], which loads the next ones while some are
// computed.
//
// The maps are those of mmpretrain's extract_feat: the normed outputs of stages
// 1, 2 and 3 as float32 [N, C, H, W]. Weights come from a checkpoint of any of the
// families that package swin knows, or from a formula ("synthetic:7").
//
// The package wires the others and computes nothing itself: package picture turns
// a picture into a tensor, swin records the model, kernels or cpuref executes it,
// loader and synthetic supply the weights. Each is usable on its own.
package glipvk
