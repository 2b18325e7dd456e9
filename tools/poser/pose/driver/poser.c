// The loader's questions: which function answers to which name.
#include "poser.h"
#include <dlfcn.h>
#include <pthread.h>

typedef PFN_vkVoidFunction (*Get)(VkInstance, const char *);
static Get real; // of the driver behind
struct behind behind;

static void *library(void) {
	const char *name = getenv("POSER_DRIVER");
	void *lib = dlopen(name ? name : "libvulkan_lvp.so", RTLD_NOW | RTLD_LOCAL);
	if (!lib) fprintf(stderr, "poser: the driver behind, POSER_DRIVER: %s\n", dlerror());
	return lib;
}

static void find_driver(void) {
	faults_read(); // the loader asks for extensions before there is an instance
	void *lib = library();
	if (lib) real = (Get)dlsym(lib, "vk_icdGetInstanceProcAddr");
	if (lib && !real) fprintf(stderr, "poser: POSER_DRIVER is no Vulkan driver: it has no vk_icdGetInstanceProcAddr\n");
}

static int open_driver(void) {
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, find_driver);
	return real != NULL;
}

static void create_behind(VkInstance instance) {
#define X(f) behind.f = (PFN_##f)real(instance, #f);
	BEHIND(X)
#undef X
}

// Words are read anew with every instance, so that a process can try several.
static VkResult create_instance(const VkInstanceCreateInfo *info, const VkAllocationCallbacks *a, VkInstance *out) {
	VkResult r;
	limits_read();
	queues_read();
	faults_read();
	if (fails("vkCreateInstance", 0, &r)) return r;
	r = ((PFN_vkCreateInstance)real(NULL, "vkCreateInstance"))(info, a, out);
	if (r == VK_SUCCESS) create_behind(*out), objects_made("vkCreateInstance");
	return r;
}

static PFN_vkVoidFunction get_device(VkDevice device, const char *name);

// replace is what answers to a name: ours in front of f, or f itself.
static PFN_vkVoidFunction replace(const char *name, PFN_vkVoidFunction f) {
	PFN_vkVoidFunction ours;
	if (!f) return NULL;
	if (is(name, "vkGetDeviceProcAddr")) return (PFN_vkVoidFunction)get_device;
	if ((ours = limits_function(name)) || (ours = memory_function(name)) || (ours = queues_function(name))) f = ours;
	if ((ours = objects_function(name, f))) return ours;
	return (ours = fallible(name, f)) ? ours : f;
}

static PFN_vkVoidFunction get_device(VkDevice device, const char *name) { return replace(name, behind.vkGetDeviceProcAddr(device, name)); }

#define EXPORT __attribute__((visibility("default")))
EXPORT PFN_vkVoidFunction vk_icdGetInstanceProcAddr(VkInstance instance, const char *name) {
	if (!open_driver()) return NULL;
	if (!strcmp(name, "vkCreateInstance")) return (PFN_vkVoidFunction)create_instance;
	return replace(name, real(instance, name));
}

EXPORT VkResult vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *version) {
	if (*version > 4) *version = 4; // 5 and up are the same, with promises about versions
	return open_driver() ? VK_SUCCESS : VK_ERROR_INITIALIZATION_FAILED;
}

EXPORT PFN_vkVoidFunction vk_icdGetPhysicalDeviceProcAddr(VkInstance instance, const char *name) {
	if (strncmp(name, "vkGetPhysicalDevice", 19)) return NULL;
	return vk_icdGetInstanceProcAddr(instance, name);
}
