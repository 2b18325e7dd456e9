// Package queue orders the work of a server: it says who is refused, whose turn it is, what is computed together and what once.
// It knows neither the network nor the detector, only jobs, which become prepared and then results by functions that it is given.
//
// # A request's way
//
// A request has one unit for each of its pictures, which are answered together. It goes through these states:
//
//	reading    Admit has taken it by the length of its body, before that is read
//	checked    Checked: the body is there and is looked through; what is wrong with it is found here
//	waiting    Do has put its units into the line, encoded
//	preparing  Prepare decodes them, as many at a time as there are processors, while the device computes others
//	ready      two batches for each device at most
//	computing  Compute does a batch, one at a time on each device
//
// In all of them a caller whose context ends is free at once, and what nobody waits for any more is called off, but for what is
// being computed: that goes on, and is dropped.
//
// # Who is refused
//
// More than Queue and Spare requests that are read or wait, or more bytes than Bytes, are refused before anything is read, and units
// beyond Queue before they wait: as overloaded, with the time that what waits will take, which is the tasks in the line times a
// moving average of a task's seconds, by devices. So is a deadline that is shorter. Refusing costs microseconds, which is why a
// server under a load that it cannot bear still serves as many as it can.
//
// # Whose turn it is
//
// Units of high priority go before those of low, and a unit that has waited five seconds counts as high. Within a priority clients
// take turns, one unit each, and a client's units stay as they came: a client with a thousand delays the next by one.
// From that order three things may depart, within a bound: by eight units that come after it a unit is overtaken, by no more.
//
//   - A batch takes in those that share the first's extent, as pictures of one size are computed together.
//   - A unit whose picture is remembered goes before others of its priority, as it costs less; in a batch, before others of its extent.
//   - While the first is still being decoded, a decoded one of the same priority is computed.
//
// # What is done once
//
// Units with one whole key (picture, prompt and options) are one task: it is computed once, at the best of their turns, and
// called off when the last of their callers has left.
//
// # Time
//
// All time is package time's, so that tests run in the fake time of testing/synctest. An idle queue has no goroutine.
package queue
