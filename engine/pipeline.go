//go:build cgo && linux

package engine

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	vk "github.com/vulkan-go/vulkan"
)

// Pipeline is a compiled compute shader. The device owns it: there is nothing to close.
type Pipeline struct {
	d         *Device
	label     string
	bindings  int
	texels    uint32
	addressed bool
	pushBytes int
	vk        vk.Pipeline
	layout    layout
}

// layout is what pipelines with equally many bindings and push bytes share.
type layout struct {
	set      vk.DescriptorSetLayout
	pipeline vk.PipelineLayout
}

type layoutKey struct {
	bindings, pushBytes int
	texels              uint32
}

// pipelines holds the compiled pipelines of a device by content.
type pipelines struct {
	mu      sync.RWMutex // never held while the driver compiles
	byKey   map[[sha256.Size]byte]*making
	layouts map[layoutKey]layout
	cache   vk.PipelineCache
	path    string // of the cache file, "" = none
	key     cacheKey
	read    int // bytes the cache file gave
}

// making is a pipeline, perhaps still being compiled.
type making struct {
	key      [sha256.Size]byte
	ready    chan struct{} // closed when one of the following is set
	pipeline *Pipeline
	err      error
}

// open makes the driver's pipeline cache from the file, where there is a good one.
func (p *pipelines) open(d *Device) error {
	p.byKey = map[[sha256.Size]byte]*making{}
	p.layouts = map[layoutKey]layout{}
	p.key = d.cacheKey()
	p.path = d.cachePath(p.key)
	var data []byte
	if p.path != "" {
		data = readCache(p.path, p.key)
	}
	p.read = len(data)
	return d.createCache(data, &p.cache)
}

// close writes the cache file when anything was compiled, and destroys everything.
func (p *pipelines) close(d *Device) {
	if p.cache != nil {
		if p.path != "" && len(p.byKey) > 0 {
			// lavapipe of Mesa 26.2 gives 20 bytes, less than the header that Vulkan prescribes:
			// no use to anybody, and readCache would refuse them.
			if data := cacheData(d.vk, p.cache); len(data) >= cacheHeader {
				_ = writeCache(p.path, p.key, data) // a cache that cannot be kept costs time only
			}
		}
		destroyObject(d, "pipeline cache", p.cache, vk.DestroyPipelineCache)
	}
	for _, m := range p.byKey {
		m.pipeline.release()
	}
	for _, l := range p.layouts {
		destroyObject(d, "pipeline layout", l.pipeline, vk.DestroyPipelineLayout)
		destroyObject(d, "set layout", l.set, vk.DestroyDescriptorSetLayout)
	}
	p.byKey, p.layouts, p.cache = nil, nil, nil
}

func (x *Pipeline) release() { destroyObject(x.d, "pipeline", x.vk, vk.DestroyPipeline) }

// identity is the hash of all that makes a pipeline what it is.
func (s PipelineSpec) identity() [sha256.Size]byte {
	h := sha256.New()
	fmt.Fprintln(h, strconv.Quote(s.Entry), s.Bindings, s.Texels, s.Addressed, s.PushBytes, s.Subgroup, len(s.Constants))
	_ = binary.Write(h, binary.LittleEndian, s.Constants) // a hash takes whatever it is given
	_ = binary.Write(h, binary.LittleEndian, s.Code)
	return [sha256.Size]byte(h.Sum(nil))
}

// Pipeline returns the pipeline of a spec, compiling it the first time. Several goroutines may
// compile different ones at the same time; those that ask for the same one wait for the first
// of them, each under its own context. A driver that compiles cannot be stopped: the one that
// has begun finishes.
func (d *Device) Pipeline(ctx context.Context, s PipelineSpec) (*Pipeline, error) {
	if s.Entry == "" {
		s.Entry = "main"
	}
	if err := s.Fits(d.info.Caps); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("engine: pipeline %q: %w", s.Label, err)
	}
	if err := d.enter(); err != nil {
		return nil, err
	}
	defer d.leave()
	m, first := d.pipelines.claim(s.identity())
	if first {
		d.make(m, s)
	}
	select {
	case <-m.ready:
		return m.pipeline, m.err
	case <-ctx.Done():
		return nil, fmt.Errorf("engine: pipeline %q: %w", s.Label, ctx.Err())
	}
}

// claim returns the pipeline of a key, and whether the caller has to make it.
func (p *pipelines) claim(key [sha256.Size]byte) (m *making, first bool) {
	p.mu.RLock()
	m = p.byKey[key]
	p.mu.RUnlock()
	if m != nil {
		return m, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if m = p.byKey[key]; m != nil { // another goroutine was faster
		return m, false
	}
	m = &making{ready: make(chan struct{}), key: key}
	p.byKey[key] = m
	return m, true
}

// make compiles what was claimed. After a failure whoever asks next tries again.
func (d *Device) make(m *making, s PipelineSpec) {
	defer close(m.ready)
	x, err := d.compile(s)
	if err = errors.Join(err, d.messages(s.Label)); err == nil {
		m.pipeline = x
		return
	}
	if x != nil {
		x.release()
	}
	m.err = err
	d.pipelines.mu.Lock()
	defer d.pipelines.mu.Unlock()
	delete(d.pipelines.byKey, m.key)
}

// compile makes a pipeline; several goroutines may compile at the same time.
func (d *Device) compile(s PipelineSpec) (*Pipeline, error) {
	l, err := d.layout(s)
	if err != nil {
		return nil, err
	}
	var module vk.ShaderModule
	code := slices.Clone(s.Code) // the caller's may change meanwhile; and this copy can be pinned
	if err := d.createModule(s.Label, code, &module); err != nil {
		return nil, err
	}
	defer func() { destroyObject(d, "shader module", module, vk.DestroyShaderModule) }()
	x := &Pipeline{d: d, label: s.Label, bindings: s.Bindings, texels: s.Texels, addressed: s.Addressed, pushBytes: s.PushBytes, layout: l}
	if err := d.createPipeline(module, l.pipeline, s, d.fullSubgroups(s), &x.vk); err != nil {
		return nil, err
	}
	d.in.name(d.vk, objectPipeline, bits(x.vk), s.Label)
	return x, nil
}

// fullSubgroups reports whether all subgroups of a spec's workgroups can be full.
func (d *Device) fullSubgroups(s PipelineSpec) bool {
	return s.Subgroup != 0 && d.extras.fullSubgroups != 0 && readModule(s.Code, s.Constants).local()[0]%s.Subgroup == 0
}

// layout returns the shared layout for a spec.
func (d *Device) layout(s PipelineSpec) (layout, error) {
	p := &d.pipelines
	p.mu.Lock()
	defer p.mu.Unlock()
	descriptors := s.Bindings
	if s.Addressed {
		descriptors = 0
	}
	key := layoutKey{descriptors, s.PushBytes, s.Texels}
	if l, ok := p.layouts[key]; ok {
		return l, nil
	}
	var l layout
	if err := d.createSetLayout(s.Label, descriptors, s.Texels, &l.set); err != nil {
		return l, err
	}
	if err := d.createPipelineLayout(s.Label, l.set, s.PushBytes, &l.pipeline); err != nil {
		destroyObject(d, "set layout", l.set, vk.DestroyDescriptorSetLayout)
		return l, err
	}
	p.layouts[key] = l
	return l, nil
}
