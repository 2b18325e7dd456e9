package pose

// Profile is a device that the driver can pose as.
type Profile struct {
	Name, About string
	Words       string // POSER_LIMITS
	Unfit       bool   // no model runs on it
}

// what phones lack, in both styles.
const phone = " int64=0 address=0 statistics=0 range=128M texels=64K groups=65535 sizez=64 push=128 allocations=4096 without=VK_KHR_pipeline_executable_properties"

// Profiles are devices at the floor: each lacks what some real device lacks, and all of it at once where a kind of device does.
func Profiles() []Profile {
	return []Profile{
		{"adreno", "a phone of Adreno's style: coherent and cached memory apart, no arithmetic in subgroups, 32 KB of shared memory",
			"type=1 name=Posed-Adreno api=1 float16=0 storage16=0 ops=0xc7 shared=32K invocations=1024 bindings=24 align=64 allocation=1G timestamps=1 bits=48 " +
				"heaps=2G:L types=L:0,LVC:0,LVA:0" + phone, false},
		{"mali", "a phone of Mali's style: one heap of unified memory, 16 KB less than the desktop's shared memory, few invocations",
			"type=1 name=Posed-Mali api=1 float16=0 storage16=0 ops=0x5 shared=32K invocations=384 sizex=384 sizey=384 bindings=35 align=64 allocation=1G " +
				"sizecontrol=0 heaps=2G:L types=LV:0,LVC:0,LVCA:0" + phone, false},
		{"least", "what Vulkan 1.1 promises at least: 4 storage buffers, 128 invocations, 16 KB, 128 MB ranges, 128 bytes pushed, alignment 256",
			"type=1 name=Posed-Least api=1 int64=0 int16=0 float16=0 int8=0 storage16=0 storage8=0 address=0 model=0 sizecontrol=0 float64=0 ops=0x1 " +
				"shared=16K invocations=128 sizex=128 sizey=128 sizez=64 groups=65535 push=128 range=128M texels=64K bindings=4 sampled=16 resources=128 " +
				"sets=4 allocations=4096 allocation=1G align=256 timestamps=0 statistics=0 without=*", true},
		{"seven", "as \"least\", with as many storage buffers as the shaders want",
			"type=1 name=Posed-Seven api=1 int64=0 int16=0 float16=0 int8=0 storage16=0 storage8=0 address=0 model=0 sizecontrol=0 float64=0 ops=0x1 " +
				"shared=16K invocations=128 sizex=128 sizey=128 sizez=64 groups=65535 push=128 range=128M texels=64K bindings=8 sampled=16 resources=128 " +
				"sets=4 allocations=4096 allocation=1G align=256 timestamps=0 statistics=0 without=*", false},
		{"basic", "no operations in subgroups but electing one invocation", "ops=0x1", false},
		{"discrete", "memory on the device that the host does not see, and a small window into it", "type=2 heaps=1G:L,2G,256M:L types=L:0,VC:1,VCA:1,LVC:2 families=T:1,C:1,GCT:1", false},
		{"small", "heaps of 256 MB, of which the driver grants 192 MB", "type=2 budget=192M heaps=256M:L,256M types=L:0,VC:1,VCA:1", false},
		{"single", "one memory type", "type=1 heaps=1G:L types=LVC:0", false},
		{"bare", "no timestamps, no 16-bit and 64-bit numbers, alignment 256", "timestamps=0 int64=0 int16=0 float16=0 storage16=0 address=0 align=256", false},
	}
}

// Words are the words of a profile, and whether there is one of that name.
func Words(name string) (words string, ok bool) {
	for _, p := range Profiles() {
		if p.Name == name {
			return p.Words, true
		}
	}
	return "", false
}
