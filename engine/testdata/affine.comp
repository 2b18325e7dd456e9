#version 450
// y[i] = a * x[i] + b for i < n, one invocation for each element, groups of 64.
// The constant `twice` doubles the result; it tells pipelines of one module apart.
layout(local_size_x = 64) in;
layout(constant_id = 0) const uint twice = 0;
layout(set = 0, binding = 0) restrict readonly buffer X { float x[]; };
layout(set = 0, binding = 1) restrict writeonly buffer Y { float y[]; };
layout(push_constant) uniform Push { float a; float b; uint n; };

void main() {
	uint i = gl_GlobalInvocationID.x;
	if (i >= n) return;
	float v = a * x[i] + b;
	y[i] = twice != 0 ? 2 * v : v;
}
