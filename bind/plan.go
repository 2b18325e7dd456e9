package bind

import "slices"

// Resize says what to do with a tensor that was made for another size and can be
// resized, such as a table of relative positions for another window.
type Resize int

// The rules.
const (
	Refuse    Resize = iota // report it as [ErrShape]
	Geometric               // mmpretrain's rule
	Bicubic                 // Microsoft's rule
)

// Options changes how weights are bound. The zero value is strict.
type Options struct {
	Resize         Resize // for checkpoints of another size
	AllowNonFinite bool   // let NaN and infinity pass
}

// Form makes what a parameter wants of a tensor of the file that has another shape.
type Form func(data []float32) []float32

// Parameter is a tensor that a model reads, and where a file has it.
type Parameter struct {
	Name  string   // its path in the recorded graph
	Shape []int    // as the graph wants it
	Keys  []string // of the file, joined along the first axis; none, or one "", where the file lacks it

	// Accept, if set, is asked about a tensor of another shape than its share of Shape.
	// A nil form takes it as it is.
	Accept func(shape []int, r Resize) (f Form, ok bool)

	// Order, if set, brings the elements from the order of the file into the graph's, in place.
	Order func(data []float32)

	// What helps where all that is wrong is that parameters of the same advice are
	// missing, or have another shape; "" for what helps in general.
	IfMissing, IfShape string
}

// share is the shape of each of the tensors that are joined.
func (p Parameter) share() []int {
	shape := slices.Clone(p.Shape)
	if len(p.Keys) > 1 {
		shape[0] /= len(p.Keys)
	}
	return shape
}

// Plan is what a model's package makes of a file.
type Plan struct {
	Model      string      // the package, with which errors begin
	Names      *NameMap    // of the file
	Parameters []Parameter // in the order of the recorded graph

	// Spare, if set, gives the reason why a parameter that the file has and the model
	// has not does no harm, "" for any other.
	Spare func(name string) (reason string)

	// Facts, if set, reads what the file says of the model besides weights and lists
	// what contradicts the architecture, with what helps.
	Facts func() (wrong []Fact, remedy string, err error)

	// Differences, if set, says where the file's architecture is not the one asked for.
	Differences func() []string
}
