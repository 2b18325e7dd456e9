// Package bind matches the tensors of a checkpoint with the parameters of a model,
// without knowing any model: what a model reads, and under which names a file may
// have it, comes as a [Plan] from the model's package (swin, glip).
//
//	plan, err := ...                                // of package swin or glip
//	w, err := bind.Bind(file, plan, bind.Options{}) // exact: all that is wrong in one error
//	data, err := w.Tensor("norm3.weight", []int{768})
//
// Binding reads no values but those that say something about the model itself
// ([Plan].Facts). Values are looked at for NaN and infinity when they are read.
package bind
