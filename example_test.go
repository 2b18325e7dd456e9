package glipvk_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/swin"
)

// A photograph through a tiny backbone with made-up weights. For real features,
// leave Arch out and name a model and a checkpoint.
func Example() {
	ctx := context.Background()
	m, err := glipvk.Open(ctx, "", glipvk.Options{Weights: "synthetic:7", Device: "cpu", Arch: &swin.Config{
		EmbedDims: 8, Depths: []int{2, 2, 2, 2}, NumHeads: []int{1, 2, 4, 8}, WindowSize: 4, OutIndices: []int{1, 2, 3},
		ImageSize: 128, PatchSize: 4, MLPRatio: 4, Eps: 1e-5, QKVBias: true,
	}})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	cat, err := picture.Open("testdata/pictures/chelsea.png", picture.Limits{})
	if err != nil {
		log.Fatal(err)
	}
	features, err := m.ExtractFeatures(ctx, cat)
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range features {
		fmt.Println(f.Name, f.Shape)
	}
	// Output:
	// stage1 [1 16 16 16]
	// stage2 [1 32 8 8]
	// stage3 [1 64 4 4]
}

// Many files: one result for each, in order, also for those that cannot be read.
func ExampleModel_Stream() {
	ctx := context.Background()
	m, err := glipvk.Open(ctx, "", glipvk.Options{Weights: "synthetic:7", Device: "cpu", Arch: &swin.Config{
		EmbedDims: 8, Depths: []int{2, 2, 2, 2}, NumHeads: []int{1, 2, 4, 8}, WindowSize: 4, OutIndices: []int{3},
		ImageSize: 128, PatchSize: 4, MLPRatio: 4, Eps: 1e-5, QKVBias: true,
	}})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	paths := []string{"testdata/pictures/chelsea.png", "testdata/pictures/truncated.jpg", "testdata/pictures/chelsea.png"}
	for r, err := range m.Stream(ctx, m.Files(paths...), glipvk.StreamOptions{Batch: 2}) {
		if err != nil {
			fmt.Println(r.Index, "cannot be used:", errors.Is(err, glipvk.ErrInput))
			continue
		}
		fmt.Println(r.Index, r.Features[0].Name, r.Features[0].Shape)
	}
	// Output:
	// 0 stage3 [1 64 4 4]
	// 1 cannot be used: true
	// 2 stage3 [1 64 4 4]
}
