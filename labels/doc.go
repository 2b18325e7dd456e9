// Package labels writes and reads pictures with boxes in the formats that people label, train and evaluate with: COCO,
// YOLO, Pascal VOC, LVIS, Label Studio, CVAT, LabelMe, ODVG, image folders and tables.
//
//	w, err := labels.Create("out/yolo", "yolo", labels.Options{Classes: []string{"cat", "dog"}})
//	defer w.Close()
//	for … {
//		if w.Has(name) {
//			continue // of an earlier run, which Existing: labels.Continue goes on with
//		}
//		err = w.Add(ctx, labels.Picture{Name: name, Width: 640, Height: 480, Objects: found})
//	}
//	summary, err := w.Finish(ctx)
//
//	format, err := labels.Detect(ctx, "train.json")
//	set, err := labels.Read(ctx, format, "train.json", labels.ReadOptions{})
//
// Inside, a box has continuous corners in pixels, its origin the top left of the first pixel, of the picture turned
// upright; a class is an index from 0. Every format is a view of that ([Formats] says of what each can tell), and what it
// does with boxes is in docs/labels.md.
//
// A picture that was added stays: it is in a journal in the folder, a line for each, before Add returns, and a program that
// is killed and started again goes on behind it. Files are written beside their place and renamed, those of one picture when
// it is added, those of the whole set by [Writer.Finish], in the order of names: neither the order in which pictures came
// nor where a run was cut shows in them. Memory holds names, not labels.
package labels
