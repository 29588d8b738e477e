/* SPDX-License-Identifier: MIT */
/* Many objects at once, all or none; and zeroing. */
#include "kmem_impl.h"

#include <string.h>

bool
kmem_cache_alloc_bulk(
    struct kmem_cache *cp, unsigned flags, size_t n, void **objs)
{
	for (size_t i = 0; i < n; i++) {
		objs[i] = kmem_cache_alloc(cp, flags & ~KMEM_PANIC);
		if (objs[i] == NULL) {
			kmem_cache_free_bulk(cp, i, objs);
			if ((flags & KMEM_PANIC) != 0)
				port_panic(__FILE__, __LINE__, cp->c_name,
				    cp->c_size, n);
			return false;
		}
	}
	return true;
}

void
kmem_cache_free_bulk(struct kmem_cache *cp, size_t n, void **objs)
{
	for (size_t i = 0; i < n; i++)
		kmem_cache_free(cp, objs[i]);
}

void *
kmem_cache_zero(struct kmem_cache *cp, void *obj)
{
	/* Zeroing would destroy the constructed state: a bug of the caller. */
	MM_ASSERT2(cp->c_ctor == NULL, cp->c_name, obj);
	if (obj != NULL)
		memset(obj, 0, cp->c_size);
	return obj;
}
