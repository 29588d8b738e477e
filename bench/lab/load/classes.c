/* SPDX-License-Identifier: MIT */
/*
 * Objects of mixed sizes, on typed heaps: one heap per size class. Finding the
 * class is the load's work, the same code for every allocator, so that a
 * figure is the cost of the allocator below it. Included by loads.
 */
#ifndef LAB_LOAD_CLASSES
#define LAB_LOAD_CLASSES

#define CLASSES         14u
#define CLASS_LARGEST   16384u /* bytes */
#define CLASS_TABLE_MAX 256u   /* bytes that the table knows */

static const struct class_kind {
	const char *ck_name;
	size_t ck_bytes;
} class_kinds[CLASSES] = {
	{ "c-8", 8 },
	{ "c-16", 16 },
	{ "c-32", 32 },
	{ "c-64", 64 },
	{ "c-96", 96 },
	{ "c-128", 128 },
	{ "c-192", 192 },
	{ "c-256", 256 },
	{ "c-512", 512 },
	{ "c-1024", 1024 },
	{ "c-2048", 2048 },
	{ "c-4096", 4096 },
	{ "c-8192", 8192 },
	{ "c-16384", 16384 },
};

/* Classes by eights of bytes, rounded up. */
static const uint8_t class_table[CLASS_TABLE_MAX / 8u + 1u] = { 0, 0, 1, 2, 2,
	3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 6, 7, 7, 7, 7,
	7, 7, 7, 7 };

/* An object, and the heap to free it to. */
struct item {
	void *it_obj; /* NULL: none */
	uint32_t it_class;
};

/* `bytes` at most CLASS_LARGEST. Above the table a class is a power of two. */
static inline unsigned
class_of(size_t bytes)
{
	if (bytes <= CLASS_TABLE_MAX)
		return class_table[(bytes + 7u) / 8u];
	return 63u - (unsigned)__builtin_clzll(bytes - 1u);
}

static inline void
classes_close(struct lab_run *run)
{
	unsigned i;

	for (i = 0; i < run->lr_heaps; i++)
		adapter_destroy(run->lr_heap[i]);
	run->lr_heaps = 0;
}

/* The heaps for objects of up to `largest` bytes; all or none. */
static inline bool
classes_open(struct lab_run *run, size_t largest)
{
	unsigned last = class_of(largest), i;

	run->lr_heaps = 0;
	for (i = 0; i <= last; i++) {
		const struct lab_spec spec = { .ls_name =
						   class_kinds[i].ck_name,
			.ls_size = class_kinds[i].ck_bytes };

		run->lr_heap[i] = adapter_create(&spec);
		if (run->lr_heap[i] == NULL) {
			classes_close(run);
			return false;
		}
		run->lr_heaps++;
	}
	return true;
}

static inline bool
item_alloc(const struct lab_run *run, struct item *it, size_t bytes)
{
	it->it_class = class_of(bytes);
	it->it_obj = adapter_alloc(run->lr_heap[it->it_class]);
	return it->it_obj != NULL;
}

static inline void
item_free(const struct lab_run *run, struct item *it)
{
	adapter_free(run->lr_heap[it->it_class], it->it_obj);
	it->it_obj = NULL;
}

/* Free those that hold an object. */
static inline void
items_drop(const struct lab_run *run, struct item *items, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (items[i].it_obj != NULL)
			item_free(run, &items[i]);
}

/* An inclusive range of sizes, from a user's parameters. */
struct sizes {
	uint32_t sz_min, sz_span; /* bytes; span is at least 1 */
};

static inline struct sizes
sizes_between(uint64_t least, uint64_t most)
{
	uint64_t min = least != 0 ? least : 1u;
	uint64_t max = most > min ? most : min;

	if (max > CLASS_LARGEST)
		max = CLASS_LARGEST;
	if (min > max)
		min = max;
	return (struct sizes){ (uint32_t)min, (uint32_t)(max - min + 1u) };
}

/* Every size is as likely. `r` is random; its low 32 bits are used. */
static inline size_t
size_even(struct sizes sz, uint64_t r)
{
	return sz.sz_min + (uint32_t)r % sz.sz_span;
}

/*
 * The smaller of two even ones: likelihood falls linearly with the size. All
 * 64 bits are used.
 */
static inline size_t
size_falling(struct sizes sz, uint64_t r)
{
	uint32_t a = (uint32_t)r % sz.sz_span;
	uint32_t b = (uint32_t)(r >> 32) % sz.sz_span;
	/* Without a branch: it is counted, but no one need guess it. */
	uint32_t less = (uint32_t) - (int32_t)(a < b);

	return sz.sz_min + ((a & less) | (b & ~less));
}

/*
 * Pareto of index 1: P(size >= s) = min / s, so that a size's likelihood falls
 * with its square; cut at the end of the range. 16 bits of `r` are used.
 */
static inline size_t
size_pareto(struct sizes sz, uint64_t r)
{
	uint32_t size = (sz.sz_min << 16) / ((uint32_t)(r & 0xffffu) + 1u);
	uint32_t most = sz.sz_min + sz.sz_span - 1u;

	return size < most ? size : most;
}

#endif
