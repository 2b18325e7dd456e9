// Package grad differentiates recorded graphs: [Reverse] makes of a graph another one that
// computes a loss and its gradients. It needs no device: what it makes is a plain
// [graph.Graph] for any executor.
//
//	b := graph.NewBuilder()
//	... // a model whose last value, of shape [1], is at path "loss"
//	g, err := b.Build()
//	r, err := grad.Reverse(g, "loss", "rpn.head.bias0", "rpn.head.log_scale")
//	out, err := cpuref.Run(ctx, r, weights, cpuref.Options{}, inputs...) // loss, two gradients
//
// There is one rule for each kind of operation, in a file of its family; [Undifferentiated]
// says of those without one why they have none. A rule may use the operands and the result
// of its operation, which the new graph then computes. Rules of products are products.
// [Recompute] saves the memory of such values where there is too little.
package grad
