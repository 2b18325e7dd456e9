package glip_test

import (
	"fmt"

	"github.com/glipvk/glipvk/bind"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/loader"
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
	weights, err := glip.Bind(ckpt, cfg, bind.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	shape := []int{32, 32, 3, 3} // as the recorded graph has it
	data, err := weights.Tensor("rpn.head.dyhead_tower.2.DyConv.0.conv.weight", shape)
	fmt.Printf("%s (%s): %d layers, %d %v\n", weights.Family(), variant, cfg.Layers, len(data), err)
	// Output: microsoft/GLIP detector (a detector of its own size): 2 layers, 9216 <nil>
}
