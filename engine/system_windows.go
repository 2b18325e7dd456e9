//go:build cgo

package engine

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// loaderNames are those of the library that knows the drivers, in the order in which they are tried.
var loaderNames = []string{"vulkan-1.dll"}

// What to do where something is missing.
const (
	loaderHelp = "it comes with the driver of a graphics card: install or update that"
	driverHelp = "install or update that of the graphics card"
	layerHelp  = "it comes with the Vulkan SDK"
)

// openLibrary returns vkGetInstanceProcAddr of a library, nil where there is none. It is looked for beside the program and
// in the system's folder, never in the working directory or along PATH. The library stays open.
func openLibrary(name string) unsafe.Pointer {
	lib, err := windows.LoadLibraryEx(name, 0, windows.LOAD_LIBRARY_SEARCH_DEFAULT_DIRS)
	if err != nil {
		return nil
	}
	address, err := windows.GetProcAddress(lib, "vkGetInstanceProcAddr")
	if err != nil {
		return nil
	}
	return *(*unsafe.Pointer)(unsafe.Pointer(&address)) // code of a library, of which Go's collector knows nothing
}
