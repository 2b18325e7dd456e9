// Package pose builds a Vulkan driver (ICD) that stands in front of another and poses as a lesser device: it passes every call on,
// says that the device can do less, and lets chosen calls fail. It is a driver and not a layer, so that the validation layers, which lie
// above it, check against what it says. It needs gcc; Vulkan's header comes with the Go binding.
//
// It is told what to do by environment variables, which it reads with every new instance:
//
//   - POSER_LIMITS: words NAME=VALUE, divided by spaces; numbers may end in K, M or G. A limit is lowered, never raised.
//     Limits: shared, invocations, sizex, sizey, sizez, groups, push, range, texels, bindings, sampled, resources, sets, allocations,
//     allocation, buffer, subgroups. Alignments, raised: align, hostalign. Features taken away: int64=0 int16=0 float64=0 float16=0 int8=0
//     storage16=0 storage8=0 address=0 model=0 sizecontrol=0 timeline=0 sync2=0 robust=0 statistics=0 timestamps=0. ops=MASK: the subgroup
//     operations that stay. bits=N of a timestamp. api=MINOR, type=KIND (1 integrated, 2 discrete, 4 cpu), name=NAME.
//     without=VK_A,VK_B: extensions taken away, * all. heaps=256M:L,1G and types=L:0,VC:1,VCA:1: memory heaps (L on the device) and types
//     (L on the device, V the host sees, C coherent, A cached; then the heap). heap=SIZE lowers every heap, budget=SIZE
//     is what VK_EXT_memory_budget grants of each, where the driver behind has it or not. Allocations beyond a heap, or more or larger than the limits allow, fail.
//     families=T:1,C:1,GCT:2: queue families (G graphics, C compute, T transfer; then how many queues).
//   - POSER_FAIL: "NAME NTH RESULT": the NTH call of the function, counted in this process since the variable had this value, gives the
//     VkResult (its name or number) and does nothing. NAME * is every function that can fail. NTH 3+ is the third and every later one.
//     What a failed call would have made is not made, its handle undefined or null as the specification says. After
//     VK_ERROR_DEVICE_LOST the device stays lost. VK_INCOMPLETE makes the call with room for one less.
//   - POSER_COUNT: a file that says how often each function was called, * for all of them, and how often a call was made to fail ("fired"), how
//     many objects exist ("live"); it is
//     right at every moment, also when the process is killed. See [Counts].
//   - POSER_SAY: where set, a line on standard error for each call that fails.
//   - POSER_DRIVER: the library of the driver behind, by default libvulkan_lvp.so (lavapipe).
package pose
