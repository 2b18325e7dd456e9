// Package dataset reads annotated pictures and makes of them what a detector learns from: COCO's JSON with a folder
// of pictures, ODinW's layout of it, grounding JSON, whose boxes name parts of a caption, and what else package labels reads.
//
//	set, err := dataset.Open(ctx, "train.json", dataset.Options{Pictures: "images"})
//	fmt.Println(len(set.Pictures), set.Report)
//	captions := dataset.Fixed(set.Names(), dataset.CaptionOptions{})
//
// Boxes and captions are treated as the training code of microsoft/GLIP treats them
// (maskrcnn_benchmark/data/datasets/modulated_coco.py and od_to_grounding.py). What is wrong with an annotation is
// counted and named, never fatal, unless it is asked to be.
package dataset
