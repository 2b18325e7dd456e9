package engine

import (
	"fmt"
	mathbits "math/bits"
	"slices"
)

// Fits says whether a device of these capabilities can make the pipeline: an [ErrUnsupported] that names the limit or the feature, by its
// name in Vulkan's specification, or an error that is about the spec alone. Every limit that a pipeline needs is looked at here, and nowhere
// else: [Device.Pipeline] asks it before anything is made, and so may who chooses among devices.
func (s PipelineSpec) Fits(c Caps) error {
	const spirvMagic = 0x07230203
	texels := mathbits.OnesCount32(s.Texels)
	switch {
	case len(s.Code) < spirvHeader || s.Code[0] != spirvMagic:
		return fmt.Errorf("engine: pipeline %q: the code is not SPIR-V", s.Label)
	case s.Bindings < 0:
		return fmt.Errorf("engine: pipeline %q: %d bindings", s.Label, s.Bindings)
	case s.Bindings < 32 && s.Texels>>s.Bindings != 0:
		return fmt.Errorf("engine: pipeline %q: a texel buffer beyond its %d bindings", s.Label, s.Bindings)
	case s.Bindings > 32 && s.Texels != 0:
		return fmt.Errorf("engine: pipeline %q: texel buffers among %d bindings, at most 32 are possible: %w", s.Label, s.Bindings, ErrUnsupported)
	case s.Addressed && !c.BufferAddress:
		return s.lacks("it reads its buffers by address (bufferDeviceAddress), which the device does not offer")
	case s.Addressed && (s.Texels != 0 || s.PushBytes < 8*s.Bindings):
		return fmt.Errorf("engine: pipeline %q: %d bytes of push constants do not hold %d addresses, or a texel buffer has one", s.Label, s.PushBytes, s.Bindings)
	case s.PushBytes < 0 || s.PushBytes%4 != 0:
		return fmt.Errorf("engine: pipeline %q: %d bytes of push constants, a multiple of 4 is needed", s.Label, s.PushBytes)
	case s.PushBytes > c.MaxPushConstants:
		return s.lacks("%d bytes of push constants, the device allows %d (maxPushConstantsSize)", s.PushBytes, c.MaxPushConstants)
	case s.Addressed: // no descriptors
	case s.Bindings-texels > c.MaxBindings:
		return s.lacks("%d storage buffers, the device allows %d (maxPerStageDescriptorStorageBuffers)", s.Bindings-texels, c.MaxBindings)
	case texels > c.MaxTexelBindings:
		return s.lacks("%d texel buffers, the device allows %d (maxPerStageDescriptorSampledImages)", texels, c.MaxTexelBindings)
	case s.Bindings > c.MaxResources:
		return s.lacks("%d buffers, the device allows %d of all kinds (maxPerStageResources)", s.Bindings, c.MaxResources)
	}
	m := readModule(s.Code, s.Constants)
	offered := c.declarable()
	for _, number := range m.capabilities {
		if what, known := offered[number]; !known {
			return s.lacks("its shader declares SPIR-V's capability %d, which the device does not offer", number)
		} else if !what.offered {
			return s.lacks("its shader declares %s, which the device does not offer", what.name)
		}
	}
	return s.fitsGroup(m, c)
}

// lacks is an error about what a device has not.
func (s PipelineSpec) lacks(format string, args ...any) error {
	return fmt.Errorf("engine: pipeline %q: %s: %w", s.Label, fmt.Sprintf(format, args...), ErrUnsupported)
}

// fitsGroup looks at the workgroup: its invocations, its memory, its subgroups.
func (s PipelineSpec) fitsGroup(m *module, c Caps) error {
	local := m.local()
	all := local[0] * local[1] * local[2]
	for i, n := range local {
		if n > c.MaxWorkgroupSize[i] {
			return s.lacks("workgroups of %v invocations, the device allows %v (maxComputeWorkGroupSize)", local, c.MaxWorkgroupSize)
		}
	}
	switch shared := m.sharedBytes(); {
	case all > c.MaxInvocations:
		return s.lacks("workgroups of %d invocations, the device allows %d (maxComputeWorkGroupInvocations)", all, c.MaxInvocations)
	case shared > int64(c.MaxSharedMemory):
		return s.lacks("workgroups that share %d bytes, the device allows %d (maxComputeSharedMemorySize)", shared, c.MaxSharedMemory)
	case s.Subgroup == 0:
		return nil
	case !c.SubgroupSizeControl:
		return s.lacks("subgroups of %d invocations, but the device lets nobody choose their size (subgroupSizeControl); ask for 0", s.Subgroup)
	case s.Subgroup < c.SubgroupMin || s.Subgroup > c.SubgroupMax || s.Subgroup&(s.Subgroup-1) != 0:
		return s.lacks("subgroups of %d invocations, the device has powers of two from %d to %d", s.Subgroup, c.SubgroupMin, c.SubgroupMax)
	case c.MaxSubgroups > 0 && all > s.Subgroup*c.MaxSubgroups:
		return s.lacks("%d invocations in a workgroup, at most %d go with subgroups of %d (maxComputeWorkgroupSubgroups)", all, s.Subgroup*c.MaxSubgroups, s.Subgroup)
	}
	return nil
}

// capability is what a shader may declare: what it is called, and whether the device offers it.
type capability struct {
	name    string
	offered bool
}

// declarable are the capabilities that are known, by SPIR-V's numbers.
func (c Caps) declarable() map[uint32]capability {
	operation := func(name string) bool { return slices.Contains(c.SubgroupOperations, name) }
	return map[uint32]capability{
		0: {"Matrix", true}, 1: {"Shader", true}, 46: {"SampledBuffer", true}, 47: {"ImageBuffer", true}, 50: {"ImageQuery", true},
		9: {"half precision (shaderFloat16)", c.Float16}, 11: {"64-bit integers (shaderInt64)", c.Int64}, 22: {"16-bit integers (shaderInt16)", c.Int16},
		39: {"bytes (shaderInt8)", c.Int8}, 4433: {"16-bit values in storage buffers (storageBuffer16BitAccess)", c.Storage16},
		4434: {"16-bit values in uniform buffers (uniformAndStorageBuffer16BitAccess)", c.Uniform16},
		61:   {"subgroups (basic)", operation("basic")}, 62: {"votes in subgroups (vote)", operation("vote")},
		63: {"sums in subgroups (arithmetic)", operation("arithmetic")}, 64: {"ballots in subgroups (ballot)", operation("ballot")},
		65: {"shuffles in subgroups (shuffle)", operation("shuffle")}, 66: {"shuffles in subgroups (shuffle relative)", operation("shuffle relative")},
		67: {"clusters in subgroups (clustered)", operation("clustered")}, 68: {"quads in subgroups (quad)", operation("quad")},
		5345: {"Vulkan's memory model (vulkanMemoryModel)", c.CooperativeMatrix}, // which is switched on with matrices only
		5347: {"buffers by address (bufferDeviceAddress)", c.BufferAddress},
		6022: {"cooperative matrices (VK_KHR_cooperative_matrix)", c.CooperativeMatrix},
	}
}
