package glipvk_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/swin"
)

// A photograph through a tiny backbone with made-up weights. For real features,
// leave Arch out and name a model and a checkpoint.
func Example() {
	ctx := context.Background()
	b, err := glipvk.OpenBackbone(ctx, "", glipvk.BackboneOptions{Options: glipvk.Options{Weights: "synthetic:7", Device: "cpu"}, Arch: &swin.Config{
		EmbedDims: 8, Depths: []int{2, 2, 2, 2}, NumHeads: []int{1, 2, 4, 8}, WindowSize: 4, OutIndices: []int{1, 2, 3},
		ImageSize: 128, PatchSize: 4, MLPRatio: 4, Eps: 1e-5, QKVBias: true,
	}})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	cat, err := picture.Open(ctx, "testdata/pictures/chelsea.png", picture.Limits{})
	if err != nil {
		log.Fatal(err)
	}
	features, err := b.Extract(ctx, cat)
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
func ExampleBackbone_Stream() {
	ctx := context.Background()
	b, err := glipvk.OpenBackbone(ctx, "", glipvk.BackboneOptions{Options: glipvk.Options{Weights: "synthetic:7", Device: "cpu"}, Arch: &swin.Config{
		EmbedDims: 8, Depths: []int{2, 2, 2, 2}, NumHeads: []int{1, 2, 4, 8}, WindowSize: 4, OutIndices: []int{3},
		ImageSize: 128, PatchSize: 4, MLPRatio: 4, Eps: 1e-5, QKVBias: true,
	}})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	paths := []string{"testdata/pictures/chelsea.png", "testdata/pictures/truncated.jpg", "testdata/pictures/chelsea.png"}
	for r, err := range b.Stream(ctx, b.Files(paths...), glipvk.StreamOptions{Batch: 2}) {
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

// Boxes in a photograph, by a tiny detector. For real ones, leave Arch, Vocabulary and Size
// out and name a detector and its checkpoint.
func ExampleDetector() {
	ctx := context.Background()
	d := openExample(ctx)
	defer d.Close()
	cat, err := picture.Open(ctx, "testdata/pictures/chelsea.png", picture.Limits{})
	if err != nil {
		log.Fatal(err)
	}
	found, err := d.Detect(ctx, glipvk.Query{Caption: "a cat and a red umbrella", Phrases: []string{"cat", "red umbrella"}}, cat)
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range found[0] {
		fmt.Printf("%-12s %.2f at (%.0f, %.0f) to (%.0f, %.0f)\n", f.Phrase, f.Score, f.Box.X1, f.Box.Y1, f.Box.X2, f.Box.Y2)
	}
	// Output:
	// red umbrella 0.79 at (386, 165) to (448, 297)
	// red umbrella 0.77 at (351, 168) to (437, 297)
	// red umbrella 0.75 at (317, 150) to (417, 297)
}

// Several queries about one picture, which is looked at once.
func ExampleDetector_Look() {
	ctx := context.Background()
	d := openExample(ctx)
	defer d.Close()
	cat, err := picture.Open(ctx, "testdata/pictures/chelsea.png", picture.Limits{})
	if err != nil {
		log.Fatal(err)
	}
	in, err := d.Preprocess(cat)
	if err != nil {
		log.Fatal(err)
	}
	s, err := d.Look(ctx, in)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	for _, name := range []string{"cat", "umbrella", "person"} {
		found, err := s.Detect(ctx, glipvk.Query{Classes: []string{name}})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(name, len(found[0]))
	}
	// Output:
	// cat 1
	// umbrella 3
	// person 3
}

// openExample opens the tiny detector.
func openExample(ctx context.Context) *glipvk.Detector {
	data, err := os.ReadFile("testdata/glip/tiny/arch.json")
	if err != nil {
		log.Fatal(err)
	}
	arch, err := glip.ParseConfig(data)
	if err != nil {
		log.Fatal(err)
	}
	d, err := glipvk.OpenDetector(ctx, "", glipvk.DetectorOptions{
		Options: glipvk.Options{Weights: "testdata/glip/tiny/model.pth", Device: "cpu"}, Vocabulary: "testdata/glip/tiny/vocab.txt", Arch: &arch,
		Size: picture.DetectorSize{Short: 96}, Threshold: 0.5, Max: 3,
	})
	if err != nil {
		log.Fatal(err)
	}
	return d
}
