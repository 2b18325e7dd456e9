package engine

import (
	"fmt"
	"regexp"
)

// badDriver is a driver that ends the whole process instead of returning an error, which nothing can catch.
type badDriver struct {
	arch    string         // GOARCH that it was seen on
	driver  string         // Info.Driver
	version *regexp.Regexp // of Info.DriverVersion
	does    string         // what it does, and when
	remedy  string         // what to do
}

// badDrivers are those known, each seen. Versions that were not seen are not named.
var badDrivers = []badDriver{
	// Debian 12's (Mesa 22.3.6, LLVM 15.0.6), at the first dispatch that reads a texel buffer of words (two 16-bit floats each): "LLVM ERROR: Cannot
	// select: v4f32 = truncate". Pipelines are made without a word, and texels of floats are read well. On amd64 the same version has no such fault;
	// newer ones on arm64 were not tried with such texels.
	{
		arch: "arm64", driver: "llvmpipe", version: regexp.MustCompile(`^Mesa 22\.3\..*\(LLVM 15\.`),
		does:   "it ends the process inside LLVM when a shader reads 16-bit weights",
		remedy: "use a newer Mesa, or the CPU, which is faster than this driver",
	},
}

// knownBad says why a device on a processor (a GOARCH) cannot be used though it seems well, "" where nothing is known against it.
func knownBad(arch string, info Info) string {
	for _, b := range badDrivers {
		if b.arch == arch && b.driver == info.Driver && b.version.MatchString(info.DriverVersion) {
			return fmt.Sprintf("%s %s on %s is known to be broken: %s; %s", info.Driver, info.DriverVersion, arch, b.does, b.remedy)
		}
	}
	return ""
}
