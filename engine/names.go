package engine

import (
	"fmt"
	"math"
)

// componentName names a VkComponentTypeKHR.
func componentName(v int32) string {
	names := []string{"float16", "float32", "float64", "sint8", "sint16", "sint32", "sint64", "uint8", "uint16", "uint32", "uint64"}
	switch {
	case v >= 0 && int(v) < len(names):
		return names[v]
	case v == 1000141000:
		return "bfloat16"
	case v == 1000491002:
		return "float8 e4m3"
	case v == 1000491003:
		return "float8 e5m2"
	}
	return fmt.Sprintf("component type %d", v)
}

// scopeName names a VkScopeKHR.
func scopeName(v int32) string {
	switch v {
	case 1:
		return "device"
	case 2:
		return "workgroup"
	case 3:
		return "subgroup"
	case 5:
		return "queue family"
	}
	return fmt.Sprintf("scope %d", v)
}

// statisticValue reads a VkPipelineExecutableStatisticValueKHR by its format.
func statisticValue(format int32, word uint64) float64 {
	switch format {
	case 0: // a VkBool32, which is the lower half
		return float64(word & 0xffffffff)
	case 1:
		return float64(int64(word))
	case 2:
		return float64(word)
	}
	return math.Float64frombits(word)
}
