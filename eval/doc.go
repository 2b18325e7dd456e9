// Package eval measures detections against annotations, with the numbers of pycocotools to the last bit.
//
//	truths, err := eval.ReadTruths(ctx, "instances_val2017.json")
//	found, err := eval.ReadResults(ctx, "bbox.json")
//	e, err := eval.COCO(ctx, truths, found, eval.Params{})
//	fmt.Println(e.AP(), e)
//
// Coordinates are continuous and a box is [x, y, width, height], as in the files. GLIP's own results have corners that are
// inclusive: their width is x2 - x1 + 1 ([Found]'s maker adds it).
package eval
