// A Vulkan driver in front of another; doc.go of package pose says what it does and which words it knows.
#ifndef POSER_H
#define POSER_H

#define VK_NO_PROTOTYPES
#include "vulkan_core.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Every call behind this driver is made through these: a driver's functions serve all its instances and devices, as Mesa's do.
#define BEHIND(X) \
	X(vkDestroyInstance) X(vkDestroyDevice) X(vkGetDeviceProcAddr) X(vkDeviceWaitIdle) \
	X(vkGetPhysicalDeviceProperties) X(vkGetPhysicalDeviceProperties2) X(vkGetPhysicalDeviceFeatures) X(vkGetPhysicalDeviceFeatures2) \
	X(vkGetPhysicalDeviceQueueFamilyProperties) X(vkGetPhysicalDeviceQueueFamilyProperties2) \
	X(vkGetPhysicalDeviceMemoryProperties) X(vkGetPhysicalDeviceMemoryProperties2) X(vkEnumerateDeviceExtensionProperties) \
	X(vkCreateDevice) X(vkGetDeviceQueue) X(vkCreateCommandPool) X(vkAllocateMemory) X(vkFreeMemory) \
	X(vkGetBufferMemoryRequirements) X(vkGetBufferMemoryRequirements2) X(vkGetMemoryHostPointerPropertiesEXT)
struct behind {
#define X(f) PFN_##f f;
	BEHIND(X)
#undef X
};
extern struct behind behind;

// ---- limits.c: what the device says ----

// limits_read takes the words of POSER_LIMITS; a word that is not known, or not a number, ends the process with a sentence.
void limits_read(void);
// number is the value of a word, else otherwise.
uint64_t number(const char *word, uint64_t otherwise);
// text is the value of a word, else NULL; it lasts until the next limits_read.
const char *text(const char *word);
// amount reads a number with K, M or G after it, and where it ends.
uint64_t amount(const char *s, const char **end);

// ---- memory.c, queues.c: memory and queues that the device behind has not ----

void memory_read(VkPhysicalDevice device);
void queues_read(void);

// ---- faults.c: calls that fail ----

// faults_read takes the words of POSER_FAIL, and counts anew when they are others than before.
void faults_read(void);
// fallible puts a function that can fail in front of f, NULL where name is none such.
PFN_vkVoidFunction fallible(const char *name, PFN_vkVoidFunction f);
// fails counts a call and says whether it must give *result in place of being made.
int fails(const char *name, uint64_t owner, VkResult *result);
// faults_queue notes to which device a queue belongs, faults_device that a device is new and so not lost.
void faults_queue(VkQueue queue, VkDevice device);
void faults_device(VkDevice device);

// ---- objects.c: objects that exist ----

// objects_made notes that the function made an object, if it is one that does; faults_live writes down how many there are.
void objects_made(const char *name);
void faults_live(unsigned n);
// objects_function puts a function that destroys in front of f.
PFN_vkVoidFunction objects_function(const char *name, PFN_vkVoidFunction f);

// ---- our functions by name; NULL where it is none of this file's ----

PFN_vkVoidFunction limits_function(const char *name);
PFN_vkVoidFunction memory_function(const char *name);
PFN_vkVoidFunction queues_function(const char *name);

// is compares names, with or without the KHR of the extension that a function once belonged to.
static inline int is(const char *name, const char *wanted) {
	size_t n = strlen(wanted);
	return !strncmp(name, wanted, n) && (!name[n] || !strcmp(name + n, "KHR"));
}

#endif
