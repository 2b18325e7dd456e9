package main

// by are functions that the error may name in place of the one that failed: those for which the Vulkan loader makes the call.
func by(function string) []string {
	switch function {
	case "vkCreateInstance", "vkEnumerateInstanceExtensionProperties":
		return []string{"vkCreateInstance", "vkEnumeratePhysicalDevices"}
	case "vkEnumeratePhysicalDevices":
		return []string{function, "vkCreateInstance"}
	case "vkEnumerateDeviceExtensionProperties":
		return []string{function, "vkCreateDevice"}
	}
	return []string{function}
}
