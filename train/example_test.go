package train_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/convert"
	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/loader"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/text"
	"github.com/glipvk/glipvk/train"
)

// openExample readies the training of the tiny detector. For a real one, leave Arch and Vocabulary out and name a detector and its
// checkpoint.
func openExample(ctx context.Context, o train.Options) *train.Trainer {
	arch, err := glip.ParseConfig([]byte(tiny))
	if err != nil {
		log.Fatal(err)
	}
	d, err := glipvk.LoadDetector("", glipvk.DetectorOptions{
		Options: glipvk.Options{Weights: "synthetic:1", Device: "cpu"}, Arch: &arch, Vocabulary: "../testdata/glip/tiny/vocab.txt",
	})
	if err != nil {
		log.Fatal(err)
	}
	t, err := train.New(ctx, d, o)
	if err != nil {
		log.Fatal(err)
	}
	return t
}

// aCat is a photograph, a caption, and where the cat is.
func aCat(ctx context.Context) dataset.Sample {
	cat, err := picture.Open(ctx, "../testdata/pictures/chelsea.png", picture.Limits{})
	if err != nil {
		log.Fatal(err)
	}
	p := dataset.Picture{Path: "chelsea.png", Width: cat.Width, Height: cat.Height, Caption: "a cat", Objects: []dataset.Object{
		{Box: glip.Box{X1: 110, Y1: 20, X2: 440, Y2: 290}, Label: 1, Spans: []text.Span{{Begin: 2, End: 5}}},
	}}
	s, err := p.Sample(ctx, cat, dataset.Caption{Text: p.Caption}, dataset.View{Short: 64, Long: 128}, picture.Limits{})
	if err != nil {
		log.Fatal(err)
	}
	return s
}

// Steps by hand, on a sample that comes from no file of annotations.
func ExampleTrainer_Step() {
	ctx := context.Background()
	o, _ := train.Defaults(train.Full, 0)
	o.Random = glip.Random{} // the same losses from one step to the next, but for what is learned
	t := openExample(ctx, o)
	defer t.Close()
	sample := aCat(ctx)
	var losses []train.Losses
	for range 3 {
		l, err := t.Step(ctx, sample)
		if err != nil {
			log.Fatal(err)
		}
		losses = append(losses, l)
	}
	fmt.Printf("boxes %.2f, centre-ness %.2f\n", losses[0].Box, losses[0].Centerness)
	fmt.Println("less after two steps:", losses[2].Sum() < losses[0].Sum())
	// Output:
	// boxes 1.26, centre-ness 0.67
	// less after two steps: true
}

// What is saved loads anywhere, adapters in it too.
func ExampleTrainer_Save() {
	ctx := context.Background()
	o, _ := train.Defaults(train.Adapters, 0)
	t := openExample(ctx, o)
	defer t.Close()
	if _, err := t.Step(ctx, aCat(ctx)); err != nil {
		log.Fatal(err)
	}
	folder, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "cats.pth")
	if err := t.Save(ctx, path, train.Saving{Names: convert.MMDetection}); err != nil {
		log.Fatal(err)
	}
	file, err := loader.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	fmt.Println(len(file.Names()), "tensors, one of them", file.Names()[0])
	// Output:
	// 298 tensors, one of them backbone.patch_embed.projection.weight
}

// A set is measured as COCO does it, with the weights as they are.
func ExampleTrainer_Evaluate() {
	ctx := context.Background()
	o, _ := train.Defaults(train.Linear, 0)
	t := openExample(ctx, o)
	defer t.Close()
	set := &dataset.Set{Categories: []dataset.Category{{ID: 1, Name: "cat"}}, Pictures: []dataset.Picture{{
		ID: 1, Path: "../testdata/pictures/chelsea.png", Width: 451, Height: 300,
		Objects: []dataset.Object{{Box: glip.Box{X1: 110, Y1: 20, X2: 440, Y2: 290}, Label: 1}},
	}}}
	e, passed, err := t.Evaluate(ctx, set, picture.Limits{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("AP %.2f, %d pictures could not be read\n", e.Stats().AP, len(passed))
	// Output:
	// AP 0.00, 0 pictures could not be read
}

// The recipe of the paper for prompt tuning from three pictures of each category.
func ExampleDefaults() {
	o, c := train.Defaults(train.Prompt, 3)
	fmt.Println("rate", o.Recipe.Rate, "decay", o.Recipe.Decay, "batch", c.Batch)
	fmt.Println("a tenth of the rate after", o.Schedule.Patience, "measurements that are no better, the end after", c.Stop, "that are worse")
	// Output:
	// rate 0.05 decay 0.25 batch 4
	// a tenth of the rate after 3 measurements that are no better, the end after 8 that are worse
}
