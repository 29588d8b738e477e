/* SPDX-License-Identifier: MIT */
/*
 * Heaps that are caches of kmem: made and destroyed here for all adapters of
 * kmem, used by each of them in line.
 *
 * A name must be the machine's only one, and comparing it must cost the same in
 * each run, so a number of fixed width follows it, the first that is free.
 */
#include <string.h>

#include "codes.h"

#define SERIALS  4096u /* three digits of four bits */
#define ATTEMPTS 5000u

bool (*lab_kmem_patience)(unsigned attempt);

static void
name_heap(char to[KMEM_NAME_MAX], const char *from, unsigned serial)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < KMEM_NAME_MAX - 5u && from[i] != '\0'; i++)
		to[i] = from[i];
	to[i++] = '#';
	to[i++] = digits[serial >> 8 & 15u];
	to[i++] = digits[serial >> 4 & 15u];
	to[i++] = digits[serial & 15u];
	to[i] = '\0';
}

struct kmem_cache *
lab_kmem_create(const struct lab_spec *spec, unsigned flags)
{
	const struct kmem_options opt = { .align = spec->ls_align,
		.ctor = spec->ls_ctor,
		.arg = spec->ls_arg,
		.magazine = spec->ls_mag,
		.flags = flags | (spec->ls_line ? KMEM_HWALIGN : 0u) |
		    (spec->ls_flat ? KMEM_NOCOLOUR : 0u) };
	char name[KMEM_NAME_MAX];
	struct kmem_cache *cp;
	unsigned serial;
	int err;

	for (serial = 0; serial < SERIALS; serial++) {
		name_heap(name, spec->ls_name, serial);
		err = kmem_cache_create(&cp, name, spec->ls_size, &opt, NULL);
		if (err == 0)
			return cp;
		if (err != -KMEM_EEXIST)
			break;
	}
	return NULL;
}

void
lab_kmem_destroy(struct kmem_cache *cp)
{
	struct kmem_stats st;
	unsigned attempt;

	if (cp == NULL)
		return;
	for (attempt = 0; attempt < ATTEMPTS; attempt++) {
		if (kmem_cache_destroy(cp) != -KMEM_EBUSY)
			return;
		kmem_cache_stats(cp, &st);
		if (st.objects_inuse != 0) {
			lab_fault("the load did not free all it allocated; "
				  "slab.stat(\"*#*\") shows what is left");
			return;
		}
		/* A walker holds it for a moment. */
		if (lab_kmem_patience == NULL || !lab_kmem_patience(attempt))
			break;
	}
	lab_fault("a heap could not be destroyed: somebody holds it");
}
