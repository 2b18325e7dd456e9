// Package picture turns a picture file into the tensor a backbone takes, the
// way the original Python code does: decode, resize, crop, normalise.
//
// Open and Decode read PNG, JPEG, GIF, WebP, BMP and TIFF into 8-bit red, green,
// blue; OpenNpy reads NumPy arrays, which are either pictures or tensors that
// are ready. Sizes, memory and work are checked before they are taken, see Limits,
// and reading heeds its context.
//
// # Decoders
//
// What OpenCV or Pillow reads is read, with the pixels of OpenCV, or where it does
// not read a file those of Pillow, bit for bit:
//
//   - JPEG by a decoder of this package: baseline, extended and progressive with Huffman
//     codes, 8 bits, 1, 3 or 4 components, any sampling factors; libjpeg-turbo's
//     transform, upsampling and colours. Damaged data and lost restart markers are
//     overcome by its rules. Other than there, a file that ends before its last pixel is
//     refused (one with an end mark is not), the blocks of a progressive picture whose
//     last scans are missing are not smoothed, and arithmetic coding is not read.
//   - PNG by a decoder of this package. Chunks beside the pixels may be damaged, what
//     stands behind the pixels may be, or be missing. The checksum of chunks counts,
//     zlib's does not. Of 16 bits the upper 8 are taken.
//   - GIF by a decoder of this package: the first frame that has pixels, on black.
//   - WebP by golang.org/x/image/webp, colours by this package: of an animation the
//     first frame, on black.
//   - BMP by a decoder of this package: 1 to 32 bits, masks, runs, OS/2.
//   - TIFF by a decoder of this package, of its first picture: strips and tiles, 1 to 16 bits, grey,
//     palette, RGB, CMYK, with separate planes, plain or compressed by PackBits, LZW, Deflate,
//     JPEG or as facsimile (golang.org/x/image/tiff/lzw, golang.org/x/image/ccitt).
//     Transparent colours are taken as they are stored; OpenCV multiplies some.
//
// HEIC, AVIF, JPEG XL, films, web pages and other files under a picture's name are
// named in the error, with what to do.
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
