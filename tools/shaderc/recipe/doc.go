// Package recipe says how each shader variant is made and whether its committed SPIR-V is still what that recipe gives.
//
// The recipe is shaders/variants.json, a JSON array with one row per variant:
//
//	{"name": "gemm_tiled", "source": "gemm.comp", "defines": {"T": "float"}, "flags": ["-O0"], "note": "why"}
//
// name is the stem of the .spv file and what the Go side asks for; source is a .comp file in the shaders folder; defines become
// -D options, for types only (sizes, flags and epilogues are specialization constants); flags follow the common ones and so can
// override them; note is for the reader. Only name and source are required.
//
// A shader with cooperative matrices is written in NV's form of them, which older compilers know too; what the compiler makes of it is
// turned into KHR's (MatricesKHR), which drivers have.
//
// The compiler driver (tools/shaderc) records in spv/manifest.json the SHA-256 of everything that went into each variant. A test
// of package shaders recomputes those with this package, in pure Go, so that a stale .spv fails where no compiler is installed:
//
//	rows, err := recipe.Load(os.DirFS("shaders"))
//	manifest, err := recipe.ReadManifest(os.DirFS("shaders"))
//	err = recipe.Stale(os.DirFS("shaders"), rows, manifest)
package recipe
