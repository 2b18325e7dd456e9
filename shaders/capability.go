package shaders

import "fmt"

// capabilityName is the SPIR-V specification's name of a capability that compute shaders of this project may come to need.
func capabilityName(capability uint32) string {
	switch capability {
	case 0:
		return "Matrix"
	case 1:
		return "Shader"
	case 9:
		return "Float16"
	case 10:
		return "Float64"
	case 11:
		return "Int64"
	case 22:
		return "Int16"
	case 39:
		return "Int8"
	case 46:
		return "SampledBuffer"
	case 47:
		return "ImageBuffer"
	case 61:
		return "GroupNonUniform"
	case 62:
		return "GroupNonUniformVote"
	case 63:
		return "GroupNonUniformArithmetic"
	case 64:
		return "GroupNonUniformBallot"
	case 65:
		return "GroupNonUniformShuffle"
	case 66:
		return "GroupNonUniformShuffleRelative"
	case 67:
		return "GroupNonUniformClustered"
	case 68:
		return "GroupNonUniformQuad"
	case 4433:
		return "StorageBuffer16BitAccess"
	case 4448:
		return "StorageBuffer8BitAccess"
	case 5345:
		return "VulkanMemoryModel"
	case 6022:
		return "CooperativeMatrixKHR"
	}
	return fmt.Sprintf("Capability(%d)", capability)
}
