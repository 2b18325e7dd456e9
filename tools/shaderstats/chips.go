package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
)

// chip is hardware that Mesa can pretend to have.
type chip struct {
	name         string
	architecture string
	family       *family
	set          string // the variable that makes the family's stand-in this chip, NAME=VALUE
	always       bool   // every Mesa since 22.3 knows it: its absence is an error
}

// family is chips of one driver.
type family struct {
	device   string // a part of the name that the driver gives its devices, "" for the chip's own
	manifest string // of the driver, a file name's pattern
	shim     string // a library of Mesa that stands in for the kernel (Debian: mesa-drm-shim), by its stem
	built    bool   // the library is no package's: it is in the folder that -shims names
	arm      bool   // Debian has the driver for arm64 alone: it is in the folder that -arm64 names
	itself   string // the variable by which older versions of the driver pretend without it, "" for none
}

var (
	radeon    = &family{manifest: "radeon_icd*.json", shim: "amdgpu", itself: "RADV_FORCE_FAMILY"}
	freedreno = &family{device: "Adreno", manifest: "freedreno_icd*.json", shim: "freedreno"}
	nouveau   = &family{device: "NVK", manifest: "nouveau_icd*.json", shim: "nouveau"}
	asahi     = &family{device: "Apple", manifest: "asahi_icd*.json", shim: "asahi"}
	anv       = &family{device: "Intel", manifest: "intel_icd*.json", shim: "intel", built: true}
	panvk     = &family{device: "Mali", manifest: "panfrost_icd*.json", shim: "panfrost", arm: true}
	v3dv      = &family{device: "V3D", manifest: "broadcom_icd*.json", shim: "v3d", arm: true}
	powervr   = &family{device: "PowerVR", manifest: "powervr_mesa_icd*.json", shim: "powervr", arm: true}
)

var chips = []chip{
	{"vega10", "GCN 5", radeon, "AMDGPU_GPU_ID=vega10", true},
	{"navi21", "RDNA 2", radeon, "AMDGPU_GPU_ID=navi21", true},
	{"navi31", "RDNA 3", radeon, "AMDGPU_GPU_ID=navi31", false},
	{"gfx1201", "RDNA 4", radeon, "AMDGPU_GPU_ID=gfx1201", false},
	{"adreno630", "Adreno 6xx, first", freedreno, "FD_GPU_ID=630", false},
	{"adreno660", "Adreno 6xx, last", freedreno, "FD_GPU_ID=660", false},
	{"adreno740", "Adreno 7xx, second", freedreno, "FD_CHIP_ID=0x43050a01", false},
	{"adreno750", "Adreno 7xx, third", freedreno, "FD_CHIP_ID=0x43051401", false},
	{"gm204", "Nvidia Maxwell", nouveau, "NOUVEAU_CHIPSET=124", false},
	{"gv100", "Nvidia Volta", nouveau, "NOUVEAU_CHIPSET=140", false},
	{"tu104", "Nvidia Turing", nouveau, "NOUVEAU_CHIPSET=164", false},
	{"ga102", "Nvidia Ampere", nouveau, "NOUVEAU_CHIPSET=172", false},
	{"ad102", "Nvidia Ada", nouveau, "NOUVEAU_CHIPSET=192", false},
	{"skl", "Intel Skylake", anv, "INTEL_STUB_GPU_PLATFORM=skl", true},
	{"tgl", "Intel Tiger Lake", anv, "INTEL_STUB_GPU_PLATFORM=tgl", true},
	{"dg2", "Intel DG2", anv, "INTEL_STUB_GPU_PLATFORM=dg2", true},
	{"m1", "Apple G13", asahi, "ASAHI=m1", false}, // its stand-in is always this one, as are those of the last two
	{"g610", "Mali Valhall", panvk, "PAN_GPU_ID=a867", true},
	{"v3d71", "V3D 7.1, Raspberry Pi 5", v3dv, "V3D=7.1", true},
	{"bxs464", "PowerVR B-Series", powervr, "POWERVR=bxs464", true},
}

// title is a chip with its architecture.
func title(name string) string {
	for _, c := range chips {
		if c.name == name {
			return c.name + " (" + c.architecture + ")"
		}
	}
	return name
}

// place is where drivers are, and the libraries that stand in for the kernel. The zero place is this system.
type place struct {
	shims   string // a folder of libraries that are no package's
	system  string // a folder with a system of arm64
	program string // this program for it
}

// has reports whether chips of the family are compiled for in the place.
func (p place) has(f *family) bool { return f.built == (p.shims != "") && f.arm == (p.system != "") }

// command runs this program for a chip with nothing but env in the environment; by an emulator, where the place is another system.
func (p place) command(ctx context.Context, self, chip string, env []string) *exec.Cmd {
	if p.system == "" {
		cmd := exec.CommandContext(ctx, self, "-compile", chip)
		cmd.Env = env
		return cmd
	}
	args := []string{"-L", p.system}
	for _, e := range env {
		args = append(args, "-E", e)
	}
	cmd := exec.CommandContext(ctx, "qemu-aarch64", append(args, p.program, "-compile", chip)...)
	cmd.Env = []string{} // not this program's, which the emulator would pass on
	return cmd
}

// ways are the environments in which the driver may pretend to have the chip, and its manifest; none where the driver is not in the place.
func (c chip) ways(at place) (ways [][]string, manifest string) {
	var places, libraries []string
	for _, p := range []string{"/usr/share", "/etc", "/usr/local/share"} {
		places = append(places, at.system+p+"/vulkan/icd.d/"+c.family.manifest)
	}
	for _, p := range []string{at.shims + "/", at.system + "/usr/lib/*/", at.system + "/usr/lib/", at.system + "/usr/lib64/"} {
		libraries = append(libraries, p+"lib"+c.family.shim+"_noop_drm_shim.so")
	}
	if manifest = first(places...); manifest == "" {
		return nil, ""
	}
	if c.family.itself != "" {
		ways = append(ways, []string{fmt.Sprintf("%s=%s", c.family.itself, c.name)})
	}
	if shim := first(libraries...); shim != "" {
		ways = append(ways, []string{"LD_PRELOAD=" + shim, c.set})
	}
	return ways, manifest
}

// emulated reports a chip whose driver runs in an emulator: compiling takes ten times as long.
func emulated(name string) bool {
	return slices.ContainsFunc(chips, func(c chip) bool { return c.name == name && c.family.arm })
}

// deviceOf is a part of the name that the driver gives the chip.
func deviceOf(name string) string {
	for _, c := range chips {
		if c.name == name && c.family.device != "" {
			return c.family.device
		}
	}
	return name
}

// first is the first file that matches one of the patterns, "" where none does.
func first(patterns ...string) string {
	for _, p := range patterns {
		if files, err := filepath.Glob(p); err == nil && len(files) > 0 {
			return files[0]
		}
	}
	return ""
}
