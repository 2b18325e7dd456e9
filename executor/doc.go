// Package executor is a device with one set of weights on it: it computes graphs of a model
// there, for whatever sizes are asked, and owns all that has to be shared, waited for and
// given back on the way.
//
//	e, err := executor.Open(ctx, g, source, executor.Options{}) // the weights of g, once
//	...
//	defer e.Close()
//	vision := executor.NewPart(e, executor.Recording[size]{Name: "vision", Record: record})
//	maps, err := vision.Run(ctx, size{480, 640}, executor.Host(picture)) // they stay where the executor has its memory
//
// The life of a run: a caller enters (after Close nobody does); the [Part] finds the program
// for the size on its [Shelf], or has it made, once for all who want it; the program waits for
// its share of the memory that programs in use may take; inputs go to the device, unless they
// are there; it runs; results stay there as a [Value], or come to memory of the caller's.
// Each of these waits ends with the caller's context, and with Close.
//
// Three backends compute: Vulkan, package cpu, and the oracle that judges both.
package executor
