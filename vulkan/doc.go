// Package vulkan runs graphs on a Vulkan device: it uploads weights, measures tiles, makes
// pipelines, records the dispatches that package kernels plans once, and runs them as often
// as wanted.
//
//	w, err := vulkan.Upload(ctx, dev, g, checkpoint, vulkan.UploadOptions{})  // once for all input sizes
//	p, err := vulkan.Compile(ctx, dev, g, w, vulkan.Options{})
//	values, err := p.Run(ctx, vulkan.Input{Host: pixels})  // which stay on the device
//	err = values[0].Download(ctx, features)
//
// Every wait (for the device, for a way through a program, for somebody else's tuning) ends with
// its context; what the device has begun it finishes by itself, and whoever needs its
// memory next waits for that under a context of their own.
package vulkan
