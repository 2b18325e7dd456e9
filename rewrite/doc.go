// Package rewrite changes a recorded graph into one that computes the same with less
// work. A rewritten graph is a graph like any other: every executor runs it, and what
// stays in it keeps its path.
//
//	g, err := glip.Record(cfg, query)
//	g, to, err := rewrite.Absorb(g, nil)
//	id, ok := to(old) // where a value of the recorded graph went
//
// The oracle judges a rewrite by running both graphs. The package imports graph only.
package rewrite
