#version 450
// y = x; stands in until the first real shader exists.
layout(local_size_x_id = 0) in;
layout(set = 0, binding = 0) restrict readonly buffer X { float x[]; };
layout(set = 0, binding = 1) restrict writeonly buffer Y { float y[]; };
layout(push_constant) uniform Push { uint count; } push;
void main() {
	uint i = gl_GlobalInvocationID.x;
	if (i < push.count) y[i] = x[i];
}
