package glip_test

import (
	"fmt"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/loader"
	"github.com/glipvk/glipvk/swin"
)

func ExampleBind() {
	ckpt, err := loader.Open("../testdata/glip/tiny/model.pth")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer ckpt.Close()
	cfg, variant, err := glip.Infer(ckpt)
	if err != nil {
		fmt.Println(err)
		return
	}
	weights, err := glip.Bind(ckpt, cfg, swin.BindOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	shape, _, err := weights.Tensor("rpn.head.dyhead_tower.2.DyConv.0.conv.weight")
	fmt.Printf("%s (%s): %d layers, %v %v\n", weights.Family(), variant, cfg.Layers, shape, err)
	// Output: microsoft/GLIP detector (a detector of its own size): 2 layers, [32 32 3 3] <nil>
}
