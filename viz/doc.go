// Package viz draws what the models see. [Boxes] and [Crop] show what a detector
// found. [Render] shows what a backbone sees: a photograph beside its feature maps,
// each by its first three principal components as red, green and blue, scaled up
// smoothly over the photograph.
//
//	img, err := viz.Render(photo, []viz.Map{
//		{Name: "stage1", C: 192, H: 28, W: 28, Data: stage1},
//		{Name: "stage2", C: 384, H: 14, W: 14, Data: stage2},
//	}, viz.Options{Title: "chelsea.png"})
//	...
//	err = png.Encode(file, img)
//
// Places of similar colour in one map have similar features. The colours of
// two maps are not comparable.
//
// [Chart] draws numbers over a count, such as losses over steps.
//
// Texts are written in the Go fonts, and where they are given in [Fonts] of files and of the
// system, shaped as their scripts ask for.
//
// The same input, and the same fonts, give the same picture, to the bit. The package
// imports none of the project's others.
package viz
