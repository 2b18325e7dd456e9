package viz_test

import (
	"bytes"
	"fmt"
	"image"
	"image/png"

	"github.com/glipvk/glipvk/viz"
)

func Example() {
	photo := image.NewGray(image.Rect(0, 0, 64, 48))
	features := viz.Map{Name: "stage1", C: 4, H: 6, W: 8, Data: make([]float32, 4*6*8)}
	for i := range features.Data {
		features.Data[i] = float32(i * i % 17)
	}
	img, err := viz.Render(photo, []viz.Map{features}, viz.Options{Title: "photo.png"})
	if err != nil {
		fmt.Println(err)
		return
	}
	var file bytes.Buffer
	fmt.Println(img.Bounds().Dx(), img.Bounds().Dy(), png.Encode(&file, img))
	// Output: 948 527 <nil>
}
