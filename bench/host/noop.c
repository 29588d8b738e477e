/* SPDX-License-Identifier: MIT */
/*
 * Functions of the host comparison that its loops may not see the bodies of:
 * the callees of noop, and the constructor.
 */
#include "host.h"

void *
host_noop_alloc(void *obj)
{
	return obj;
}

void
host_noop_free(void *obj)
{
	(void)obj;
}

int
host_construct(void *obj, void *arg)
{
	struct built *b = obj;

	(void)arg;
	for (unsigned i = 0; i < 6; i++)
		b->bu_lists[i].bl_next = b->bu_lists[i].bl_prev =
		    &b->bu_lists[i];
	b->bu_lock = 0;
	b->bu_refs = 1;
	b->bu_self = b;
	for (unsigned i = 0; i < 18; i++)
		b->bu_words[i] = i * 0x9e3779b97f4a7c15u;
	return 0;
}
