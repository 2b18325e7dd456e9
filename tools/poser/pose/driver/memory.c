// Memory that the device behind has not: types and heaps posed in front of its own, and heaps that get full.
#include "poser.h"
#include <pthread.h>

#define BUDGET 1000237000 // VkPhysicalDeviceMemoryBudgetPropertiesEXT
typedef struct { int32_t type; void *next; VkDeviceSize budget[VK_MAX_MEMORY_HEAPS], usage[VK_MAX_MEMORY_HEAPS]; } Budget;
#define HOST_POINTER 1000178001 // VkMemoryHostPointerPropertiesEXT

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static VkPhysicalDeviceMemoryProperties real, posed, next; // next is posed while it is being made
static uint32_t from[VK_MAX_MEMORY_TYPES]; // the type behind a posed one
static uint64_t used[VK_MAX_MEMORY_HEAPS];

// An allocation, kept to know what its heap gets back.
static struct block { VkDeviceMemory memory; uint64_t size; uint32_t heap; } *blocks;
static size_t count, room;

static VkFlags letters(const char **s, const char *all) {
	VkFlags v = 0;
	for (const char *c; **s && (c = strchr(all, **s)); ++*s) v |= 1u << (c - all);
	return v;
}

// read_heaps: "256M:L,1G" are a heap of 256 MiB on the device and one of 1 GiB that is not.
static void read_heaps(const char *s) {
	next.memoryHeapCount = 0;
	while (s && *s && next.memoryHeapCount < VK_MAX_MEMORY_HEAPS) {
		VkMemoryHeap *h = &next.memoryHeaps[next.memoryHeapCount++];
		h->size = amount(s, &s);
		h->flags = *s == ':' ? (s++, letters(&s, "L")) : 0;
		s += strspn(s, ",");
	}
}

// read_types: "L:0,VC:1,VCA:1" are a type of heap 0 on the device and two of heap 1 that the host sees (V), coherent (C), one cached (A).
static void read_types(const char *s) {
	next.memoryTypeCount = 0;
	while (s && *s && next.memoryTypeCount < VK_MAX_MEMORY_TYPES) {
		uint32_t i = next.memoryTypeCount++;
		VkMemoryType *t = &next.memoryTypes[i];
		t->propertyFlags = letters(&s, "LVCA");
		t->heapIndex = *s == ':' ? (uint32_t)strtoul(s + 1, (char **)&s, 10) : 0;
		from[i] = 0;
		for (uint32_t k = real.memoryTypeCount; k-- > 0;) // the first that can do as much, for what the host sees
			if (!(t->propertyFlags & ~real.memoryTypes[k].propertyFlags & ~1u)) from[i] = k;
		s += strcspn(s, ","), s += strspn(s, ",");
	}
}

void memory_read(VkPhysicalDevice device) {
	pthread_mutex_lock(&mutex);
	behind.vkGetPhysicalDeviceMemoryProperties(device, &real);
	next = real;
	for (uint32_t i = 0; i < next.memoryTypeCount; i++) from[i] = i;
	if (text("heaps")) read_heaps(text("heaps"));
	if (text("types")) read_types(text("types"));
	for (uint32_t i = 0; i < next.memoryHeapCount; i++)
		if (next.memoryHeaps[i].size > number("heap", UINT64_MAX)) next.memoryHeaps[i].size = number("heap", 0);
	posed = next;
	pthread_mutex_unlock(&mutex);
}

static void properties(VkPhysicalDevice d, VkPhysicalDeviceMemoryProperties *p) {
	memory_read(d);
	*p = posed;
}

static void properties2(VkPhysicalDevice d, VkPhysicalDeviceMemoryProperties2 *p) {
	behind.vkGetPhysicalDeviceMemoryProperties2(d, p);
	properties(d, &p->memoryProperties);
	for (VkBaseOutStructure *s = p->pNext; s; s = s->pNext) {
		Budget *b = (Budget *)s;
		for (uint32_t i = 0; (int)s->sType == BUDGET && i < VK_MAX_MEMORY_HEAPS; i++) {
			uint64_t size = i < posed.memoryHeapCount ? posed.memoryHeaps[i].size : 0, most = number("budget", UINT64_MAX);
			b->budget[i] = size < most ? size : most;
			b->usage[i] = used[i];
		}
	}
}

// ---- allocations ----

// enter takes memory of a heap, where there is some left.
static VkResult enter(uint64_t size, uint32_t heap) {
	VkResult r = VK_SUCCESS;
	pthread_mutex_lock(&mutex);
	if (count >= number("allocations", UINT64_MAX)) r = VK_ERROR_TOO_MANY_OBJECTS;
	else if (size > posed.memoryHeaps[heap].size || used[heap] > posed.memoryHeaps[heap].size - size || size > number("allocation", UINT64_MAX))
		r = VK_ERROR_OUT_OF_DEVICE_MEMORY;
	else used[heap] += size;
	pthread_mutex_unlock(&mutex);
	return r;
}

// keep notes an allocation; one that was not made gives its memory back.
static void keep(VkDeviceMemory memory, uint64_t size, uint32_t heap) {
	pthread_mutex_lock(&mutex);
	if (count == room && !(blocks = realloc(blocks, (room = 2 * room + 64) * sizeof *blocks))) abort(); // a test's machine has these bytes
	if (memory) blocks[count++] = (struct block){memory, size, heap};
	else used[heap] -= size;
	pthread_mutex_unlock(&mutex);
}

static VkResult allocate(VkDevice d, const VkMemoryAllocateInfo *info, const VkAllocationCallbacks *a, VkDeviceMemory *out) {
	VkMemoryAllocateInfo i = *info;
	uint64_t size = info->allocationSize;
	uint32_t type = info->memoryTypeIndex;
	if (type >= posed.memoryTypeCount) return VK_ERROR_OUT_OF_DEVICE_MEMORY;
	for (const VkBaseInStructure *s = info->pNext; s; s = s->pNext)
		if (s->sType == VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT) size = 0; // it is the host's already
	uint32_t heap = posed.memoryTypes[type].heapIndex;
	VkResult r = enter(size, heap);
	if (r != VK_SUCCESS) return r;
	i.memoryTypeIndex = from[type];
	r = behind.vkAllocateMemory(d, &i, a, out);
	keep(r == VK_SUCCESS ? *out : VK_NULL_HANDLE, size, heap);
	return r;
}

static void release(VkDevice d, VkDeviceMemory memory, const VkAllocationCallbacks *a) {
	pthread_mutex_lock(&mutex);
	for (size_t i = 0; i < count; i++)
		if (blocks[i].memory == memory) {
			used[blocks[i].heap] -= blocks[i].size;
			blocks[i] = blocks[--count];
			break;
		}
	pthread_mutex_unlock(&mutex);
	behind.vkFreeMemory(d, memory, a);
}

// types turns a set of the types behind into one of posed types; seen leaves those out that the host does not see.
static uint32_t types(uint32_t bits, int seen) {
	uint32_t out = 0;
	for (uint32_t i = 0; i < posed.memoryTypeCount; i++)
		if (bits >> from[i] & 1 && (!seen || posed.memoryTypes[i].propertyFlags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT)) out |= 1u << i;
	return out;
}

static void requirements(VkDevice d, VkBuffer b, VkMemoryRequirements *out) {
	behind.vkGetBufferMemoryRequirements(d, b, out);
	out->memoryTypeBits = types(out->memoryTypeBits, 0);
}

static void requirements2(VkDevice d, const VkBufferMemoryRequirementsInfo2 *info, VkMemoryRequirements2 *out) {
	behind.vkGetBufferMemoryRequirements2(d, info, out);
	out->memoryRequirements.memoryTypeBits = types(out->memoryRequirements.memoryTypeBits, 0);
}

static VkResult host_pointer(VkDevice d, VkExternalMemoryHandleTypeFlagBits kind, const void *p, VkMemoryHostPointerPropertiesEXT *out) {
	VkResult r = behind.vkGetMemoryHostPointerPropertiesEXT(d, kind, p, out);
	if (r == VK_SUCCESS) out->memoryTypeBits = types(out->memoryTypeBits, 1);
	return r;
}

PFN_vkVoidFunction memory_function(const char *name) {
	if (is(name, "vkGetPhysicalDeviceMemoryProperties")) return (PFN_vkVoidFunction)properties;
	if (is(name, "vkGetPhysicalDeviceMemoryProperties2")) return (PFN_vkVoidFunction)properties2;
	if (is(name, "vkAllocateMemory")) return (PFN_vkVoidFunction)allocate;
	if (is(name, "vkFreeMemory")) return (PFN_vkVoidFunction)release;
	if (is(name, "vkGetBufferMemoryRequirements")) return (PFN_vkVoidFunction)requirements;
	if (is(name, "vkGetBufferMemoryRequirements2")) return (PFN_vkVoidFunction)requirements2;
	if (is(name, "vkGetMemoryHostPointerPropertiesEXT")) return (PFN_vkVoidFunction)host_pointer;
	return NULL;
}
