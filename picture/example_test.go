package picture_test

import (
	"context"
	"fmt"

	"github.com/glipvk/glipvk/picture"
	"github.com/go-gl/mathgl/mgl32"
)

// The pipeline of GLIP-T's backbone over a photograph of 451 x 300 pixels.
func Example() {
	pic, err := picture.Open(context.Background(), "../testdata/pictures/chelsea.png", picture.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	in, err := picture.Pipeline{
		Resize:     picture.ShortEdge(256),
		CenterCrop: 224,
		Mean:       [3]float32{103.53, 116.28, 123.675},
		Std:        [3]float32{57.375, 57.12, 58.395},
	}.Apply(context.Background(), pic)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(in.Data), in.Height, in.Width)
	corner := in.View(0).FromPicture.Inv().Mul3x1(mgl32.Vec3{0, 0, 1})
	fmt.Printf("the input's corner shows x = %.1f, y = %.1f of the photograph\n", corner[0], corner[1])
	// Output:
	// 150528 224 224
	// the input's corner shows x = 94.0, y = 18.8 of the photograph
}
