//go:build cgo

package engine

import (
	"strings"

	vk "github.com/vulkan-go/vulkan"
)

// Stages and accesses of barriers, as the specification numbers them.
const (
	vkCompute  = uint32(vk.PipelineStageComputeShaderBit)
	vkTransfer = uint32(vk.PipelineStageTransferBit)
	vkHost     = uint32(vk.PipelineStageHostBit)

	shaderRead    = uint32(vk.AccessShaderReadBit)
	shaderWrite   = uint32(vk.AccessShaderWriteBit)
	transferRead  = uint32(vk.AccessTransferReadBit)
	transferWrite = uint32(vk.AccessTransferWriteBit)
	hostRead      = uint32(vk.AccessHostReadBit)
)

// bits are those of the stages in the set.
func (s stage) bits(compute, transfer uint32) (v uint32) {
	if s&computeStage != 0 {
		v |= compute
	}
	if s&transferStage != 0 {
		v |= transfer
	}
	return v
}

func (s stage) vk() uint32     { return s.bits(vkCompute, vkTransfer) }
func (s stage) writes() uint32 { return s.bits(shaderWrite, transferWrite) }
func (s stage) all() uint32    { return s.writes() | s.bits(shaderRead, transferRead) }

// openBarrier orders a command buffer after whatever the queue ran before: waiting for a
// fence on the host does not make one submission's writes visible to the next.
func (d *Device) openBarrier(c vk.CommandBuffer) {
	const both = computeStage | transferStage
	d.in.barrier(c, both.vk(), both.vk(), both.writes(), both.all())
}

// closeBarrier makes the writes visible to the host.
func (d *Device) closeBarrier(c vk.CommandBuffer) {
	const both = computeStage | transferStage
	d.in.barrier(c, both.vk(), vkHost, both.writes(), hostRead)
}

// newPool makes a command pool with one command buffer, and a fence.
func (d *Device) newPool(label string, flags vk.CommandPoolCreateFlagBits, pool *vk.CommandPool, buffer *vk.CommandBuffer, fence *vk.Fence) error {
	info := vk.CommandPoolCreateInfo{SType: vk.StructureTypeCommandPoolCreateInfo, QueueFamilyIndex: d.family, Flags: vk.CommandPoolCreateFlags(flags)}
	if err := createObject(d, "command pool", "vkCreateCommandPool", label, &info, pool, vk.CreateCommandPool); err != nil {
		return err
	}
	alloc := vk.CommandBufferAllocateInfo{SType: vk.StructureTypeCommandBufferAllocateInfo, CommandPool: *pool,
		Level: vk.CommandBufferLevelPrimary, CommandBufferCount: 1}
	defer alloc.Free()
	list := make([]vk.CommandBuffer, 1)
	if err := d.call("vkAllocateCommandBuffers", label, func() int32 {
		return int32(vk.AllocateCommandBuffers(d.vk, &alloc, list))
	}); err != nil {
		return err
	}
	*buffer = list[0]
	return createObject(d, "fence", "vkCreateFence", label, &vk.FenceCreateInfo{SType: vk.StructureTypeFenceCreateInfo}, fence, vk.CreateFence)
}

// begin and end bracket the recording of a command buffer.
func (d *Device) begin(label string, c vk.CommandBuffer) error {
	info := vk.CommandBufferBeginInfo{SType: vk.StructureTypeCommandBufferBeginInfo}
	defer info.Free()
	return d.call("vkBeginCommandBuffer", label, func() int32 { return int32(vk.BeginCommandBuffer(c, &info)) })
}

func (d *Device) end(label string, c vk.CommandBuffer) error {
	return d.call("vkEndCommandBuffer", label, func() int32 { return int32(vk.EndCommandBuffer(c)) })
}

// build makes the Vulkan objects and records. After an error, release undoes what was made.
func (c *Commands) build(r *Recorder) error {
	if err := c.d.newPool(c.label, 0, &c.pool, &c.buffer, &c.fence); err != nil {
		return err
	}
	c.d.in.name(c.d.vk, objectCommands, bits(c.buffer), c.label)
	sets, err := c.descriptorSets(r.ops)
	if err != nil {
		return err
	}
	if r.opts.Timestamps {
		if err := c.queryPool(len(r.steps) + 1); err != nil {
			return err
		}
	}
	barriers := planBarriers(r.steps)
	c.barriers = len(barriers)
	if err := c.d.begin(c.label, c.buffer); err != nil {
		return err
	}
	c.record(r.ops, sets, barriers)
	return c.d.end(c.label, c.buffer)
}

// descriptorSets makes one set for each dispatch that has bindings.
func (c *Commands) descriptorSets(ops []op) ([]vk.DescriptorSet, error) {
	var bound []Dispatch
	var layouts []vk.DescriptorSetLayout
	buffers, texels := 0, 0
	for _, o := range ops {
		if o.kind != opDispatch || o.dispatch.descriptors() == 0 {
			continue
		}
		bound, layouts = append(bound, o.dispatch), append(layouts, o.dispatch.Pipeline.layout.set)
		for _, b := range o.dispatch.Bindings {
			if b.Texel != 0 {
				texels++
			} else {
				buffers++
			}
		}
	}
	if len(bound) == 0 {
		return nil, nil
	}
	d := c.d
	if err := d.createPool(c.label, len(bound), buffers, texels, &c.descriptors); err != nil {
		return nil, err
	}
	sets := make([]vk.DescriptorSet, len(bound))
	defer pin(layouts)()
	info := vk.DescriptorSetAllocateInfo{SType: vk.StructureTypeDescriptorSetAllocateInfo, DescriptorPool: c.descriptors,
		DescriptorSetCount: uint32(len(layouts)), PSetLayouts: layouts}
	defer info.Free()
	if err := d.call("vkAllocateDescriptorSets", c.label, func() int32 {
		return int32(vk.AllocateDescriptorSets(d.vk, &info, &sets[0]))
	}); err != nil {
		return nil, err
	}
	for i, x := range bound {
		for n, b := range x.Bindings {
			view, err := c.view(b)
			if err != nil {
				return nil, err
			}
			d.in.updateSet(d.vk, sets[i], n, b, view)
		}
		d.in.name(d.vk, objectDescriptor, bits(sets[i]), x.Label)
	}
	return sets, nil
}

// descriptors of a dispatch: its bindings, unless the shader gets their addresses.
func (x Dispatch) descriptors() int {
	if x.Pipeline.addressed {
		return 0
	}
	return len(x.Bindings)
}

// view makes the view through which a shader reads a texel buffer, if it is one; equal ranges share one.
func (c *Commands) view(b Binding) (vk.BufferView, error) {
	var v vk.BufferView
	if b.Texel == 0 {
		return v, nil
	}
	key := viewKey{b.Buffer, b.Offset, b.Size, texelFormat(b)}
	if v, ok := c.views[key]; ok {
		return v, nil
	}
	info := vk.BufferViewCreateInfo{SType: vk.StructureTypeBufferViewCreateInfo, Buffer: b.Buffer.vk, Format: key.format,
		Offset: vk.DeviceSize(b.Offset), Range: vk.DeviceSize(c.d.viewOf(b.Size))}
	if err := createObject(c.d, "buffer view", "vkCreateBufferView", c.label, &info, &v, vk.CreateBufferView); err != nil {
		return v, err
	}
	if c.views == nil {
		c.views = map[viewKey]vk.BufferView{}
	}
	c.views[key] = v
	return v, nil
}

// viewRoom is by how much a view may be longer than what is bound.
const viewRoom = 256

// roomFor is the size of the Vulkan buffer for so many bytes. llvmpipe compiles a shader anew
// for each combination of texel operands whose memory is a power of two in size: none is then.
func (d *Device) roomFor(size int64) int64 {
	if !d.sameViews() {
		return size
	}
	if size += viewRoom; size&(size-1) == 0 {
		return size + addressAlignment
	}
	return size
}

// viewOf is the size of the texel view of so many bytes. llvmpipe (Mesa 22.3) takes bits 8 to 15 of it for the
// number of mip levels, and compiles a shader anew for each combination of operands for which these
// are 0: they are for none then. Nothing reads what the view has too much.
func (d *Device) viewOf(size int64) int64 {
	if d.sameViews() && size>>8&0xff == 0 {
		return size + viewRoom
	}
	return size
}

func (d *Device) sameViews() bool { return strings.Contains(d.info.Driver, "llvmpipe") }

// viewKey is what makes two texel views the same.
type viewKey struct {
	buffer       *Buffer
	offset, size int64
	format       vk.Format
}

func texelFormat(b Binding) vk.Format {
	switch {
	case b.Half: // a format of 16-bit floats is converted texel by texel in software drivers, three times slower
		return vk.FormatR32g32Uint
	case b.Texel == 4:
		return vk.FormatR32g32b32a32Sfloat
	}
	return vk.FormatR32Sfloat
}

func (c *Commands) queryPool(n int) error {
	info := vk.QueryPoolCreateInfo{SType: vk.StructureTypeQueryPoolCreateInfo, QueryType: vk.QueryTypeTimestamp, QueryCount: uint32(n)}
	c.queries = n
	return createObject(c.d, "query pool", "vkCreateQueryPool", c.label, &info, &c.stamps, vk.CreateQueryPool)
}

// stamp writes timestamp i when everything before it is over.
func (c *Commands) stamp(i int) {
	if c.stamps != nil {
		vk.CmdWriteTimestamp(c.buffer, vk.PipelineStageBottomOfPipeBit, c.stamps, uint32(i))
	}
}

// record writes the command buffer.
func (c *Commands) record(ops []op, sets []vk.DescriptorSet, barriers []barrier) {
	d, cb := c.d, c.buffer
	d.in.beginLabel(cb, c.label)
	if c.stamps != nil {
		vk.CmdResetQueryPool(cb, c.stamps, 0, uint32(c.queries))
	}
	if !c.unordered {
		d.openBarrier(cb)
	}
	c.stamp(0)
	var bound vk.Pipeline
	for step, o := range ops {
		if len(barriers) > 0 && barriers[0].before == step {
			b := barriers[0]
			barriers = barriers[1:]
			d.in.barrier(cb, b.src.vk(), b.dst.vk(), b.write.writes(), b.dst.all())
		}
		if o.kind == opCopy {
			k := o.copy
			d.in.copy(cb, k.dst.vk, k.dstOffset, k.src.vk, k.srcOffset, k.size)
		} else {
			x := o.dispatch
			if x.descriptors() > 0 {
				vk.CmdBindDescriptorSets(cb, vk.PipelineBindPointCompute, x.Pipeline.layout.pipeline, 0, 1, sets[:1], 0, nil)
				sets = sets[1:]
			}
			bound = c.dispatch(x, bound)
			c.ticks = append(c.ticks, step+1)
		}
		c.stamp(step + 1)
	}
	if !c.unordered {
		d.closeBarrier(cb)
	}
	d.in.endLabel(cb)
}

// dispatch writes one dispatch and returns the pipeline then bound.
func (c *Commands) dispatch(x Dispatch, bound vk.Pipeline) vk.Pipeline {
	if x.Pipeline.vk != bound {
		vk.CmdBindPipeline(c.buffer, vk.PipelineBindPointCompute, x.Pipeline.vk)
	}
	if len(x.Push) > 0 {
		pushConstants(c.buffer, x.Pipeline.layout.pipeline, x.Push)
	}
	c.d.in.beginLabel(c.buffer, x.Label)
	vk.CmdDispatch(c.buffer, uint32(x.Groups[0]), uint32(x.Groups[1]), uint32(x.Groups[2]))
	c.d.in.endLabel(c.buffer)
	return x.Pipeline.vk
}
