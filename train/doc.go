// Package train is the training of GLIP's detector: what a model is to say of annotated
// pictures, the losses, their gradients and the steps that follow them, with the numbers of
// microsoft/GLIP.
//
//	set, err := dataset.Open(ctx, "shapes.json", dataset.Options{})
//	d, err := glipvk.LoadDetector("glip-t", glipvk.DetectorOptions{Options: weights}) // on no device yet
//	options, course := train.Defaults(train.Prompt, 0)
//	t, err := train.New(ctx, d, options) // owns d now; the caller closes t
//	course.Train, course.Val, course.Epochs, course.Out = set, held, 10, "runs/a"
//	err = t.Run(ctx, course) // steps, measurements, saves
//	found, err := glipvk.OpenDetector(ctx, "glip-t", ...) // with runs/a/best.safetensors
//
// Who has data of another kind takes the steps: [Trainer.Step] with samples, [Trainer.Detector] or [Trainer.Evaluate] now and
// then, [Trainer.Save] at the end, [Trainer.SaveState] and [Trainer.LoadState] for what goes on another day.
//
// A step is one graph: forward, backward and the length of the gradients. Weights, their moments and averages stay on the device from
// step to step, and a second graph updates them in place. A step whose loss is no number changes nothing.
package train
