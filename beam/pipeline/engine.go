package pipeline

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/picture"
)

// engine is a model on a device, which all bundles of a process share: weights are loaded once, and the device is asked by no more
// shards at a time than the configuration says.
type engine struct {
	config   Config
	detector *glipvk.Detector // of Detect
	backbone *glipvk.Backbone // of Features
	slots    chan struct{}    // shards at work
}

// finding is what a model says of a picture.
type finding struct {
	size       picture.Extent // of the picture
	detections []glipvk.Detection
	features   glipvk.Features
	elapsed    time.Duration
}

// openEngine is the opener of engines; tests count its calls, and make it fail.
var openEngine = func(ctx context.Context, c Config) (*engine, error) {
	e := &engine{config: c, slots: make(chan struct{}, c.Workers)}
	if c.Mode == Features {
		o, err := c.backbone()
		if err != nil {
			return nil, err
		}
		e.backbone, err = glipvk.OpenBackbone(ctx, c.Model, o)
		return e, err
	}
	o, err := c.detector()
	if err != nil {
		return nil, err
	}
	e.detector, err = glipvk.OpenDetector(ctx, c.Model, o)
	return e, err
}

// close gives the device back.
func (e *engine) close() error {
	switch {
	case e.detector != nil:
		return e.detector.Close()
	case e.backbone != nil:
		return e.backbone.Close()
	}
	return nil
}

// device says where the model runs, and what a user should know of its weights.
func (e *engine) device() (glipvk.DeviceInfo, []string) {
	if e.detector != nil {
		return e.detector.Device(), e.detector.Notes()
	}
	return e.backbone.Device(), e.backbone.Notes()
}

// enter waits for one of the slots; leave gives it back.
func (e *engine) enter(ctx context.Context) (leave func(), err error) {
	select {
	case e.slots <- struct{}{}:
		return func() { <-e.slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// prepare takes a picture through the model's pipeline.
func (e *engine) prepare(p picture.Picture) (picture.Input, error) {
	if e.detector != nil {
		return e.detector.Preprocess(p)
	}
	return e.backbone.Preprocess(p)
}

// stream takes pictures through the model, in order, as glipvk's streams do.
func (e *engine) stream(ctx context.Context, loads iter.Seq[glipvk.Load]) iter.Seq2[finding, error] {
	o := glipvk.StreamOptions{Batch: e.config.Batch}
	return func(yield func(finding, error) bool) {
		if e.detector != nil {
			for f, err := range e.detector.Stream(ctx, e.config.Query, loads, o) {
				var r finding
				if err == nil {
					r = finding{size: f.Input.View(0).Original, detections: f.Detections[0], elapsed: f.Elapsed}
				}
				if !yield(r, err) {
					return
				}
			}
			return
		}
		for f, err := range e.backbone.Stream(ctx, loads, o) {
			var r finding
			if err == nil {
				r = finding{size: f.Input.View(0).Original, features: f.Features, elapsed: f.Elapsed}
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// engines are those of this process, by their configuration.
var engines = struct {
	sync.Mutex
	byKey map[string]*holding
}{byKey: map[string]*holding{}}

// holding is an engine with the number of those who use it.
type holding struct {
	users int
	ready chan struct{} // closed when it is open, or is known not to open
	*engine
	err error
}

// acquire is the process's engine of a configuration, opened for the first who asks; each who got it releases it.
func acquire(ctx context.Context, c Config) (*engine, error) {
	key := hash(c)
	engines.Lock()
	h, there := engines.byKey[key]
	if !there {
		h = &holding{ready: make(chan struct{})}
		engines.byKey[key] = h
	}
	h.users++
	engines.Unlock()
	if !there {
		// It is opened for all, so that the end of one bundle is not that of the others.
		h.engine, h.err = openEngine(context.WithoutCancel(ctx), c)
		if h.err != nil {
			engines.Lock()
			delete(engines.byKey, key) // the next one tries again
			engines.Unlock()
		}
		close(h.ready)
	}
	select {
	case <-h.ready:
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), release(c))
	}
	return h.engine, h.err
}

// release gives an engine back, which is closed when nobody has it.
func release(c Config) error {
	key := hash(c)
	engines.Lock()
	h := engines.byKey[key]
	if h == nil {
		engines.Unlock()
		return nil
	}
	h.users--
	last := h.users == 0
	if last {
		delete(engines.byKey, key)
	}
	engines.Unlock()
	if !last {
		return nil
	}
	<-h.ready
	if h.err != nil {
		return nil
	}
	return h.close()
}

// Warm opens the process's engine for a run of a local runner, whose workers are in the process: what is wrong with weights or device is then
// known before the pipeline begins, in its own words. done closes it, with what bundles hold of it still.
func Warm(ctx context.Context, c Config) (device glipvk.DeviceInfo, notes []string, done func() error, err error) {
	e, err := acquire(ctx, c)
	if err != nil {
		return device, nil, nil, err
	}
	device, notes = e.device()
	return device, notes, func() error {
		engines.Lock()
		delete(engines.byKey, hash(c)) // runners tear down nothing at their end
		engines.Unlock()
		return e.close()
	}, nil
}
