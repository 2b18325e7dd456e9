// Queue families that the device behind has not: each posed one is its family 0 under another name.
#include "poser.h"

static VkQueueFamilyProperties families[8];
static uint32_t posed; // how many; 0 for those of the device behind

// queues_read: "T:1,C:2,GCT:1" are a family that only copies, one of two queues that computes, and one that does everything.
void queues_read(void) {
	const char *s = text("families");
	posed = 0;
	while (s && *s && posed < sizeof families / sizeof *families) {
		VkQueueFamilyProperties *q = &families[posed++];
		memset(q, 0, sizeof *q);
		for (const char *c; *s && (c = strchr("GCT", *s)); s++) q->queueFlags |= 1u << (c - "GCT");
		q->queueCount = *s == ':' ? (uint32_t)strtoul(s + 1, (char **)&s, 10) : 1;
		s += strcspn(s, ","), s += strspn(s, ",");
	}
}

// list is every family as it is posed; it returns how many.
static uint32_t list(VkPhysicalDevice d, VkQueueFamilyProperties *out, uint32_t room) {
	VkQueueFamilyProperties real[16];
	uint32_t n = sizeof real / sizeof *real, count;
	behind.vkGetPhysicalDeviceQueueFamilyProperties(d, &n, real);
	count = posed ? posed : n;
	for (uint32_t i = 0; i < count && i < room; i++) {
		VkQueueFamilyProperties q = real[posed ? 0 : i];
		if (posed) q.queueFlags = families[i].queueFlags, q.queueCount = families[i].queueCount;
		if (!number("timestamps", 1)) q.timestampValidBits = 0;
		if (q.timestampValidBits > number("bits", 64)) q.timestampValidBits = (uint32_t)number("bits", 64);
		out[i] = q;
	}
	return count;
}

static void properties(VkPhysicalDevice d, uint32_t *n, VkQueueFamilyProperties *out) {
	uint32_t count = list(d, out, out ? *n : 0);
	*n = out && *n < count ? *n : count;
}

static void properties2(VkPhysicalDevice d, uint32_t *n, VkQueueFamilyProperties2 *out) {
	VkQueueFamilyProperties all[16];
	uint32_t count = list(d, all, sizeof all / sizeof *all);
	if (out && *n < count) count = *n;
	for (uint32_t i = 0; out && i < count; i++) out[i].queueFamilyProperties = all[i];
	*n = count;
}

static uint32_t family_behind(uint32_t i) { return posed ? 0 : i; }

// create_device asks for each family behind once, however many posed ones lead to it.
static VkResult create_device(VkPhysicalDevice d, const VkDeviceCreateInfo *info, const VkAllocationCallbacks *a, VkDevice *out) {
	VkDeviceCreateInfo i = *info;
	VkDeviceQueueCreateInfo q = info->pQueueCreateInfos[0];
	if (posed) {
		q.queueFamilyIndex = 0, q.queueCount = 1;
		i.queueCreateInfoCount = 1, i.pQueueCreateInfos = &q;
	}
	VkResult r = behind.vkCreateDevice(d, &i, a, out);
	if (r == VK_SUCCESS) faults_device(*out);
	return r;
}

static void get_queue(VkDevice d, uint32_t family, uint32_t index, VkQueue *out) {
	behind.vkGetDeviceQueue(d, family_behind(family), posed ? 0 : index, out);
	faults_queue(*out, d);
}

static VkResult create_command_pool(VkDevice d, const VkCommandPoolCreateInfo *info, const VkAllocationCallbacks *a, VkCommandPool *out) {
	VkCommandPoolCreateInfo i = *info;
	i.queueFamilyIndex = family_behind(i.queueFamilyIndex);
	return behind.vkCreateCommandPool(d, &i, a, out);
}

PFN_vkVoidFunction queues_function(const char *name) {
	if (is(name, "vkGetPhysicalDeviceQueueFamilyProperties")) return (PFN_vkVoidFunction)properties;
	if (is(name, "vkGetPhysicalDeviceQueueFamilyProperties2")) return (PFN_vkVoidFunction)properties2;
	if (is(name, "vkCreateDevice")) return (PFN_vkVoidFunction)create_device;
	if (is(name, "vkGetDeviceQueue")) return (PFN_vkVoidFunction)get_queue;
	if (is(name, "vkCreateCommandPool")) return (PFN_vkVoidFunction)create_command_pool;
	return NULL;
}
