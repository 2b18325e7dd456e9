package glipvk

// part is one of the graphs that a detector is made of; of a backbone there is one.
type part int

const (
	backbone part = iota
	vision
	language
	grounding
)
