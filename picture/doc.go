// Package picture turns a picture file into the tensor a backbone takes, the
// way the original Python code does: decode, resize, crop, normalise.
//
// Open and Decode read PNG, JPEG, GIF, WebP and BMP into 8-bit red, green,
// blue; OpenNpy reads NumPy arrays, which are either pictures or tensors that
// are ready. Sizes, memory and work are checked before they are taken, see Limits,
// and reading heeds its context.
//
// A Pipeline then does what mmpretrain's test pipeline, or the GLIP detector,
// does to a picture. This is the one of GLIP-T's backbone:
//
//	pic, err := picture.Open(ctx, "cat.png", picture.Limits{})
//	...
//	in, err := picture.Pipeline{
//		Resize:     picture.ShortEdge(256),
//		CenterCrop: 224,
//		Mean:       [3]float32{103.53, 116.28, 123.675}, // blue, green, red
//		Std:        [3]float32{57.375, 57.12, 58.395},
//	}.Apply(ctx, pic)
//
// in.Data is [3, 224, 224], and in.FromPicture is the matrix that takes a
// point of the picture to its place in the tensor; its inverse takes boxes
// back.
//
// A Detector has the pipeline of GLIP's detector, for any size of picture, and keeps
// the sizes that boxes are clipped and scaled with.
//
// Resizing with Pillow's rules is bit for bit Pillow's. Resizing with OpenCV's
// rules is within one level of 255.
//
// Of the project's packages it imports only the one that opens files.
package picture
