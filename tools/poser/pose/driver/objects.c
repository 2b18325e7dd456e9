// Objects that exist: how many were made and not destroyed, in all instances and devices of the process.
#include "poser.h"
#include <pthread.h>

// Functions that destroy what a third argument allocates for: owner and object, or the object alone.
#define DESTROYS(X) \
	X(vkDestroyInstance, 0) X(vkDestroyDevice, 0) X(vkDestroyDebugUtilsMessengerEXT, 1) X(vkFreeMemory, 1) X(vkDestroyBuffer, 1) X(vkDestroyBufferView, 1) \
	X(vkDestroyFence, 1) X(vkDestroySemaphore, 1) X(vkDestroyEvent, 1) X(vkDestroyQueryPool, 1) X(vkDestroyShaderModule, 1) \
	X(vkDestroyPipelineCache, 1) X(vkDestroyPipeline, 1) X(vkDestroyPipelineLayout, 1) X(vkDestroyDescriptorSetLayout, 1) \
	X(vkDestroyDescriptorPool, 1) X(vkDestroyDescriptorUpdateTemplate, 1) X(vkDestroyCommandPool, 1)

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int live;

static void add(int n) {
	pthread_mutex_lock(&mutex);
	live += n;
	faults_live(live);
	pthread_mutex_unlock(&mutex);
}

void objects_made(const char *name) {
	if (!strncmp(name, "vkCreate", 8) || is(name, "vkAllocateMemory")) add(1);
}

typedef void (*Any)(uint64_t, uint64_t, uint64_t);
#define X(f, at) \
	static Any next_##f; \
	static void my_##f(uint64_t a, uint64_t b, uint64_t c) { \
		if (at ? b : a) add(-1); \
		next_##f(a, b, c); }
DESTROYS(X)
#undef X

PFN_vkVoidFunction objects_function(const char *name, PFN_vkVoidFunction f) {
#define X(g, at) if (is(name, #g)) { next_##g = (Any)f; return (PFN_vkVoidFunction)my_##g; }
	DESTROYS(X)
#undef X
	return NULL;
}
