package engine

import (
	"errors"
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	infos := []Info{
		{Index: 0, Name: "llvmpipe (LLVM 15)", Kind: "cpu"},
		{Index: 1, Name: "Old Radeon", Kind: "discrete", Unusable: "Vulkan 1.0.3, at least 1.1 is needed"},
		{Index: 2, Name: "Intel UHD", Kind: "integrated"},
		{Index: 3, Name: "GeForce A", Kind: "discrete"},
		{Index: 4, Name: "GeForce B", Kind: "discrete"},
		{Index: 5, Name: "Virtio", Kind: "virtual"},
		{Index: 6, Name: "Odd", Kind: "other"},
	}
	for _, c := range []struct {
		name  string
		infos []Info
		want  string
		index int
		err   string // part of the message
	}{
		{"zero value", infos, "", 3, ""},
		{"auto", infos, "Auto", 3, ""},
		{"integrated before virtual and cpu", append(infos[:3:3], infos[5:]...), "auto", 2, ""},
		{"virtual before cpu", []Info{infos[0], infos[5]}, "auto", 1, ""},
		{"cpu before other", []Info{infos[6], infos[0]}, "auto", 1, ""},
		{"index", infos, " 4 ", 4, ""},
		{"index past the end", infos, "7", -1, "no Vulkan device 7"},
		{"negative index", infos, "-1", -1, "no Vulkan device -1"},
		{"unusable by index", infos, "1", -1, "at least 1.1"},
		{"name part", infos, "uhd", 2, ""},
		{"name of several", infos, "GEFORCE", 3, ""},
		{"unusable by name", infos, "radeon", -1, "at least 1.1"},
		{"no such name", infos, "apple", -1, "5: Virtio"},
		{"none at all", nil, "auto", -1, "a driver is missing"},
		{"none usable", infos[1:2], "auto", -1, "Old Radeon [Vulkan 1.0.3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := choose(c.infos, c.want)
			if got != c.index {
				t.Errorf("index %d, want %d (%v)", got, c.index, err)
			}
			if (err != nil) != (c.err != "") {
				t.Fatalf("error %v, want %q", err, c.err)
			}
			if err != nil && (!strings.Contains(err.Error(), c.err) || !errors.Is(err, ErrNoDevice)) {
				t.Errorf("error %v, want ErrNoDevice with %q", err, c.err)
			}
		})
	}
}

func TestChooseQueue(t *testing.T) {
	both := Queue{Count: 1, Compute: true, Graphics: true}
	compute := Queue{Count: 1, Compute: true}
	for _, c := range []struct {
		name   string
		queues []Queue
		want   int
	}{
		{"none", nil, -1},
		{"transfer only", []Queue{{Count: 1}}, -1},
		{"one for all", []Queue{both}, 0},
		{"dedicated", []Queue{both, {Count: 1}, compute, compute}, 2},
		{"dedicated first", []Queue{compute, both}, 0},
		{"empty family", []Queue{{Compute: true}, both}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := chooseQueue(c.queues); got != c.want {
				t.Errorf("family %d, want %d", got, c.want)
			}
		})
	}
}

func TestMemoryTypesFor(t *testing.T) {
	// A discrete card: device memory, host memory cached or not, and a window into the device's.
	discrete := []memoryType{
		{local: true},
		{visible: true, coherent: true},
		{visible: true, coherent: true, cached: true},
		{local: true, visible: true, coherent: true},
	}
	resizable := []memoryType{{local: true, whole: true}, {local: true, visible: true, coherent: true, whole: true}}
	unified := []memoryType{{local: true, visible: true, coherent: true, cached: true}}
	for _, c := range []struct {
		name    string
		types   []memoryType
		allowed uint32
		memory  Memory
		staging bool
		want    []int
	}{
		{"discrete device", discrete, 0xf, DeviceMemory, false, []int{0, 3}},
		{"discrete upload", discrete, 0xf, UploadMemory, false, []int{1, 2, 3}},
		{"discrete readback", discrete, 0xf, ReadbackMemory, false, []int{2, 1, 3}},
		{"not allowed", discrete, 0b1010, DeviceMemory, false, []int{3}},
		{"unified device", unified, 1, DeviceMemory, false, []int{0}},
		{"unified device, staging", unified, 1, DeviceMemory, true, []int{0}},
		{"unified readback", unified, 1, ReadbackMemory, false, []int{0}},
		{"unified preferred", append(unified[:1:1], discrete...), 0x1f, DeviceMemory, false, []int{0, 1, 4}},
		{"unified not preferred", append(unified[:1:1], discrete...), 0x1f, DeviceMemory, true, []int{1, 0, 4}},
		{"resizable BAR", resizable, 3, DeviceMemory, false, []int{1, 0}},
		{"resizable BAR, staging", resizable, 3, DeviceMemory, true, []int{0, 1}},
		{"none", []memoryType{{visible: true}}, 1, UploadMemory, false, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := memoryTypesFor(c.types, c.allowed, c.memory, c.staging)
			if len(got) != len(c.want) {
				t.Fatalf("types %v, want %v", got, c.want)
			}
			for i := range got {
				if got[i] != c.want[i] {
					t.Fatalf("types %v, want %v", got, c.want)
				}
			}
		})
	}
}
