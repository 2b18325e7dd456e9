// Package convert writes the weights of a checkpoint anew: in another format of files, under the names that another
// program has for them, in other element types, without what a training left beside them.
//
//	r, err := convert.File(ctx, "glip_tiny_model_o365_goldg_cc_sbu.pth", "glip-t.safetensors", convert.Options{
//		Names: convert.MMDetection, Precision: convert.F16,
//	})
//
// What is written are the parameters of a model that packages glip and swin know, whole detectors and backbones, and
// nothing else. The bits of values stay where the element type does. What the names that are asked for cannot say is
// refused with a list of the tensors; what no program needs, such as buffers, is left out and said in [Report].Notes.
//
// One tensor is in memory at a time. The file is written beside its place and renamed when it is complete.
package convert
