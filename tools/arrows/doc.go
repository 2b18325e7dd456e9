// Package arrows holds the project to its own map: who may import whom, which files of a package may need one another, who may read the
// environment, who may end the process, who may open a file.
//
// The map is the table in rules.go. The test of this package checks the whole module against it, so go test ./... does:
//
//	packages, err := List(ctx, "../..", "CGO_ENABLED=0")
//	for _, problem := range Wrong(packages) { ... }
//	problems, err := Circles(ctx, "../..", "CGO_ENABLED=0")
//
// In packages whose row says so, files form no circle: a reader can begin at one and go down. Where an arrow has to turn round, what it
// points at moves to the file below.
//
// A new top-level folder needs a row there first.
package arrows
