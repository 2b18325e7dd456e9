//go:build cgo

package engine

// loaderNames are those of the library that knows the drivers, in the order in which they are tried.
var loaderNames = []string{"libvulkan.so.1", "libvulkan.so"}

// What to do where something is missing.
const (
	loaderHelp = "install one and a driver (Debian: libvulkan1 and mesa-vulkan-drivers)"
	driverHelp = "Debian: mesa-vulkan-drivers has one that runs on the CPU"
	layerHelp  = "Debian: vulkan-validationlayers"
)
