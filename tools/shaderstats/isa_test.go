package main

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestInnerLoop(t *testing.T) {
	others := map[string]*dialect{"adreno.txt": adreno, "nvidia.txt": nvidia, "intel.txt": intel}
	for file, want := range map[string]loop{
		"adreno.txt":   {Instructions: 12, MultiplyAdds: 5}, // repeated and waiting ones count more than once
		"nvidia.txt":   {Instructions: 3, MultiplyAdds: 2},  // the loop around it has as many
		"intel.txt":    {Instructions: 4, MultiplyAdds: 1},
		"nested.txt":   {Instructions: 6, MultiplyAdds: 3},              // gfx9: the copy loop around it has none
		"outer.txt":    {Instructions: 8, MultiplyAdds: 4},              // rdna2: multiplies beside an inner loop that copies
		"dual.txt":     {Instructions: 8, MultiplyAdds: 6},              // rdna3: two instructions a line, and delays
		"matrix.txt":   {Instructions: 5, MultiplyAdds: 2, Matrices: 2}, // rdna4
		"epilogue.txt": {Instructions: 3, MultiplyAdds: 1, Matrices: 1}, // rdna3: a later loop has more multiply-adds, of floats
		"straight.txt": {},                                              // forward branches only
	} {
		t.Run(file, func(t *testing.T) {
			isa, err := os.ReadFile(filepath.Join("testdata", file))
			if err != nil {
				t.Fatal(err)
			}
			d := cmp.Or(others[file], amd)
			got, err := d.innerLoop(string(isa))
			if err != nil || got != want {
				t.Errorf("%+v, %v; want %+v", got, err, want)
			}
		})
	}
	for _, isa := range []string{"", "Shader disassembly is not supported in the current configuration."} {
		if _, err := amd.innerLoop(isa); err == nil {
			t.Errorf("%q: no error", isa)
		}
	}
}

func TestMultiplyAdd(t *testing.T) {
	for _, name := range strings.Fields(`v_mac_f32_e32 v_mad_f32 v_madak_f32 v_fma_f32 v_fmac_f32_e32 v_fmac_f32_e64 v_fmac_f32_dpp v_fmamk_f32
		v_fma_mix_f32 v_fma_mixlo_f16 v_mad_mix_f32 v_mad_legacy_f32 v_pk_fma_f16 v_pk_fma_f32 v_dual_fmac_f32 v_dual_fmaak_f32
		v_dot2_f32_f16 v_dot2c_f32_f16 v_dual_dot2acc_f32_f16 v_dot4_i32_iu8 v_wmma_f32_16x16x16_f16 v_swmmac_f32_16x16x32_f16 v_fma_f64
		v_pk_fmac_f16_e32`) {
		if !amd.multiplyAdd.MatchString(base(name)) {
			t.Errorf("%s is a multiply-add", name)
		}
	}
	for _, name := range strings.Fields(`v_mad_u32_u24 v_mad_i32_i24 v_mad_u64_u32 v_mad_co_u64_u32 v_mul_f32_e32 v_add_f32_e32 v_pk_mul_f16 v_mov_b32_e32
		s_mul_i32 s_fmac_f32 v_dual_mov_b32 v_mad_u16 v_pk_mad_u16 ds_load_b128 v_cndmask_b32`) {
		if amd.multiplyAdd.MatchString(base(name)) {
			t.Errorf("%s is none", name)
		}
	}
}
