package shaders_test

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/glipvk/glipvk/shaders"
)

// sample is testdata/sample.comp, compiled.
func sample(t testing.TB) []uint32 {
	t.Helper()
	data, err := os.ReadFile("testdata/sample.spv")
	if err != nil {
		t.Fatal(err)
	}
	code, err := shaders.Words(data)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// TestReflectSample compares with what is read off testdata/sample.comp by eye, offsets by the rules of std430.
func TestReflectSample(t *testing.T) {
	got, err := shaders.Reflect(sample(t))
	if err != nil {
		t.Fatal(err)
	}
	want := &shaders.Module{
		EntryPoint: "main",
		Bindings: []shaders.Binding{
			{Set: 0, Binding: 0, Name: "X", Count: 1, ReadOnly: true, Restrict: true},
			{Set: 0, Binding: 1, Name: "Y", Count: 1, WriteOnly: true, Restrict: true},
			{Set: 1, Binding: 2, Name: "Table", Count: 1, Kind: shaders.UniformBuffer, ReadOnly: true},
			{Set: 1, Binding: 3, Name: "Z", Count: 1},
			{Set: 1, Binding: 4, Name: "texels", Count: 1, Kind: shaders.UniformTexelBuffer, ReadOnly: true},
			{Set: 1, Binding: 5, Name: "image", Count: 1, Kind: shaders.StorageTexelBuffer, WriteOnly: true},
		},
		Push: shaders.PushBlock{Name: "Push", Size: 96, Members: []shaders.PushMember{
			{Name: "rows", Offset: 0, Size: 4},
			{Name: "cols", Offset: 4, Size: 4},
			{Name: "eps", Offset: 8, Size: 4},
			{Name: "pad", Offset: 12, Size: 8},
			{Name: "weight", Offset: 32, Size: 16},
			{Name: "transform", Offset: 48, Size: 48},
		}},
		SpecConstants: []shaders.SpecConstant{
			{ID: 0, Kind: shaders.SpecUint, Default: 1},
			{ID: 1, Kind: shaders.SpecUint, Default: 1},
			{ID: 2, Name: "TILE", Kind: shaders.SpecUint, Default: 16},
			{ID: 3, Name: "GELU", Kind: shaders.SpecBool, Default: 1},
			{ID: 4, Name: "SCALE", Kind: shaders.SpecFloat, Default: uint64(math.Float32bits(0.5))},
			{ID: 5, Name: "SHIFT", Kind: shaders.SpecInt, Default: 0xffff_fffd},
		},
		Capabilities: []string{"Shader", "SampledBuffer", "ImageBuffer"},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(shaders.Module{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestSpecializedSizes(t *testing.T) {
	module, err := shaders.Reflect(sample(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		spec   map[uint32]uint32
		local  [3]uint32
		shared uint64
	}{
		{"defaults", nil, [3]uint32{1, 1, 1}, 16*17*4 + 48},
		{"local size", map[uint32]uint32{0: 64, 1: 2}, [3]uint32{64, 2, 1}, 16*17*4 + 48},
		{"tile of 3: the vec3 array moves to a multiple of 16", map[uint32]uint32{2: 3}, [3]uint32{1, 1, 1}, 3*4*4 + 48},
		{"tile of 5: 120 bytes, padded to 128", map[uint32]uint32{2: 5}, [3]uint32{1, 1, 1}, 128 + 48},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if local, err := module.LocalSize(tc.spec); err != nil || local != tc.local {
				t.Errorf("local size %v, %v; want %v", local, err, tc.local)
			}
			if shared, err := module.SharedBytes(tc.spec); err != nil || shared != tc.shared {
				t.Errorf("shared %d bytes, %v; want %d", shared, err, tc.shared)
			}
		})
	}
	if _, err := module.LocalSize(map[uint32]uint32{0: 0}); err == nil {
		t.Error("a local size of 0 was accepted")
	}
	if _, err := module.SharedBytes(map[uint32]uint32{2: 1 << 31}); err == nil {
		t.Error("a tile of 2^31 was accepted")
	}
}

// TestReflectEmbedded holds every module of the project to the project's rules and the guaranteed limits of Vulkan.
func TestReflectEmbedded(t *testing.T) {
	for _, name := range shaders.Names() {
		t.Run(name, func(t *testing.T) {
			code, err := shaders.Code(name)
			if err != nil {
				t.Fatal(err)
			}
			module, err := shaders.Reflect(code)
			if err != nil {
				t.Fatal(err)
			}
			if module.Push.Size > 128 {
				t.Errorf("%d bytes of push constants, at most 128 are guaranteed", module.Push.Size)
			}
			if shared, err := module.SharedBytes(nil); err != nil || shared > 16<<10 {
				t.Errorf("%d bytes of workgroup memory by default (%v), at most 16384 are guaranteed", shared, err)
			}
			local, err := module.LocalSize(nil)
			if err != nil || local[0]*local[1]*local[2] > 128 {
				t.Errorf("workgroup size %v by default (%v), at most 128 invocations are guaranteed", local, err)
			}
			for _, member := range module.Push.Members {
				if member.Name == "" {
					t.Errorf("the push constant at byte %d has no name", member.Offset)
				}
			}
			for _, b := range module.Bindings {
				checkBinding(t, b)
			}
		})
	}
}

// checkBinding demands a buffer whose access is stated, since barriers follow from it.
func checkBinding(t *testing.T, b shaders.Binding) {
	t.Helper()
	if b.Name == "" || (b.Kind != shaders.StorageBuffer && b.Kind != shaders.UniformTexelBuffer) {
		t.Errorf("set %d binding %d is a %s called %q, want a named storage or uniform texel buffer", b.Set, b.Binding, b.Kind, b.Name)
	}
	if !b.ReadOnly && !b.WriteOnly && !b.Restrict {
		t.Errorf("buffer %s is declared neither readonly nor writeonly nor, to be read and written, restrict", b.Name)
	}
}

func TestCodeUnknown(t *testing.T) {
	for _, name := range []string{"", "no_such", "../embed", "manifest"} {
		if code, err := shaders.Code(name); err == nil || !strings.Contains(err.Error(), "variants.json") {
			t.Errorf("Code(%q) = %d words, %v", name, len(code), err)
		}
	}
}

func TestWords(t *testing.T) {
	code := sample(t)
	swapped := make([]byte, 0, 4*len(code))
	for _, word := range code {
		swapped = binary.BigEndian.AppendUint32(swapped, word)
	}
	if got, err := shaders.Words(swapped); err != nil || !slices.Equal(got, code) {
		t.Errorf("a module in the other byte order does not read back: %v", err)
	}
	for _, data := range [][]byte{nil, swapped[:3], swapped[:16], make([]byte, 40)} {
		if _, err := shaders.Words(data); !errors.Is(err, shaders.ErrSPIRV) {
			t.Errorf("%d bytes: error %v", len(data), err)
		}
	}
}

// TestReflectTruncated cuts the sample at every word: always an error until the function bodies begin, never a panic.
func TestReflectTruncated(t *testing.T) {
	code := sample(t)
	if _, err := shaders.Reflect(nil); !errors.Is(err, shaders.ErrSPIRV) {
		t.Errorf("no words: %v", err)
	}
	errs := 0
	for n := range code {
		if _, err := shaders.Reflect(code[:n]); err != nil {
			errs++
			if !errors.Is(err, shaders.ErrSPIRV) {
				t.Fatalf("cut at word %d: %v does not wrap ErrSPIRV", n, err)
			}
		}
	}
	if errs < len(code)/2 {
		t.Errorf("only %d of %d truncations were refused", errs, len(code))
	}
}

// TestReflectCorrupt replaces each word by hostile values: any result, no panic, no endless loop.
func TestReflectCorrupt(t *testing.T) {
	code := sample(t)
	for i := range code {
		for _, word := range []uint32{0, 1, code[i] + 1, code[i] ^ 1<<16, 0xffff, math.MaxUint32} {
			bad := slices.Clone(code)
			bad[i] = word
			probe(bad)
		}
	}
}

// probe asks a module everything.
func probe(code []uint32) {
	module, err := shaders.Reflect(code)
	if err != nil {
		return
	}
	spec := map[uint32]uint32{0: 7, 2: math.MaxUint32}
	_, _ = module.SharedBytes(spec)
	_, _ = module.LocalSize(spec)
}

func FuzzReflect(f *testing.F) {
	data, err := os.ReadFile("testdata/sample.spv")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:len(data)/2/4*4])
	f.Fuzz(func(_ *testing.T, data []byte) {
		if code, err := shaders.Words(data); err == nil {
			probe(code)
		}
	})
}
