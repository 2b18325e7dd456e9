#version 450
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_EXT_shader_16bit_storage : require
// y = a b, all 8 x 8 by rows; one subgroup.
layout(local_size_x = 8) in;
layout(set = 0, binding = 0) restrict readonly buffer A { float16_t a[]; };
layout(set = 0, binding = 1) restrict readonly buffer B { float16_t b[]; };
layout(set = 0, binding = 2) restrict writeonly buffer Y { float y[]; };

void main() {
	coopmat<float16_t, gl_ScopeSubgroup, 8, 8, gl_MatrixUseA> ma;
	coopmat<float16_t, gl_ScopeSubgroup, 8, 8, gl_MatrixUseB> mb;
	coopMatLoad(ma, a, 0, 8, gl_CooperativeMatrixLayoutRowMajor);
	coopMatLoad(mb, b, 0, 8, gl_CooperativeMatrixLayoutRowMajor);
	coopmat<float, gl_ScopeSubgroup, 8, 8, gl_MatrixUseAccumulator> my = coopmat<float, gl_ScopeSubgroup, 8, 8, gl_MatrixUseAccumulator>(0);
	my = coopMatMulAdd(ma, mb, my);
	coopMatStore(my, y, 0, 8, gl_CooperativeMatrixLayoutRowMajor);
}
