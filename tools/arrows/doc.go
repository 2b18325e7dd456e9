// Package arrows holds the project to its own map: who may import whom, who may read the environment, who may end the process.
//
// The map is the table in rules.go. The test of this package checks the whole module against it, so go test ./... does:
//
//	packages, err := List(ctx, "../..", "CGO_ENABLED=0")
//	for _, problem := range Wrong(packages) { ... }
//
// A new top-level folder needs a row there first.
package arrows
