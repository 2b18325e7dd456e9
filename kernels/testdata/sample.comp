#version 450
// A shader made to exercise the reader of modules in spirv_test.go. sample.spv is this file compiled by
//   glslc -O -g --target-env=vulkan1.1 sample.comp
// and stripped of its source text (recipe.Strip).
layout(local_size_x_id = 0, local_size_y_id = 1) in;
layout(constant_id = 2) const uint TILE = 16;
layout(constant_id = 3) const bool GELU = true;
layout(constant_id = 4) const float SCALE = 0.5;
layout(constant_id = 5) const int SHIFT = -3;

layout(set = 0, binding = 0) restrict readonly buffer X { float x[]; };
layout(set = 0, binding = 1) restrict writeonly buffer Y { float y[]; };
layout(set = 1, binding = 3) buffer Z { uvec2 count; vec4 z[]; } both;
layout(set = 1, binding = 2) uniform Table { vec4 table[4]; };
layout(set = 1, binding = 4) uniform samplerBuffer texels;
layout(set = 1, binding = 5, r32f) writeonly uniform imageBuffer image;
layout(push_constant) uniform Push {
	uint rows;
	uint cols;
	float eps;
	uint pad[2];
	vec4 weight;
	mat3 transform;
} push;

shared float tile[TILE * (TILE + 1)]; // 1,088 bytes at 16
shared vec3 corners[3];               // 48 bytes: a vec3 is aligned as a vec4

void main() {
	uint i = gl_GlobalInvocationID.x;
	if (i >= push.rows) return;
	uint lane = gl_LocalInvocationID.x;
	tile[lane] = x[i] * SCALE;
	corners[i % 3u] = push.transform * vec3(push.weight);
	barrier();
	float t = tile[(lane + 1u) % TILE];
	if (GELU) t += push.eps + float(push.cols) + float(push.pad[1]) + float(SHIFT);
	y[i] = t * corners[0].y + table[lane & 3u].x;
	imageStore(image, int(i), texelFetch(texels, int(i)));
	both.z[i + both.count.y] += t;
}
