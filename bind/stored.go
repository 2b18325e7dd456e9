package bind

// Stored says how a family's files have a parameter of the graph: the way back of [Parameter].
type Stored struct {
	Keys  []string // of the file: one, or several that share the parameter along its first axis, in that order
	Shape []int    // of the tensor of each key

	// Order, if set, brings the elements from the graph's order into that of the file, in place.
	Order func(data []float32)
}
