package glipvk_test

import (
	"context"
	"fmt"
	"log"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/loader"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/swin"
	"github.com/glipvk/glipvk/text"
)

// openCat reads the photograph of the examples.
func openCat(ctx context.Context) picture.Picture {
	cat, err := picture.Open(ctx, "testdata/pictures/chelsea.png", picture.Limits{})
	if err != nil {
		log.Fatal(err)
	}
	return cat
}

// openSmall opens the backbone of the examples, whose weights are made by formula.
func openSmall(ctx context.Context) *glipvk.Backbone {
	arch, err := swin.ParseConfig([]byte(`{"embed_dims": 8, "depths": [2, 2, 2, 2], "num_heads": [1, 2, 4, 8], "window_size": 4,
		"out_indices": [3], "img_size": 128, "patch_size": 4, "mlp_ratio": 4, "norm_eps": 1e-5, "qkv_bias": true}`))
	if err != nil {
		log.Fatal(err)
	}
	b, err := glipvk.OpenBackbone(ctx, "", glipvk.BackboneOptions{Options: glipvk.Options{Weights: "synthetic:7", Device: "cpu"}, Arch: &arch})
	if err != nil {
		log.Fatal(err)
	}
	return b
}

// A list of class names: every label is a name of it, counted from 1.
func ExampleDetector_Detect() {
	ctx := context.Background()
	d := openExample(ctx)
	defer d.Close()
	found, err := d.Detect(ctx, glipvk.Query{Classes: []string{"cat", "umbrella"}}, openCat(ctx))
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range found[0] {
		fmt.Println(f.Label, f.Phrase)
	}
	// Output:
	// 2 umbrella
	// 2 umbrella
	// 2 umbrella
}

// Spans say which characters of a sentence are meant, where its words alone would not: here the second umbrella.
func ExampleDetector_Detect_spans() {
	ctx := context.Background()
	d := openExample(ctx)
	defer d.Close()
	q := glipvk.Query{Caption: "an umbrella and a red umbrella", Spans: []text.Span{{Begin: 22, End: 30}}}
	found, err := d.Detect(ctx, q, openCat(ctx))
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range found[0] {
		fmt.Printf("%q %.2f\n", f.Phrase, f.Score)
	}
	// Output:
	// "umbrella" 0.79
	// "umbrella" 0.78
	// "umbrella" 0.77
}

// A call with limits of its own, and what of it had been computed before.
func ExampleDetector_DetectWith() {
	ctx := context.Background()
	d := openExample(ctx)
	defer d.Close()
	in, err := d.Preprocess(openCat(ctx))
	if err != nil {
		log.Fatal(err)
	}
	for _, o := range []glipvk.CallOptions{{}, {Threshold: new(0.9)}, {Max: new(1)}} {
		found, report, err := d.DetectWith(ctx, glipvk.Query{Classes: []string{"umbrella"}}, in, o)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(len(found[0]), "boxes; the picture was known:", report.PictureKnown)
	}
	// Output:
	// 3 boxes; the picture was known: false
	// 0 boxes; the picture was known: true
	// 1 boxes; the picture was known: true
}

// Where the words of a sentence show in a picture. Who asks often asks a [glipvk.Sight].
func ExampleDetector_AlignInput() {
	ctx := context.Background()
	d := openExample(ctx)
	defer d.Close()
	in, err := d.Preprocess(openCat(ctx))
	if err != nil {
		log.Fatal(err)
	}
	list, _, err := d.AlignInput(ctx, glipvk.Query{Caption: "a cat with an umbrella", Phrases: []string{"cat"}}, in)
	if err != nil {
		log.Fatal(err)
	}
	a := list[0][0] // of the first picture and caption
	fmt.Println("maps of", a.Height, "x", a.Width)
	for _, w := range a.Tokens {
		fmt.Printf("%-8s %v %.2f\n", w.Text, w.Span, w.Peak)
	}
	// Output:
	// maps of 12 x 18
	// a        {0 1} 1.00
	// cat      {2 5} 0.02
	// with     {6 10} 1.00
	// an       {11 13} 0.87
	// umbrella {14 22} 1.00
}

// Several questions about one picture in one run.
func ExampleDetector_DetectBatch() {
	ctx := context.Background()
	d := openExample(ctx)
	defer d.Close()
	load := func(ctx context.Context) (picture.Input, error) { return d.Preprocess(openCat(ctx)) }
	var asks []glipvk.Ask
	for _, name := range []string{"cat", "umbrella"} {
		s, _, err := d.Recall(ctx, "chelsea.png", load) // loaded and looked at once
		if err != nil {
			log.Fatal(err)
		}
		defer s.Close()
		asks = append(asks, glipvk.Ask{Sight: s, Query: glipvk.Query{Classes: []string{name}}})
	}
	found, _, err := d.DetectBatch(ctx, asks)
	if err != nil {
		log.Fatal(err)
	}
	for i, list := range found {
		fmt.Println(asks[i].Query.Classes[0], len(list))
	}
	// Output:
	// cat 1
	// umbrella 3
}

// Many files through a detector: one result for each, in order, also for those that cannot be read.
func ExampleDetector_Stream() {
	ctx := context.Background()
	d := openExample(ctx)
	defer d.Close()
	files := d.Files("testdata/pictures/chelsea.png", "testdata/pictures/truncated.jpg", "testdata/pictures/chelsea.png")
	for r, err := range d.Stream(ctx, glipvk.Query{Classes: []string{"umbrella"}}, files, glipvk.StreamOptions{Batch: 2}) {
		if err != nil {
			fmt.Println(r.Index, "cannot be used")
			continue
		}
		fmt.Println(r.Index, len(r.Detections[0]), "boxes")
	}
	// Output:
	// 0 3 boxes
	// 1 cannot be used
	// 2 3 boxes
}

// Values inside the model, by their paths in the graph: * is a part of one, ** any number of parts.
func ExampleBackbone_Taps() {
	ctx := context.Background()
	b := openSmall(ctx)
	defer b.Close()
	in, err := b.Preprocess(openCat(ctx))
	if err != nil {
		log.Fatal(err)
	}
	_, taps, err := b.Taps(ctx, in, "stages.0.blocks.*.attn.w_msa.qkv")
	if err != nil {
		log.Fatal(err)
	}
	for _, tap := range taps {
		fmt.Println(tap.Name, tap.Shape)
	}
	// Output:
	// stages.0.blocks.0.attn.w_msa.qkv [64 16 24]
	// stages.0.blocks.1.attn.w_msa.qkv [64 16 24]
}

// The same computed once more on the CPU reference, and how far apart the two are.
func ExampleBackbone_Verify() {
	ctx := context.Background()
	b := openSmall(ctx)
	defer b.Close()
	in, err := b.Preprocess(openCat(ctx))
	if err != nil {
		log.Fatal(err)
	}
	features, err := b.ExtractInput(ctx, in)
	if err != nil {
		log.Fatal(err)
	}
	differences, err := b.Verify(ctx, in, features)
	if err != nil {
		log.Fatal(err)
	}
	for _, d := range differences {
		fmt.Println(d.Name, d.OK(), d.RelativeL2 < 3e-5)
	}
	// Output:
	// stage3 true true
}

// What a checkpoint is: its container, whose names it has, and the architecture that its shapes tell. Nothing that it names is run.
func Example_inspect() {
	c, err := loader.Open("testdata/checkpoints/mmpretrain-nano.pth")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	arch, family, err := swin.Infer(c)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Container(), "of", family)
	fmt.Println(arch.EmbedDims, arch.Depths, arch.WindowSize)
	// Output:
	// PyTorch zip of mmpretrain
	// 8 [2 2 2 2] 4
}

// The Vulkan devices of this machine, each with why it cannot be used, if so, and where a model runs that asks for the CPU.
func ExampleDevices() {
	devices, err := glipvk.Devices()
	for _, d := range devices {
		log.Println(d.Index, d.Name, d.Kind, d.Unusable)
	}
	if err != nil {
		log.Println("no Vulkan device:", err) // the CPU is there all the same
	}
	cpu, err := glipvk.OpenDevice(context.Background(), glipvk.Options{Device: "cpu"})
	if err != nil {
		log.Fatal(err)
	}
	defer cpu.Close()
	fmt.Println(cpu.Device().Vulkan == nil, cpu.Device().Precision)
	// Output: true f32
}

// An architecture without a name, read from JSON as "glip inspect" prints it; its sizes follow from it.
func ExampleBackboneOptions() {
	ctx := context.Background()
	b := openSmall(ctx)
	defer b.Close()
	features, err := b.Extract(ctx, openCat(ctx))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(b.Info().Parameters, features[0].Name, features[0].Shape)
	// Output:
	// 146886 stage3 [1 64 4 4]
}

// Which way a picture and a weight would have to change for a cat to be found where there is one.
func ExampleDetector_Gradients() {
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
	there := []glipvk.Detection{{Label: 1, Box: glip.Box{X1: 110, Y1: 20, X2: 440, Y2: 290}}}
	g, err := d.Gradients(ctx, glipvk.Query{Classes: []string{"cat"}}, in, [][]glipvk.Detection{there}, "image", "rpn.head.bias0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("losses: boxes %.2f, centre-ness %.2f\n", g.Box, g.Centerness)
	for _, m := range g.Maps {
		fmt.Println(m.Name, m.Shape)
	}
	// Output:
	// losses: boxes 1.08, centre-ness 0.71
	// image [1 3 96 160]
	// rpn.head.bias0 [1]
}
