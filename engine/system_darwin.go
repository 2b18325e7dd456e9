//go:build cgo

package engine

// The binding asks the linker for MoltenVK, which nothing of it needs: functions are found in the library that is opened at
// run time. So that a program can be built and run without, darwin/libMoltenVK.tbd stands in for it, which has nothing in it.

// #cgo LDFLAGS: -L${SRCDIR}/darwin
import "C"

// loaderNames are those of the library that knows the drivers, in the order in which they are tried: the loader, where the system
// or Homebrew keeps libraries, then the driver itself.
var loaderNames = []string{
	"libvulkan.1.dylib", "/opt/homebrew/lib/libvulkan.1.dylib", "/usr/local/lib/libvulkan.1.dylib",
	"libMoltenVK.dylib", "/opt/homebrew/lib/libMoltenVK.dylib", "/usr/local/lib/libMoltenVK.dylib",
}

// What to do where something is missing.
const (
	loaderHelp = "install one and a driver (Homebrew: vulkan-loader and molten-vk)"
	driverHelp = "Homebrew: molten-vk"
	layerHelp  = "Homebrew: vulkan-validationlayers"
)
