// Package eval measures detections against annotations, with the numbers of the programs that papers quote: pycocotools for COCO and
// ODinW, lvis-api and GLIP's "fixed" evaluator for LVIS, MDETR's and GLIP's evaluator for Flickr30k Entities.
//
//	truths, err := eval.ReadTruths(ctx, "instances_val2017.json")
//	found, err := eval.ReadResults(ctx, "bbox.json")
//	e, err := eval.COCO(ctx, truths, found, eval.Params{})
//	fmt.Print(e) // the twelve lines that pycocotools prints
//
// COCO and LVIS share one matching and one pooling (match.go, pool.go); what differs is done before, to what is matched. Arrays of
// precision, recall and scores are equal to the references' to the last bit, and means are summed in NumPy's order.
//
// Coordinates are continuous and a box is [x, y, width, height], as in the files; those of Flickr30k Entities are corners. GLIP's own
// results have corners that are inclusive for COCO and ODinW ([FromCorners] adds the pixel), and have not for LVIS and Flickr.
//
// What is read from outside is bounded, and errors name the file and the element in it by its JSON pointer, as in /annotations/17/bbox.
package eval
