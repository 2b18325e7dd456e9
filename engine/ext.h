// The part of Vulkan that the Go binding lacks (it stops at 1.1.88) or does
// unsafely (it frees arrays of structures from a finalizer that may run while
// the call is still reading them). Structures are declared here, laid out as
// the Vulkan specification lays them out, so that no Vulkan header is needed to
// build. Every structure lives on the C stack or in C memory; what Go passes in
// is read during the call and never kept.
#ifndef ENGINE_EXT_H
#define ENGINE_EXT_H

#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int32_t Result;
typedef uint64_t Handle; // a non-dispatchable handle, or a dispatchable one's address
typedef void (*Function)(void);
typedef Function (*Resolver)(void *instance, const char *name); // vkGetInstanceProcAddr

#define OBJECT(h) ((void *)(uintptr_t)(h))

// ---- structures, in the specification's order -------------------------------

typedef struct { int32_t sType; void *pNext; } Chain;

typedef struct {
	int32_t sType; const void *pNext; const char *application; uint32_t applicationVersion;
	const char *engine; uint32_t engineVersion; uint32_t api;
} ApplicationInfo;

typedef struct {
	int32_t sType; const void *pNext; uint32_t flags; const ApplicationInfo *application;
	uint32_t layerCount; const char *const *layers; uint32_t extensionCount; const char *const *extensions;
} InstanceCreateInfo;

typedef struct {
	int32_t sType; const void *pNext; uint32_t flags, family, count; const float *priorities;
} DeviceQueueCreateInfo;

typedef struct {
	int32_t sType; const void *pNext; uint32_t flags; uint32_t queueCount; const DeviceQueueCreateInfo *queues;
	uint32_t layerCount; const char *const *layers; uint32_t extensionCount; const char *const *extensions;
	const void *features;
} DeviceCreateInfo;

typedef struct { char name[256]; uint32_t specVersion, version; char description[256]; } LayerProperties;
typedef struct { char name[256]; uint32_t version; } ExtensionProperties;
typedef struct { uint32_t flags, count, timestampBits, granularity[3]; } QueueFamily;

typedef struct {
	int32_t sType; const void *pNext; uint32_t waitCount; const Handle *waits; const uint32_t *waitStages;
	uint32_t commandCount; void *const *commands; uint32_t signalCount; const Handle *signals;
} SubmitInfo;

typedef struct { int32_t sType; const void *pNext; uint32_t src, dst; } MemoryBarrier;
typedef struct { uint64_t src, dst, size; } BufferCopy;
typedef struct { Handle buffer; uint64_t offset, range; } BufferInfo;

typedef struct {
	int32_t sType; const void *pNext; Handle set; uint32_t binding, element, count; int32_t type;
	const void *images; const BufferInfo *buffers; const void *views;
} WriteDescriptorSet;

typedef struct { uint32_t binding; int32_t type; uint32_t count, stages; const void *samplers; } LayoutBinding;
typedef struct { int32_t sType; const void *pNext; uint32_t flags, count; const LayoutBinding *bindings; } SetLayoutCreateInfo;
typedef struct { uint32_t stages, offset, size; } PushRange;
typedef struct {
	int32_t sType; const void *pNext; uint32_t flags, setCount; const Handle *sets; uint32_t pushCount; const PushRange *pushes;
} PipelineLayoutCreateInfo;
typedef struct { int32_t type; uint32_t count; } PoolSize;
typedef struct { int32_t sType; const void *pNext; uint32_t flags, maxSets, count; const PoolSize *sizes; } PoolCreateInfo;

typedef struct { uint32_t id, offset; size_t size; } SpecEntry;
typedef struct { uint32_t count; const SpecEntry *entries; size_t size; const void *data; } SpecInfo;
typedef struct {
	int32_t sType; const void *pNext; uint32_t flags; int32_t stage; Handle module; const char *entry; const SpecInfo *spec;
} StageCreateInfo;
typedef struct { int32_t sType; void *pNext; uint32_t size; } RequiredSize;
typedef struct {
	int32_t sType; const void *pNext; uint32_t flags; StageCreateInfo stage; Handle layout, base; int32_t baseIndex;
} ComputeCreateInfo;

typedef struct { int32_t sType; const void *pNext; const char *name; float color[4]; } Label;
typedef struct { int32_t sType; const void *pNext; int32_t type; Handle object; const char *name; } ObjectName;
typedef struct {
	int32_t sType; const void *pNext; uint32_t flags; const char *id; int32_t number; const char *text;
} CallbackData; // its later members are not read
typedef uint32_t (*Callback)(int32_t severity, uint32_t types, const CallbackData *data, void *user);
typedef struct {
	int32_t sType; const void *pNext; uint32_t flags, severity, types; Callback callback; void *user;
} MessengerCreateInfo;
typedef struct {
	int32_t sType; const void *pNext; uint32_t enableCount; const int32_t *enable; uint32_t disableCount; const int32_t *disable;
} ValidationFeatures;

typedef struct { const char *layer, *setting; int32_t type; uint32_t count; const void *values; } LayerSetting;
typedef struct { int32_t sType; const void *pNext; uint32_t count; const LayerSetting *settings; } LayerSettings;

typedef struct { int32_t sType; void *pNext; uint32_t features[55]; } Features2;
typedef struct { int32_t sType; void *pNext; uint32_t storage, uniform, push, io; } Storage16;
typedef struct { int32_t sType; void *pNext; uint32_t float16, int8; } Float16;
typedef struct { int32_t sType; void *pNext; uint32_t control, full; } SizeControl;
typedef struct { int32_t sType; void *pNext; uint32_t model, deviceScope, chains; } MemoryModel;
typedef struct { int32_t sType; void *pNext; uint32_t matrix, robust; } Cooperative;
typedef struct { int32_t sType; void *pNext; uint32_t address, replay, several; } BufferAddress;
typedef struct { int32_t sType; const void *pNext; uint32_t flags, devices; } AllocateFlags;
typedef struct { int32_t sType; const void *pNext; uint64_t size; uint32_t type; } AllocateInfo;
typedef struct { int32_t sType; const void *pNext; Handle buffer; } AddressInfo;
typedef struct { int32_t sType; void *pNext; uint32_t info; } Executables;
typedef struct { int32_t sType; void *pNext; uint64_t budget[16], usage[16]; } MemoryBudget;
typedef struct { int32_t sType; void *pNext; uint64_t properties[66]; } MemoryProperties2; // 520 bytes are used

typedef struct { int32_t sType; void *pNext; uint64_t properties[128]; } Properties2; // 824 bytes are used
typedef struct { int32_t sType; void *pNext; uint32_t id; char name[256], info[256]; uint8_t conformance[4]; } DriverProperties;
typedef struct { int32_t sType; void *pNext; uint32_t size, stages, operations, quads; } SubgroupProperties;
typedef struct { int32_t sType; void *pNext; uint32_t sets; uint64_t allocation; } Maintenance3;
typedef struct { int32_t sType; void *pNext; uint64_t buffer; } Maintenance4;
typedef struct { int32_t sType; void *pNext; uint32_t min, max, groups, stages; } SizeProperties;
typedef struct {
	int32_t sType; void *pNext; uint32_t m, n, k; int32_t a, b, c, result; uint32_t saturating; int32_t scope;
} MatrixProperties;

typedef struct { int32_t sType; const void *pNext; Handle pipeline; } PipelineInfo;
typedef struct { int32_t sType; void *pNext; uint32_t stages; char name[256], description[256]; uint32_t subgroupSize; } Executable;
typedef struct { int32_t sType; const void *pNext; Handle pipeline; uint32_t index; } ExecutableInfo;
typedef struct { int32_t sType; void *pNext; char name[256], description[256]; int32_t format; uint64_t value; } ExecutableStatistic;
typedef struct {
	int32_t sType; void *pNext; char name[256], description[256]; uint32_t isText; size_t size; void *data;
} ExecutableText;

// ---- what a device can do beyond the first version of Vulkan ------------------

typedef struct {
	char driver[256], driverInfo[256];
	uint64_t maxAllocation, maxBuffer;
	uint32_t subgroupSize, subgroupStages, subgroupOperations, subgroupMin, subgroupMax, subgroupGroups;
	uint32_t float16, int8, storage16, uniform16, sizeControl, fullSubgroups;
	uint32_t memoryModel, memoryScope, cooperative, executables, statistics, int64, int16, address, budget;
} Caps;

// ---- messages of the validation layers ------------------------------------------

typedef struct Message { struct Message *next; char *id, *text; } Message;
typedef struct { pthread_mutex_t mutex; Message *first, **last; } Messages;

static Messages *messages_new(void) {
	Messages *m = calloc(1, sizeof *m);
	if (m) {
		pthread_mutex_init(&m->mutex, NULL);
		m->last = &m->first;
	}
	return m;
}

// messages_take removes the oldest message, which the caller frees with message_free.
static Message *messages_take(Messages *m) {
	pthread_mutex_lock(&m->mutex);
	Message *first = m->first;
	if (first) {
		m->first = first->next;
		if (!m->first) m->last = &m->first;
	}
	pthread_mutex_unlock(&m->mutex);
	return first;
}

static void message_free(Message *m) {
	free(m->id);
	free(m->text);
	free(m);
}

static void messages_free(Messages *m) {
	for (Message *x; (x = messages_take(m));) message_free(x);
	pthread_mutex_destroy(&m->mutex);
	free(m);
}

// on_message runs on the thread of the Vulkan call that caused it; it only
// stores a copy, so no Go code runs inside the driver.
static uint32_t on_message(int32_t severity, uint32_t types, const CallbackData *data, void *user) {
	(void)severity;
	(void)types;
	Messages *log = user;
	Message *m = calloc(1, sizeof *m);
	if (!m) return 0;
	m->id = strdup(data->id ? data->id : "");
	m->text = strdup(data->text ? data->text : "");
	pthread_mutex_lock(&log->mutex);
	*log->last = m;
	log->last = &m->next;
	pthread_mutex_unlock(&log->mutex);
	return 0;
}

// ---- loader, instance -----------------------------------------------------------

// loader_open returns vkGetInstanceProcAddr of the installed Vulkan loader, or NULL.
static void *loader_open(const char *name) {
	void *lib = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	return lib ? dlsym(lib, "vkGetInstanceProcAddr") : NULL;
}

static uint32_t instance_version(void *resolver) {
	typedef Result (*F)(uint32_t *);
	F f = (F)((Resolver)resolver)(NULL, "vkEnumerateInstanceVersion");
	uint32_t v = 1u << 22;
	if (f) f(&v);
	return v;
}

#define VALIDATION "VK_LAYER_KHRONOS_validation"

static int has_layer(void *resolver) {
	typedef Result (*F)(uint32_t *, LayerProperties *);
	F f = (F)((Resolver)resolver)(NULL, "vkEnumerateInstanceLayerProperties");
	uint32_t n = 0;
	if (!f || f(&n, NULL) || !n) return 0;
	LayerProperties *list = calloc(n, sizeof *list);
	int found = 0;
	if (list && f(&n, list) >= 0)
		for (uint32_t i = 0; i < n; i++) found |= !strcmp(list[i].name, VALIDATION);
	free(list);
	return found;
}

static int has_instance_extension(void *resolver, const char *layer, const char *name) {
	typedef Result (*F)(const char *, uint32_t *, ExtensionProperties *);
	F f = (F)((Resolver)resolver)(NULL, "vkEnumerateInstanceExtensionProperties");
	uint32_t n = 0;
	if (!f || f(layer, &n, NULL) || !n) return 0;
	ExtensionProperties *list = calloc(n, sizeof *list);
	int found = 0;
	if (list && f(layer, &n, list) >= 0)
		for (uint32_t i = 0; i < n; i++) found |= !strcmp(list[i].name, name);
	free(list);
	return found;
}

// instance_create asks for debug names where offered (debug), and for the
// validation layer with synchronization checks whose messages go to log.
static Result instance_create(void *resolver, uint32_t api, int debug, Messages *log, Handle *out) {
	typedef Result (*F)(const InstanceCreateInfo *, const void *, void **);
	F f = (F)((Resolver)resolver)(NULL, "vkCreateInstance");
	if (!f) return -3;
	ApplicationInfo app = {0, NULL, "glipvk", 1, "glipvk", 1, api};
	const char *layers[1] = {VALIDATION};
	const char *extensions[3];
	uint32_t n = 0;
	if (debug) extensions[n++] = "VK_EXT_debug_utils";
	if (log) extensions[n++] = "VK_EXT_validation_features";
	int32_t enable[1] = {4}; // synchronization validation
	// Warnings and errors about validity and performance; the general ones are mostly
	// the loader's, about manifests of drivers that have nothing to do with us.
	MessengerCreateInfo messenger = {1000128004, NULL, 0, 0x1100, 6, on_message, log};
	ValidationFeatures features = {1000247000, &messenger, 1, enable, 0, NULL};
	// Newer layers look at what shaders access only when asked to.
	uint32_t on = 1;
	LayerSetting list[1] = {{layers[0], "syncval_shader_accesses_heuristic", 0, 1, &on}};
	LayerSettings settings = {1000496000, NULL, 1, list};
	if (log && has_instance_extension(resolver, layers[0], "VK_EXT_layer_settings")) {
		extensions[n++] = "VK_EXT_layer_settings";
		messenger.pNext = &settings;
	}
	InstanceCreateInfo info = {1, log ? &features : NULL, 0, &app, log ? 1u : 0u, layers, n, extensions};
	void *instance = NULL;
	Result r = f(&info, NULL, &instance);
	*out = (Handle)(uintptr_t)instance;
	return r;
}

// ---- calls of one instance ----------------------------------------------------------

typedef struct {
	Result (*messengerCreate)(void *, const MessengerCreateInfo *, const void *, Handle *);
	void (*messengerDestroy)(void *, Handle, const void *);
	void (*features)(void *, Features2 *);
	void (*properties)(void *, Properties2 *);
	void (*memory)(void *, MemoryProperties2 *);
	void (*families)(void *, uint32_t *, QueueFamily *);
	Result (*extensions)(void *, const char *, uint32_t *, ExtensionProperties *);
	Result (*deviceCreate)(void *, const DeviceCreateInfo *, const void *, void **);
	Result (*submit)(void *, uint32_t, const SubmitInfo *, Handle);
	Result (*fenceWait)(void *, uint32_t, const Handle *, uint32_t, uint64_t);
	Result (*fenceReset)(void *, uint32_t, const Handle *);
	void (*barrier)(void *, uint32_t, uint32_t, uint32_t, uint32_t, const MemoryBarrier *, uint32_t, const void *, uint32_t, const void *);
	void (*copy)(void *, Handle, Handle, uint32_t, const BufferCopy *);
	void (*update)(void *, uint32_t, const WriteDescriptorSet *, uint32_t, const void *);
	Result (*setLayout)(void *, const SetLayoutCreateInfo *, const void *, Handle *);
	Result (*pipelineLayout)(void *, const PipelineLayoutCreateInfo *, const void *, Handle *);
	Result (*pool)(void *, const PoolCreateInfo *, const void *, Handle *);
	Result (*compute)(void *, Handle, uint32_t, const ComputeCreateInfo *, const void *, Handle *);
	Result (*allocate)(void *, const AllocateInfo *, const void *, Handle *);
	uint64_t (*address)(void *, const AddressInfo *);
	Result (*matrices)(void *, uint32_t *, MatrixProperties *);
	Result (*executables)(void *, const PipelineInfo *, uint32_t *, Executable *);
	Result (*executableStatistics)(void *, const ExecutableInfo *, uint32_t *, ExecutableStatistic *);
	Result (*executableTexts)(void *, const ExecutableInfo *, uint32_t *, ExecutableText *);
	Result (*objectName)(void *, const ObjectName *);
	void (*labelBegin)(void *, const Label *);
	void (*labelEnd)(void *);
} Calls;

#define RESOLVE(field, name) *(Function *)&c->field = ((Resolver)resolver)(OBJECT(instance), name)

static Calls *calls_new(void *resolver, Handle instance, int debug) {
	Calls *c = calloc(1, sizeof *c);
	if (!c) return NULL;
	RESOLVE(features, "vkGetPhysicalDeviceFeatures2");
	RESOLVE(properties, "vkGetPhysicalDeviceProperties2");
	RESOLVE(memory, "vkGetPhysicalDeviceMemoryProperties2");
	RESOLVE(families, "vkGetPhysicalDeviceQueueFamilyProperties");
	RESOLVE(extensions, "vkEnumerateDeviceExtensionProperties");
	RESOLVE(deviceCreate, "vkCreateDevice");
	RESOLVE(submit, "vkQueueSubmit");
	RESOLVE(fenceWait, "vkWaitForFences");
	RESOLVE(fenceReset, "vkResetFences");
	RESOLVE(barrier, "vkCmdPipelineBarrier");
	RESOLVE(copy, "vkCmdCopyBuffer");
	RESOLVE(update, "vkUpdateDescriptorSets");
	RESOLVE(setLayout, "vkCreateDescriptorSetLayout");
	RESOLVE(pipelineLayout, "vkCreatePipelineLayout");
	RESOLVE(pool, "vkCreateDescriptorPool");
	RESOLVE(compute, "vkCreateComputePipelines");
	RESOLVE(allocate, "vkAllocateMemory");
	RESOLVE(address, "vkGetBufferDeviceAddress");
	RESOLVE(matrices, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR");
	RESOLVE(executables, "vkGetPipelineExecutablePropertiesKHR");
	RESOLVE(executableStatistics, "vkGetPipelineExecutableStatisticsKHR");
	RESOLVE(executableTexts, "vkGetPipelineExecutableInternalRepresentationsKHR");
	if (debug) {
		RESOLVE(messengerCreate, "vkCreateDebugUtilsMessengerEXT");
		RESOLVE(messengerDestroy, "vkDestroyDebugUtilsMessengerEXT");
		RESOLVE(objectName, "vkSetDebugUtilsObjectNameEXT");
		RESOLVE(labelBegin, "vkCmdBeginDebugUtilsLabelEXT");
		RESOLVE(labelEnd, "vkCmdEndDebugUtilsLabelEXT");
	}
	return c;
}

static Result messenger_create(Calls *c, Handle instance, Messages *log, Handle *out) {
	MessengerCreateInfo info = {1000128004, NULL, 0, 0x1100, 6, on_message, log};
	return c->messengerCreate ? c->messengerCreate(OBJECT(instance), &info, NULL, out) : -7;
}

static void messenger_destroy(Calls *c, Handle instance, Handle messenger) {
	if (messenger && c->messengerDestroy) c->messengerDestroy(OBJECT(instance), messenger, NULL);
}

static int has_device_extension(Calls *c, Handle physical, const char *name) {
	uint32_t n = 0;
	if (c->extensions(OBJECT(physical), NULL, &n, NULL) || !n) return 0;
	ExtensionProperties *list = calloc(n, sizeof *list);
	int found = 0;
	if (list && c->extensions(OBJECT(physical), NULL, &n, list) >= 0)
		for (uint32_t i = 0; i < n; i++) found |= !strcmp(list[i].name, name);
	free(list);
	return found;
}

static uint32_t queue_families(Calls *c, Handle physical, QueueFamily *out, uint32_t room) {
	uint32_t n = room;
	c->families(OBJECT(physical), &n, out);
	return n;
}

// caps_read needs a device of Vulkan 1.1 (api as the device reports it).
static void caps_read(Calls *c, Handle physical, uint32_t api, Caps *out) {
	int cooperative = has_device_extension(c, physical, "VK_KHR_cooperative_matrix");
	int executables = has_device_extension(c, physical, "VK_KHR_pipeline_executable_properties");
	uint32_t minor = api >> 12 & 0x3ff;
	Storage16 storage = {1000083000, NULL, 0, 0, 0, 0};
	Float16 half = {1000082000, NULL, 0, 0};
	SizeControl size = {1000225002, NULL, 0, 0};
	MemoryModel model = {1000211000, NULL, 0, 0, 0};
	Cooperative matrix = {1000506000, NULL, 0, 0};
	Executables executable = {1000269000, NULL, 0};
	BufferAddress address = {1000257000, NULL, 0, 0, 0};
	Features2 features = {1000059000, &storage, {0}};
	Chain *end = (Chain *)&storage;
#define APPEND(when, s) if (when) { end->pNext = &s; end = (Chain *)&s; }
	APPEND(minor >= 2, half)
	APPEND(minor >= 2, model)
	APPEND(minor >= 2, address)
	APPEND(minor >= 3, size)
	APPEND(cooperative, matrix)
	APPEND(executables, executable)
	c->features(OBJECT(physical), &features);

	SubgroupProperties subgroup = {1000094000, NULL, 0, 0, 0, 0};
	Maintenance3 m3 = {1000168000, NULL, 0, 0};
	Maintenance4 m4 = {1000413001, NULL, 0};
	SizeProperties sizes = {1000225000, NULL, 0, 0, 0, 0};
	DriverProperties driver = {1000196000, NULL, 0, "", "", {0}};
	Properties2 properties = {1000059001, &subgroup, {0}};
	end = (Chain *)&subgroup;
	APPEND(1, m3)
	APPEND(minor >= 2, driver)
	APPEND(minor >= 3, m4)
	APPEND(minor >= 3, sizes)
#undef APPEND
	c->properties(OBJECT(physical), &properties);

	memcpy(out->driver, driver.name, sizeof out->driver);
	memcpy(out->driverInfo, driver.info, sizeof out->driverInfo);
	out->maxAllocation = m3.allocation;
	out->maxBuffer = m4.buffer;
	out->subgroupSize = subgroup.size;
	out->subgroupStages = subgroup.stages;
	out->subgroupOperations = subgroup.operations;
	out->subgroupMin = sizes.min;
	out->subgroupMax = sizes.max;
	out->float16 = half.float16;
	out->int8 = half.int8;
	out->storage16 = storage.storage;
	out->uniform16 = storage.uniform;
	out->subgroupGroups = sizes.groups;
	out->sizeControl = size.control && sizes.stages & 0x20; // for compute shaders
	out->fullSubgroups = size.full;
	out->memoryModel = model.model;
	out->memoryScope = model.deviceScope;
	out->cooperative = matrix.matrix && model.model && c->matrices;
	out->executables = executable.info && c->executables && c->executableStatistics && c->executableTexts;
	out->statistics = features.features[24];
	out->int64 = features.features[40];
	out->int16 = features.features[41];
	out->budget = c->memory && has_device_extension(c, physical, "VK_EXT_memory_budget");
	out->address = address.address && out->int64 && c->address; // shaders do arithmetic on addresses
}

// memory_budget is what this process may take of each of 16 heaps, and what it has, in bytes; for a device with Caps.budget.
static void memory_budget(Calls *c, Handle physical, uint64_t *budget, uint64_t *usage) {
	MemoryBudget b = {1000237000, NULL, {0}, {0}};
	MemoryProperties2 p = {1000059006, &b, {0}};
	c->memory(OBJECT(physical), &p);
	memcpy(budget, b.budget, sizeof b.budget);
	memcpy(usage, b.usage, sizeof b.usage);
}

// cooperative_matrices lists at most room shapes of matrices and returns how many.
static uint32_t cooperative_matrices(Calls *c, Handle physical, MatrixProperties *out, uint32_t room) {
	uint32_t n = room;
	for (uint32_t i = 0; i < room; i++) out[i] = (MatrixProperties){1000506001, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	return c->matrices && c->matrices(OBJECT(physical), &n, out) >= 0 ? n : 0;
}

// device_create makes a device with one queue of the family and those of the
// features in caps that the shaders of this project use or would use.
static Result device_create(Calls *c, Handle physical, uint32_t family, const Caps *caps, Handle *out) {
	float priority = 1;
	DeviceQueueCreateInfo queue = {2, NULL, 0, family, 1, &priority};
	Storage16 storage = {1000083000, NULL, caps->storage16, caps->uniform16, 0, 0};
	Float16 half = {1000082000, NULL, caps->float16, 0};
	SizeControl size = {1000225002, NULL, caps->sizeControl, caps->fullSubgroups};
	MemoryModel model = {1000211000, NULL, caps->memoryModel, caps->memoryScope, 0};
	Cooperative matrix = {1000506000, NULL, caps->cooperative, 0};
	Executables executable = {1000269000, NULL, caps->executables};
	BufferAddress address = {1000257000, NULL, caps->address, 0, 0};
	Features2 features = {1000059000, NULL, {0}};
	features.features[40] = caps->address; // 64-bit integers
	features.features[41] = caps->int16;
	Chain *end = (Chain *)&features;
#define APPEND(when, s) if (when) { end->pNext = &s; end = (Chain *)&s; }
	APPEND(caps->storage16 || caps->uniform16, storage)
	APPEND(caps->float16, half)
	APPEND(caps->sizeControl, size)
	APPEND(caps->cooperative, model)
	APPEND(caps->cooperative, matrix)
	APPEND(caps->executables, executable)
	APPEND(caps->address, address)
#undef APPEND
	const char *extensions[2];
	uint32_t n = 0;
	if (caps->executables) extensions[n++] = "VK_KHR_pipeline_executable_properties";
	if (caps->cooperative) extensions[n++] = "VK_KHR_cooperative_matrix";
	DeviceCreateInfo info = {3, &features, 0, 1, &queue, 0, NULL, n, extensions, NULL};
	void *device = NULL;
	Result r = c->deviceCreate(OBJECT(physical), &info, NULL, &device);
	*out = (Handle)(uintptr_t)device;
	return r;
}

// ---- calls whose arguments hold arrays of structures ---------------------------------

static Result queue_submit(Calls *c, Handle queue, Handle commands, Handle fence) {
	void *list[1] = {OBJECT(commands)};
	SubmitInfo info = {4, NULL, 0, NULL, NULL, 1, list, 0, NULL};
	return c->submit(OBJECT(queue), 1, &info, fence);
}

// memory_allocate takes memory whose buffers have addresses, where asked for.
static Result memory_allocate(Calls *c, Handle device, uint64_t size, uint32_t type, int address, Handle *out) {
	AllocateFlags flags = {1000060000, NULL, 2, 0};
	AllocateInfo info = {5, address ? &flags : NULL, size, type};
	return c->allocate(OBJECT(device), &info, NULL, out);
}

static uint64_t buffer_address(Calls *c, Handle device, Handle buffer) {
	AddressInfo info = {1000244001, NULL, buffer};
	return c->address(OBJECT(device), &info);
}

static Result fence_wait(Calls *c, Handle device, Handle fence, uint64_t nanoseconds) {
	return c->fenceWait(OBJECT(device), 1, &fence, 1, nanoseconds);
}

static Result fence_reset(Calls *c, Handle device, Handle fence) { return c->fenceReset(OBJECT(device), 1, &fence); }

static void memory_barrier(Calls *c, Handle commands, uint32_t srcStages, uint32_t dstStages, uint32_t srcAccess, uint32_t dstAccess) {
	MemoryBarrier b = {46, NULL, srcAccess, dstAccess};
	c->barrier(OBJECT(commands), srcStages, dstStages, 0, 1, &b, 0, NULL, 0, NULL);
}

static void buffer_copy(Calls *c, Handle commands, Handle dst, uint64_t dstOffset, Handle src, uint64_t srcOffset, uint64_t size) {
	BufferCopy region = {srcOffset, dstOffset, size};
	c->copy(OBJECT(commands), src, dst, 1, &region);
}

// set_update binds a storage buffer (7) or, where there is a view, a uniform texel buffer (4).
static void set_update(Calls *c, Handle device, Handle set, uint32_t binding, Handle buffer, uint64_t offset, uint64_t range, Handle view) {
	BufferInfo info = {buffer, offset, range};
	WriteDescriptorSet w = {35, NULL, set, binding, 0, 1, view ? 4 : 7, NULL, &info, &view};
	c->update(OBJECT(device), 1, &w, 0, NULL);
}

// Bit i of texels makes binding i a uniform texel buffer (4) in place of a storage buffer (7).
static Result set_layout_create(Calls *c, Handle device, uint32_t bindings, uint32_t texels, Handle *out) {
	LayoutBinding *list = calloc(bindings ? bindings : 1, sizeof *list);
	if (!list) return -1;
	for (uint32_t i = 0; i < bindings; i++) list[i] = (LayoutBinding){i, texels >> i & 1 ? 4 : 7, 1, 0x20, NULL}; // compute stage
	SetLayoutCreateInfo info = {32, NULL, 0, bindings, list};
	Result r = c->setLayout(OBJECT(device), &info, NULL, out);
	free(list);
	return r;
}

static Result pipeline_layout_create(Calls *c, Handle device, Handle set, uint32_t pushBytes, Handle *out) {
	PushRange push = {0x20, 0, pushBytes};
	PipelineLayoutCreateInfo info = {30, NULL, 0, 1, &set, pushBytes ? 1u : 0u, &push};
	return c->pipelineLayout(OBJECT(device), &info, NULL, out);
}

static Result descriptor_pool_create(Calls *c, Handle device, uint32_t sets, uint32_t buffers, uint32_t texels, Handle *out) {
	PoolSize sizes[2];
	uint32_t n = 0;
	if (buffers) sizes[n++] = (PoolSize){7, buffers};
	if (texels) sizes[n++] = (PoolSize){4, texels};
	PoolCreateInfo info = {33, NULL, 0, sets, n, sizes};
	return c->pool(OBJECT(device), &info, NULL, out);
}

// subgroup is the size of a subgroup, 0 for the driver's choice; full says that all subgroups of
// a workgroup have it; capture keeps what executable_statistics and executable_texts tell.
static Result compute_pipeline_create(Calls *c, Handle device, Handle cache, Handle module, const char *entry, Handle layout,
                                      const uint32_t *constants, uint32_t count, uint32_t subgroup, int full, int capture, Handle *out) {
	SpecEntry *entries = calloc(count ? count : 1, sizeof *entries);
	if (!entries) return -1;
	for (uint32_t i = 0; i < count; i++) entries[i] = (SpecEntry){i, 4 * i, 4};
	SpecInfo spec = {count, entries, 4 * (size_t)count, constants};
	RequiredSize size = {1000225001, NULL, subgroup};
	StageCreateInfo stage = {18, subgroup ? &size : NULL, full ? 2 : 0, 0x20, module, entry, count ? &spec : NULL};
	ComputeCreateInfo info = {29, NULL, capture ? 0xc0 : 0, stage, layout, 0, -1};
	Result r = c->compute(OBJECT(device), cache, 1, &info, NULL, out);
	free(entries);
	return r;
}

// ---- what a driver's compiler made of a pipeline ----------------------------------------

static Result executable_list(Calls *c, Handle device, Handle pipeline, Executable *out, uint32_t *n) {
	PipelineInfo info = {1000269001, NULL, pipeline};
	for (uint32_t i = 0; i < *n; i++) out[i].sType = 1000269002, out[i].pNext = NULL;
	return c->executables(OBJECT(device), &info, n, out);
}

// executable_statistics makes an array of n, which the caller frees.
static Result executable_statistics(Calls *c, Handle device, Handle pipeline, uint32_t index, ExecutableStatistic **out, uint32_t *n) {
	ExecutableInfo info = {1000269003, NULL, pipeline, index};
	Result r = c->executableStatistics(OBJECT(device), &info, n, NULL);
	if (r || !*n) return r;
	if (!(*out = calloc(*n, sizeof **out))) return -1;
	for (uint32_t i = 0; i < *n; i++) (*out)[i].sType = 1000269004;
	return c->executableStatistics(OBJECT(device), &info, n, *out);
}

static void executable_texts_free(ExecutableText *list, uint32_t n) {
	for (uint32_t i = 0; list && i < n; i++) free(list[i].data);
	free(list);
}

// executable_texts makes an array of n, which the caller frees with executable_texts_free.
static Result executable_texts(Calls *c, Handle device, Handle pipeline, uint32_t index, ExecutableText **out, uint32_t *n) {
	ExecutableInfo info = {1000269003, NULL, pipeline, index};
	Result r = c->executableTexts(OBJECT(device), &info, n, NULL);
	if (r || !*n) return r;
	if (!(*out = calloc(*n, sizeof **out))) return -1;
	for (uint32_t i = 0; i < *n; i++) (*out)[i].sType = 1000269005;
	if ((r = c->executableTexts(OBJECT(device), &info, n, *out))) return r; // sizes only
	for (uint32_t i = 0; i < *n; i++)
		if (!((*out)[i].data = calloc(1, (*out)[i].size + 1))) return -1;
	return c->executableTexts(OBJECT(device), &info, n, *out);
}

// ---- names and regions seen by debuggers -----------------------------------------------

static void object_name(Calls *c, Handle device, int32_t type, Handle object, const char *name) {
	ObjectName info = {1000128000, NULL, type, object, name};
	if (c->objectName && *name) c->objectName(OBJECT(device), &info);
}

static void label_begin(Calls *c, Handle commands, const char *name) {
	Label label = {1000128002, NULL, name, {0, 0, 0, 0}};
	if (c->labelBegin) c->labelBegin(OBJECT(commands), &label);
}

static void label_end(Calls *c, Handle commands) {
	if (c->labelEnd) c->labelEnd(OBJECT(commands));
}

#endif
