// What the device says of itself: limits, features, extensions.
#include "poser.h"
#include <stddef.h>

static char words[4096];

static const char *find(const char *word) {
	size_t n = strlen(word);
	for (const char *s = words; *s; s += strcspn(s, " "), s += strspn(s, " "))
		if (!strncmp(s, word, n) && s[n] == '=') return s + n + 1;
	return NULL;
}

uint64_t amount(const char *s, const char **end) {
	uint64_t v = strtoull(s, (char **)end, 0);
	const char *unit = **end ? strchr("KMG", **end) : NULL;
	if (unit) {
		v <<= 10 * (unit - "KMG" + 1);
		++*end;
	}
	return v;
}

uint64_t number(const char *word, uint64_t otherwise) {
	const char *end, *s = find(word);
	return s ? amount(s, &end) : otherwise;
}

const char *text(const char *word) {
	static __thread char value[1024];
	const char *s = find(word);
	if (!s) return NULL;
	snprintf(value, sizeof value, "%.*s", (int)strcspn(s, " "), s);
	return value;
}

// lower a limit, never raise it; raise an alignment, never lower it; mask bits.
static void lower(void *field, size_t size, uint64_t v) {
	if (size == 4 && *(uint32_t *)field > v) *(uint32_t *)field = (uint32_t)v;
	if (size == 8 && *(uint64_t *)field > v) *(uint64_t *)field = v;
}

#define L(word, field) {word, offsetof(VkPhysicalDeviceLimits, field), sizeof(((VkPhysicalDeviceLimits *)0)->field)}
static const struct { const char *word; size_t offset, size; } limits[] = {
	L("shared", maxComputeSharedMemorySize),
	L("invocations", maxComputeWorkGroupInvocations),
	L("sizex", maxComputeWorkGroupSize[0]), L("sizey", maxComputeWorkGroupSize[1]), L("sizez", maxComputeWorkGroupSize[2]),
	L("groups", maxComputeWorkGroupCount[0]), L("groups", maxComputeWorkGroupCount[1]), L("groups", maxComputeWorkGroupCount[2]),
	L("push", maxPushConstantsSize),
	L("range", maxStorageBufferRange),
	L("texels", maxTexelBufferElements),
	L("bindings", maxPerStageDescriptorStorageBuffers), L("bindings", maxDescriptorSetStorageBuffers),
	L("sampled", maxPerStageDescriptorSampledImages), L("sampled", maxDescriptorSetSampledImages),
	L("resources", maxPerStageResources),
	L("sets", maxBoundDescriptorSets),
	L("allocations", maxMemoryAllocationCount),
};

// Fields of structures that follow in a chain, by the numbers of the specification: the header here is older than some.
// A word that is 0 takes a feature away; of limits (how '<') it is the most; of sets of bits (how '&') it says which may stay.
static const struct { int type; size_t offset, size; char how; const char *word; } chained[] = {
	{1000094000, 8, 4, '&', "ops"},        // subgroups
	{1000168000, 8, 8, '<', "allocation"}, // maintenance 3
	{1000413001, 0, 8, '<', "buffer"},     // maintenance 4
	{1000225000, 8, 4, '<', "subgroups"}, {1000225000, 12, 4, 0, "sizecontrol"}, // sizes of subgroups
	{1000225002, 0, 4, 0, "sizecontrol"}, {1000225002, 4, 4, 0, "sizecontrol"},
	{1000083000, 0, 4, 0, "storage16"}, {1000083000, 4, 4, 0, "storage16"}, {1000083000, 8, 4, 0, "storage16"}, {1000083000, 12, 4, 0, "storage16"},
	{1000082000, 0, 4, 0, "float16"}, {1000082000, 4, 4, 0, "int8"},
	{1000177000, 0, 4, 0, "storage8"}, {1000177000, 4, 4, 0, "storage8"}, {1000177000, 8, 4, 0, "storage8"},
	{1000257000, 0, 4, 0, "address"}, {1000257000, 4, 4, 0, "address"}, {1000257000, 8, 4, 0, "address"},
	{1000211000, 0, 4, 0, "model"}, {1000211000, 4, 4, 0, "model"}, {1000211000, 8, 4, 0, "model"},
	{1000207000, 0, 4, 0, "timeline"},
	{1000314007, 0, 4, 0, "sync2"},
	{1000178000, 0, 8, '>', "hostalign"}, // external memory of the host
	{49, 0, 4, 0, "storage16"}, {49, 4, 4, 0, "storage16"}, {49, 8, 4, 0, "storage16"}, {49, 12, 4, 0, "storage16"}, // features of 1.1
	{50, 56, 4, '&', "ops"}, {50, 88, 8, '<', "allocation"},                                                         // properties of 1.1
	{51, 8, 4, 0, "storage8"}, {51, 12, 4, 0, "storage8"}, {51, 16, 4, 0, "storage8"}, {51, 28, 4, 0, "float16"},   // features of 1.2
	{51, 32, 4, 0, "int8"}, {51, 152, 4, 0, "address"}, {51, 156, 4, 0, "address"}, {51, 160, 4, 0, "address"},
	{51, 164, 4, 0, "model"}, {51, 168, 4, 0, "model"}, {51, 172, 4, 0, "model"},
	{53, 28, 4, 0, "sizecontrol"}, {53, 32, 4, 0, "sizecontrol"}, {53, 36, 4, 0, "sync2"}, // features of 1.3
	{54, 8, 4, '<', "subgroups"}, {54, 12, 4, 0, "sizecontrol"},                           // properties of 1.3
};

// Words that are read elsewhere.
static const char *const others[] = {"api", "type", "name", "align", "timestamps", "bits", "int64", "int16", "float64", "statistics", "robust", "without",
	"types", "heaps", "heap", "budget", "families"};

static int known(const char *s, size_t n) {
#define KNOWN(list, member) for (size_t i = 0; i < sizeof list / sizeof *list; i++) if (strlen(list[i] member) == n && !strncmp(s, list[i] member, n)) return 1
	KNOWN(limits, .word);
	KNOWN(chained, .word);
	KNOWN(others, );
	return 0;
}

void limits_read(void) {
	const char *s = getenv("POSER_LIMITS");
	snprintf(words, sizeof words, "%s", s ? s : "");
	for (s = words + strspn(words, " "); *s; s += strcspn(s, " "), s += strspn(s, " ")) {
		size_t n = strcspn(s, "= ");
		if (s[n] == '=' && known(s, n)) continue;
		fprintf(stderr, "poser: POSER_LIMITS: \"%.*s\" is no word of the form NAME=VALUE that this driver knows\n", (int)strcspn(s, " "), s);
		exit(3);
	}
}

static void say_limits(VkPhysicalDeviceProperties *p) {
	VkPhysicalDeviceLimits *l = &p->limits;
	uint64_t align = number("align", 0), minor = number("api", 99);
	const char *name = text("name");
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
		lower((char *)l + limits[i].offset, limits[i].size, number(limits[i].word, UINT64_MAX));
	if (l->minStorageBufferOffsetAlignment < align) l->minStorageBufferOffsetAlignment = align;
	if (l->minTexelBufferOffsetAlignment < align) l->minTexelBufferOffsetAlignment = align;
	if (l->minUniformBufferOffsetAlignment < align) l->minUniformBufferOffsetAlignment = align;
	if (!number("timestamps", 1)) l->timestampComputeAndGraphics = 0, l->timestampPeriod = 0;
	if (minor < VK_VERSION_MINOR(p->apiVersion)) p->apiVersion = VK_MAKE_VERSION(1, (uint32_t)minor, 0);
	p->deviceType = (VkPhysicalDeviceType)number("type", p->deviceType);
	if (name) snprintf(p->deviceName, sizeof p->deviceName, "%s", name);
}

static void say_chain(void *next) {
	for (VkBaseOutStructure *s = next; s; s = s->pNext)
		for (size_t i = 0; i < sizeof chained / sizeof *chained; i++) {
			void *field = (char *)(s + 1) + chained[i].offset;
			uint64_t v = number(chained[i].word, UINT64_MAX);
			if (chained[i].type != (int)s->sType || v == UINT64_MAX) continue;
			if (chained[i].how == '&') *(uint32_t *)field &= (uint32_t)v;
			else if (chained[i].how == '<') lower(field, chained[i].size, v);
			else if (chained[i].how == '>' && *(uint64_t *)field < v) *(uint64_t *)field = v;
			else if (!chained[i].how && !v) *(uint32_t *)field = 0;
		}
}

static void say_features(VkPhysicalDeviceFeatures *f) {
	if (!number("int64", 1)) f->shaderInt64 = 0;
	if (!number("int16", 1)) f->shaderInt16 = 0;
	if (!number("float64", 1)) f->shaderFloat64 = 0;
	if (!number("robust", 1)) f->robustBufferAccess = 0;
	if (!number("statistics", 1)) f->pipelineStatisticsQuery = 0;
}

static void properties(VkPhysicalDevice d, VkPhysicalDeviceProperties *p) {
	behind.vkGetPhysicalDeviceProperties(d, p);
	say_limits(p);
}

static void properties2(VkPhysicalDevice d, VkPhysicalDeviceProperties2 *p) {
	behind.vkGetPhysicalDeviceProperties2(d, p);
	say_limits(&p->properties);
	say_chain(p->pNext);
}

static void features(VkPhysicalDevice d, VkPhysicalDeviceFeatures *f) {
	behind.vkGetPhysicalDeviceFeatures(d, f);
	say_features(f);
}

static void features2(VkPhysicalDevice d, VkPhysicalDeviceFeatures2 *f) {
	behind.vkGetPhysicalDeviceFeatures2(d, f);
	say_features(&f->features);
	say_chain(f->pNext);
}

// lacks: whether an extension is among those of the word "without", which are divided by commas; * is all of them.
static int lacks(const char *extension) {
	const char *s = text("without");
	size_t n = strlen(extension);
	for (; s && *s; s += strcspn(s, ","), s += strspn(s, ","))
		if (*s == '*' || (strcspn(s, ",") == n && !strncmp(s, extension, n))) return 1;
	return 0;
}

static VkResult extensions(VkPhysicalDevice d, const char *layer, uint32_t *n, VkExtensionProperties *out) {
	VkExtensionProperties list[512];
	uint32_t got = sizeof list / sizeof *list, kept = 0;
	VkResult r = behind.vkEnumerateDeviceExtensionProperties(d, layer, &got, list);
	if (r < 0) return r;
	if (!layer && got < sizeof list / sizeof *list && number("budget", 0)) list[got++] = (VkExtensionProperties){"VK_EXT_memory_budget", 1}; // which memory.c answers
	for (uint32_t i = 0; i < got; i++) {
		if (lacks(list[i].extensionName)) continue;
		if (out && kept == *n) return VK_INCOMPLETE;
		if (out) out[kept] = list[i];
		kept++;
	}
	*n = kept;
	return VK_SUCCESS;
}

PFN_vkVoidFunction limits_function(const char *name) {
	if (is(name, "vkGetPhysicalDeviceProperties")) return (PFN_vkVoidFunction)properties;
	if (is(name, "vkGetPhysicalDeviceProperties2")) return (PFN_vkVoidFunction)properties2;
	if (is(name, "vkGetPhysicalDeviceFeatures")) return (PFN_vkVoidFunction)features;
	if (is(name, "vkGetPhysicalDeviceFeatures2")) return (PFN_vkVoidFunction)features2;
	if (is(name, "vkEnumerateDeviceExtensionProperties")) return (PFN_vkVoidFunction)extensions;
	return NULL;
}
