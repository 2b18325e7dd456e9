// Package shaders holds the compute shaders: GLSL sources and the SPIR-V compiled from them.
//
// Each operation is one .comp file; each row of variants.json makes one module from it (tools/shaderc/recipe documents the columns).
// After changing a shader, an include or a row:
//
//	go generate ./shaders
//
// The modules are committed and embedded, so a program that uses this package needs no shader compiler; a test fails when one is stale.
//
//	code, err := shaders.Code("layernorm") // SPIR-V words
//
// It imports the standard library only and knows nothing of devices.
package shaders
