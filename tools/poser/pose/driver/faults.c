// Calls that fail: POSER_FAIL="NAME NTH RESULT" with NAME a function or * for all of them, NTH 1, 2, ... or 3+ for the third and all
// later ones, RESULT the name or number of a VkResult. POSER_COUNT=FILE is kept at how often each was called, also when the process is killed.
#include "poser.h"
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

// Functions that can fail, and where among their arguments a count is that VK_INCOMPLETE makes smaller (-1: none); the array follows it.
#define CALLS(X) \
	X(vkCreateInstance, -1) X(vkEnumerateInstanceExtensionProperties, 1) X(vkEnumeratePhysicalDevices, 1) X(vkCreateDevice, -1) \
	X(vkCreateDebugUtilsMessengerEXT, -1) X(vkEnumerateDeviceExtensionProperties, 2) X(vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR, 1) \
	X(vkGetPhysicalDeviceToolProperties, 1) X(vkSetDebugUtilsObjectNameEXT, -1) X(vkSetDebugUtilsObjectTagEXT, -1) \
	X(vkGetMemoryHostPointerPropertiesEXT, -1) X(vkAllocateMemory, -1) X(vkMapMemory, -1) X(vkMapMemory2, -1) X(vkUnmapMemory2, -1) \
	X(vkFlushMappedMemoryRanges, -1) X(vkInvalidateMappedMemoryRanges, -1) X(vkBindBufferMemory, -1) X(vkBindBufferMemory2, -1) \
	X(vkCreateBuffer, -1) X(vkCreateBufferView, -1) X(vkCreateFence, -1) X(vkResetFences, -1) X(vkGetFenceStatus, -1) X(vkWaitForFences, -1) \
	X(vkCreateSemaphore, -1) X(vkWaitSemaphores, -1) X(vkSignalSemaphore, -1) X(vkGetSemaphoreCounterValue, -1) \
	X(vkCreateEvent, -1) X(vkGetEventStatus, -1) X(vkSetEvent, -1) X(vkResetEvent, -1) X(vkCreateQueryPool, -1) X(vkGetQueryPoolResults, -1) \
	X(vkCreateShaderModule, -1) X(vkCreatePipelineCache, -1) X(vkGetPipelineCacheData, 2) X(vkMergePipelineCaches, -1) \
	X(vkCreateComputePipelines, -1) X(vkCreatePipelineLayout, -1) X(vkCreateDescriptorSetLayout, -1) X(vkCreateDescriptorPool, -1) \
	X(vkResetDescriptorPool, -1) X(vkAllocateDescriptorSets, -1) X(vkFreeDescriptorSets, -1) X(vkCreateDescriptorUpdateTemplate, -1) \
	X(vkCreateCommandPool, -1) X(vkResetCommandPool, -1) X(vkAllocateCommandBuffers, -1) X(vkBeginCommandBuffer, -1) X(vkEndCommandBuffer, -1) \
	X(vkResetCommandBuffer, -1) X(vkQueueSubmit, -1) X(vkQueueSubmit2, -1) X(vkQueueBindSparse, -1) X(vkQueueWaitIdle, -1) X(vkDeviceWaitIdle, -1) \
	X(vkGetPipelineExecutablePropertiesKHR, 2) X(vkGetPipelineExecutableStatisticsKHR, 2) X(vkGetPipelineExecutableInternalRepresentationsKHR, 2) \
	X(vkGetCalibratedTimestampsEXT, -1) X(vkGetPhysicalDeviceCalibrateableTimeDomainsEXT, 1)

enum {
#define X(f, count) N_##f,
	CALLS(X)
#undef X
	COUNT
};
static const char *const names[] = {
#define X(f, count) #f,
	CALLS(X)
#undef X
};
static const int counts_at[] = {
#define X(f, count) count,
	CALLS(X)
#undef X
};

static const struct { const char *name; int result; } results[] = {
	{"VK_NOT_READY", 1}, {"VK_TIMEOUT", 2}, {"VK_INCOMPLETE", 5}, {"VK_ERROR_OUT_OF_HOST_MEMORY", -1}, {"VK_ERROR_OUT_OF_DEVICE_MEMORY", -2},
	{"VK_ERROR_INITIALIZATION_FAILED", -3}, {"VK_ERROR_DEVICE_LOST", -4}, {"VK_ERROR_MEMORY_MAP_FAILED", -5}, {"VK_ERROR_LAYER_NOT_PRESENT", -6},
	{"VK_ERROR_EXTENSION_NOT_PRESENT", -7}, {"VK_ERROR_FEATURE_NOT_PRESENT", -8}, {"VK_ERROR_INCOMPATIBLE_DRIVER", -9},
	{"VK_ERROR_TOO_MANY_OBJECTS", -10}, {"VK_ERROR_FORMAT_NOT_SUPPORTED", -11}, {"VK_ERROR_FRAGMENTED_POOL", -12}, {"VK_ERROR_UNKNOWN", -13},
	{"VK_ERROR_OUT_OF_POOL_MEMORY", -1000069000}, {"VK_ERROR_INVALID_EXTERNAL_HANDLE", -1000072003}, {"VK_ERROR_FRAGMENTATION", -1000161000},
	{"VK_ERROR_INVALID_OPAQUE_CAPTURE_ADDRESS", -1000257000}, {"VK_PIPELINE_COMPILE_REQUIRED", 1000297000}, {"VK_ERROR_INVALID_SHADER_NV", -1000012000},
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned calls[COUNT], all, fired, live;
static char armed[256], name_[64], nth_[16], result_[64];
static unsigned nth;
static int later, result;

// ---- the file of counts: lines of one width, written in place ----

#define LINE 64
enum { LINES = COUNT + 3 };
static char *file;

static void put(int line, const char *name, unsigned n) {
	char text[LINE + 1];
	if (!file) return;
	snprintf(text, sizeof text, "%10u %-*s", n, LINE - 12, name);
	text[LINE - 1] = '\n';
	memcpy(file + LINE * line, text, LINE);
}

static void put_all(void) {
	for (int i = 0; i < COUNT; i++) put(i, names[i], calls[i]);
	put(COUNT, "*", all);
	put(COUNT + 1, "fired", fired);
	put(COUNT + 2, "live", live);
}

void faults_live(unsigned n) { put(COUNT + 2, "live", live = n); }

static void open_file(void) {
	const char *path = getenv("POSER_COUNT");
	int fd = path && *path && !file ? open(path, O_RDWR | O_CREAT | O_TRUNC, 0644) : -1;
	if (fd < 0 || ftruncate(fd, LINE * LINES)) return;
	file = mmap(NULL, LINE * LINES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (file == MAP_FAILED) file = NULL;
	close(fd);
}

// ---- what is to fail ----

static void refuse(const char *why) {
	fprintf(stderr, "poser: POSER_FAIL=\"%s\": %s; NAME NTH RESULT is meant, as in \"vkMapMemory 2 VK_ERROR_MEMORY_MAP_FAILED\"\n", armed, why);
	_exit(3); // at once: what runs at an exit may want a lock that this thread holds
}

static void arm(void) {
	int found = !strcmp(name_, "*");
	for (int i = 0; i < COUNT; i++) found |= !strcmp(name_, names[i]);
	if (!found) refuse("no function of this name can fail here");
	nth = (unsigned)strtoul(nth_, NULL, 10);
	later = strchr(nth_, '+') != NULL;
	if (!nth) refuse("NTH counts from 1");
	result = (int)strtol(result_, NULL, 10);
	for (size_t i = 0; i < sizeof results / sizeof *results; i++)
		if (!strcmp(results[i].name, result_)) result = results[i].result;
	if (!result) refuse("no result of this name");
}

void faults_read(void) {
	const char *s = getenv("POSER_FAIL");
	pthread_mutex_lock(&mutex);
	open_file();
	if (strcmp(armed, s ? s : "")) {
		snprintf(armed, sizeof armed, "%s", s ? s : "");
		memset(calls, 0, sizeof calls);
		all = fired = nth = 0;
		if (*armed && sscanf(armed, "%63s %15s %63s", name_, nth_, result_) != 3) refuse("three words are needed");
		if (*armed) arm();
	}
	put_all();
	pthread_mutex_unlock(&mutex);
}

// ---- devices that are lost ----

static struct { uint64_t queue, device; } queues[64];
static uint64_t lost[64];
static unsigned nqueues, nlost;

void faults_queue(VkQueue queue, VkDevice device) {
	pthread_mutex_lock(&mutex);
	queues[nqueues % 64].queue = (uintptr_t)queue;
	queues[nqueues++ % 64].device = (uintptr_t)device;
	pthread_mutex_unlock(&mutex);
}

void faults_device(VkDevice device) {
	pthread_mutex_lock(&mutex);
	for (int i = 0; i < 64; i++)
		if (lost[i] == (uintptr_t)device) lost[i] = 0;
	pthread_mutex_unlock(&mutex);
}

// device_of is the device of a queue, the newest of that handle; any other handle is its own.
static uint64_t device_of(uint64_t owner) {
	for (unsigned n = nqueues, i = 0; i < 64 && i < n; i++)
		if (queues[(n - 1 - i) % 64].queue == owner) return queues[(n - 1 - i) % 64].device;
	return owner;
}

static int is_lost(uint64_t device) {
	for (int i = 0; device && i < 64; i++)
		if (lost[i] == device) return 1;
	return 0;
}

// loses says whether a call notices that its device is lost.
static int loses(int i) {
	return i == N_vkQueueSubmit || i == N_vkQueueSubmit2 || i == N_vkQueueBindSparse || i == N_vkQueueWaitIdle || i == N_vkDeviceWaitIdle || i == N_vkWaitForFences ||
		i == N_vkGetFenceStatus || i == N_vkWaitSemaphores || i == N_vkGetSemaphoreCounterValue || i == N_vkGetQueryPoolResults || i == N_vkGetEventStatus;
}

static int hit(int i, uint64_t owner, VkResult *out) {
	pthread_mutex_lock(&mutex);
	unsigned mine = ++calls[i], any = ++all, n = !strcmp(name_, "*") ? any : mine;
	uint64_t device = device_of(owner), idle = 0;
	int of = nth && (!strcmp(name_, names[i]) || !strcmp(name_, "*")), now = of && (n == nth || (later && n > nth));
	if (now) {
		*out = (VkResult)result;
		fired++;
		if (result == VK_ERROR_DEVICE_LOST && loses(i)) lost[nlost++ % 64] = idle = device;
	} else if (loses(i) && is_lost(device)) {
		*out = VK_ERROR_DEVICE_LOST;
		now = 1;
	}
	put(i, names[i], mine);
	put(COUNT, "*", any);
	put(COUNT + 1, "fired", fired);
	pthread_mutex_unlock(&mutex);
	if (idle) behind.vkDeviceWaitIdle((VkDevice)(uintptr_t)idle); // what is lost works no more
	if (now && getenv("POSER_SAY")) fprintf(stderr, "poser: call %u of %s, %u of all, gives %d\n", mine, names[i], any, *out);
	return now;
}

int fails(const char *name, uint64_t owner, VkResult *out) {
	for (int i = 0; i < COUNT; i++)
		if (!strcmp(name, names[i])) return hit(i, owner, out);
	return 0;
}

// ---- the functions in front ----

// The arguments of all these calls are integers and pointers, eight at most: eight words are passed on, whatever is in those that a call has not.
typedef VkResult (*Any)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
static PFN_vkVoidFunction next[COUNT];

// incomplete makes the call with room for one less; without an array there is nothing that could be incomplete.
static VkResult incomplete(int i, uint64_t *w) {
	int at = counts_at[i];
	size_t *size = (size_t *)(uintptr_t)w[at];
	uint32_t *n = (uint32_t *)(uintptr_t)w[at], bytes = i == N_vkGetPipelineCacheData;
	if (w[at + 1] && bytes && *size) --*size;
	if (w[at + 1] && !bytes && *n) --*n;
	VkResult r = ((Any)next[i])(w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]);
	return w[at + 1] && r >= 0 ? VK_INCOMPLETE : r;
}

// spoil fills what a failed call leaves behind: lists of handles are null then, any other handle is undefined, and nobody may use it.
static void spoil(int i, const uint64_t *w) {
	const uint64_t bad = 0xbadbadbadbadbad8;
	void *third = (void *)(uintptr_t)w[2];
	const void *info = (const void *)(uintptr_t)w[1];
	if (i == N_vkCreateComputePipelines) memset((void *)(uintptr_t)w[5], 0, 8 * (uint32_t)w[2]);
	else if (i == N_vkAllocateDescriptorSets) memset(third, 0, 8 * ((const VkDescriptorSetAllocateInfo *)info)->descriptorSetCount);
	else if (i == N_vkAllocateCommandBuffers) memset(third, 0, sizeof(void *) * ((const VkCommandBufferAllocateInfo *)info)->commandBufferCount);
	else if (i == N_vkAllocateMemory || !strncmp(names[i], "vkCreate", 8)) *(uint64_t *)(uintptr_t)w[3] = bad;
}

static VkResult call(int i, uint64_t *w) {
	VkResult r;
	if (!hit(i, w[0], &r)) {
		r = ((Any)next[i])(w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]);
		if (r == VK_SUCCESS) objects_made(names[i]);
		return r;
	}
	if (r == VK_INCOMPLETE && counts_at[i] > 0) return incomplete(i, w);
	spoil(i, w);
	return r;
}

#define X(f, count) static VkResult my_##f(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t g, uint64_t h, uint64_t i) { \
	uint64_t w[] = {a, b, c, d, e, g, h, i}; \
	return call(N_##f, w); }
CALLS(X)
#undef X
static const PFN_vkVoidFunction mine[] = {
#define X(f, count) (PFN_vkVoidFunction)my_##f,
	CALLS(X)
#undef X
};

PFN_vkVoidFunction fallible(const char *name, PFN_vkVoidFunction f) {
	for (int i = 1; i < COUNT; i++) // all but vkCreateInstance, which asks by itself
		if (is(name, names[i])) {
			next[i] = f;
			return mine[i];
		}
	return NULL;
}
