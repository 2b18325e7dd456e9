package synthetic_test

import (
	"fmt"

	"github.com/glipvk/glipvk/synthetic"
)

func Example() {
	w := synthetic.Weights{Seed: 42}
	gamma, err := w.Tensor("norm3.weight", []int{768})
	fmt.Println(len(gamma), gamma[7], err)
	fmt.Println(synthetic.Picture(5, 7, 1)[:3])
	// Output:
	// 768 1.1326615 <nil>
	// [161 191 94]
}
