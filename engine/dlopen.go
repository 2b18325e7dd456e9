//go:build cgo && unix

package engine

/*
#cgo linux LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>

static void *open_library(const char *name) {
	void *lib = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	return lib ? dlsym(lib, "vkGetInstanceProcAddr") : 0;
}
*/
import "C"

import "unsafe"

// openLibrary returns vkGetInstanceProcAddr of a library, nil where there is none. The library stays open.
func openLibrary(name string) unsafe.Pointer {
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	return C.open_library(c)
}
