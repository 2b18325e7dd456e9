package pose

import (
	"maps"
	"slices"
	"strings"
)

// results says what the specification lets each function give other than success: H out of host memory, D out of device memory, L device
// lost, I initialization failed, and by name what few give. VK_ERROR_UNKNOWN any of them may give.
var results = map[string]string{
	"vkCreateInstance":                                  "H D I VK_ERROR_LAYER_NOT_PRESENT VK_ERROR_EXTENSION_NOT_PRESENT VK_ERROR_INCOMPATIBLE_DRIVER",
	"vkEnumerateInstanceExtensionProperties":            "H D VK_INCOMPLETE VK_ERROR_LAYER_NOT_PRESENT",
	"vkEnumeratePhysicalDevices":                        "H D I VK_INCOMPLETE",
	"vkCreateDevice":                                    "H D I L VK_ERROR_EXTENSION_NOT_PRESENT VK_ERROR_FEATURE_NOT_PRESENT VK_ERROR_TOO_MANY_OBJECTS",
	"vkCreateDebugUtilsMessengerEXT":                    "H",
	"vkEnumerateDeviceExtensionProperties":              "H D VK_INCOMPLETE VK_ERROR_LAYER_NOT_PRESENT",
	"vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR": "H D VK_INCOMPLETE",
	"vkGetPhysicalDeviceToolProperties":                 "H VK_INCOMPLETE",
	"vkSetDebugUtilsObjectNameEXT":                      "H D",
	"vkSetDebugUtilsObjectTagEXT":                       "H D",
	"vkGetMemoryHostPointerPropertiesEXT":               "H VK_ERROR_INVALID_EXTERNAL_HANDLE",
	"vkAllocateMemory":                                  "H D VK_ERROR_INVALID_EXTERNAL_HANDLE VK_ERROR_INVALID_OPAQUE_CAPTURE_ADDRESS",
	"vkMapMemory":                                       "H D VK_ERROR_MEMORY_MAP_FAILED",
	"vkMapMemory2":                                      "H D VK_ERROR_MEMORY_MAP_FAILED",
	"vkUnmapMemory2":                                    "VK_ERROR_MEMORY_MAP_FAILED",
	"vkFlushMappedMemoryRanges":                         "H D",
	"vkInvalidateMappedMemoryRanges":                    "H D",
	"vkBindBufferMemory":                                "H D VK_ERROR_INVALID_OPAQUE_CAPTURE_ADDRESS",
	"vkBindBufferMemory2":                               "H D VK_ERROR_INVALID_OPAQUE_CAPTURE_ADDRESS",
	"vkCreateBuffer":                                    "H D VK_ERROR_INVALID_OPAQUE_CAPTURE_ADDRESS",
	"vkCreateBufferView":                                "H D",
	"vkCreateFence":                                     "H D",
	"vkResetFences":                                     "D",
	"vkGetFenceStatus":                                  "H D L VK_NOT_READY",
	"vkWaitForFences":                                   "H D L VK_TIMEOUT",
	"vkCreateSemaphore":                                 "H D",
	"vkWaitSemaphores":                                  "H D L VK_TIMEOUT",
	"vkSignalSemaphore":                                 "H D",
	"vkGetSemaphoreCounterValue":                        "H D L",
	"vkCreateEvent":                                     "H D",
	"vkGetEventStatus":                                  "H D L",
	"vkSetEvent":                                        "H D",
	"vkResetEvent":                                      "D",
	"vkCreateQueryPool":                                 "H D",
	"vkGetQueryPoolResults":                             "H D L VK_NOT_READY",
	"vkCreateShaderModule":                              "H D VK_ERROR_INVALID_SHADER_NV",
	"vkCreatePipelineCache":                             "H D",
	"vkGetPipelineCacheData":                            "H D VK_INCOMPLETE",
	"vkMergePipelineCaches":                             "H D",
	"vkCreateComputePipelines":                          "H D VK_ERROR_INVALID_SHADER_NV VK_PIPELINE_COMPILE_REQUIRED",
	"vkCreatePipelineLayout":                            "H D",
	"vkCreateDescriptorSetLayout":                       "H D",
	"vkCreateDescriptorPool":                            "H D VK_ERROR_FRAGMENTATION",
	"vkResetDescriptorPool":                             "",
	"vkAllocateDescriptorSets":                          "H D VK_ERROR_FRAGMENTED_POOL VK_ERROR_OUT_OF_POOL_MEMORY",
	"vkFreeDescriptorSets":                              "",
	"vkCreateDescriptorUpdateTemplate":                  "H D",
	"vkCreateCommandPool":                               "H D",
	"vkResetCommandPool":                                "D",
	"vkAllocateCommandBuffers":                          "H D",
	"vkBeginCommandBuffer":                              "H D",
	"vkEndCommandBuffer":                                "H D",
	"vkResetCommandBuffer":                              "D",
	"vkQueueSubmit":                                     "H D L",
	"vkQueueSubmit2":                                    "H D L",
	"vkQueueBindSparse":                                 "H D L",
	"vkQueueWaitIdle":                                   "H D L",
	"vkDeviceWaitIdle":                                  "H D L",
	"vkGetPipelineExecutablePropertiesKHR":              "H D VK_INCOMPLETE",
	"vkGetPipelineExecutableStatisticsKHR":              "H D VK_INCOMPLETE",
	"vkGetPipelineExecutableInternalRepresentationsKHR": "H D VK_INCOMPLETE",
	"vkGetCalibratedTimestampsEXT":                      "H D",
	"vkGetPhysicalDeviceCalibrateableTimeDomainsEXT":    "H D VK_INCOMPLETE",
}

// Functions are those that the driver can let fail, sorted.
func Functions() []string { return slices.Sorted(maps.Keys(results)) }

// Results are what the specification lets a function give other than success, VK_ERROR_UNKNOWN last, which every function may give.
func Results(function string) []string {
	short := map[string]string{
		"H": "VK_ERROR_OUT_OF_HOST_MEMORY", "D": "VK_ERROR_OUT_OF_DEVICE_MEMORY", "L": "VK_ERROR_DEVICE_LOST", "I": "VK_ERROR_INITIALIZATION_FAILED",
	}
	var list []string
	for _, word := range strings.Fields(results[function]) {
		if long, ok := short[word]; ok {
			word = long
		}
		list = append(list, word)
	}
	return append(list, "VK_ERROR_UNKNOWN")
}
