/* SPDX-License-Identifier: MIT */
/*
 * Heap errors: judging an address that is freed, and reporting.
 *
 * A report allocates nothing, is made with no lock held, and is counted once.
 * Facts about an address come from the frame records and the slab descriptor;
 * an address in no zone is judged without being read.
 */
#include "kmem_impl.h"

static _Atomic uint64_t error_counts[MM_ERRORS_MAX];
static _Atomic uint64_t error_seq;

const char *
mm_error_name(enum mm_error kind)
{
	static const char *const names[MM_ERRORS_MAX] = {
		[MM_DOUBLE_FREE] = "double-free",
		[MM_WRONG_CACHE] = "wrong-cache",
		[MM_INTERIOR_FREE] = "interior-free",
		[MM_FOREIGN_FREE] = "foreign-free",
		[MM_BAD_POINTER] = "bad-pointer",
		[MM_REDZONE_LEFT] = "redzone-left",
		[MM_REDZONE_RIGHT] = "redzone-right",
		[MM_POISON] = "poison",
		[MM_CTOR_STATE] = "ctor-state",
		[MM_FREELIST] = "freelist",
		[MM_LEAK] = "leak",
		[MM_DESTROY_BUSY] = "destroy-busy",
		[MM_BAD_SIZE] = "bad-size",
		[MM_CONTEXT] = "context",
	};

	return kind < MM_ERRORS_MAX ? names[kind] : "unknown";
}

uint64_t
kmem_errors(unsigned kind)
{
	if (kind >= MM_ERRORS_MAX)
		return 0;
	return atomic_load_explicit(&error_counts[kind], memory_order_relaxed);
}

uint64_t
kmem_errors_total(void)
{
	return atomic_load_explicit(&error_seq, memory_order_relaxed);
}

void
kmem_errors_reset(void)
{
	for (unsigned i = 0; i < MM_ERRORS_MAX; i++)
		atomic_store_explicit(
		    &error_counts[i], 0, memory_order_relaxed);
	atomic_store_explicit(&error_seq, 0, memory_order_relaxed);
}

/* Objects not free in a slab whose lock we do not hold: by its bits. */
static unsigned
slab_out(struct slab *sp)
{
	unsigned out = sp->s_total;

	for (unsigned i = 0; i < sp->s_total; i += 64)
		out -= bits_set(counter_read(slab_free_word(sp, i)));
	return out;
}

/* Where the address lies, as far as the records know. */
static void
report_place(struct mm_report *r, uintptr_t addr)
{
	struct slab *sp = slab_of(addr);
	long index;

	if (sp == NULL) {
		size_t frames;

		if (frame_lookup(addr, NULL) != FRAME_TAG_KMALLOC)
			return;
		r->base = frame_run_base(addr, &frames);
		r->size = frames * FRAME_SIZE;
		r->offset = (intptr_t)(addr - r->base);
		return;
	}
	r->slab = slab_base(sp);
	r->inuse = slab_out(sp);
	r->total = sp->s_total;
	r->size = sp->s_cache->c_size;
	kmem_name_copy(r->owner, sp->s_cache->c_name, sizeof(r->owner));
	index = slab_index(sp, addr);
	if (index < 0)
		return;
	r->base = slab_object(sp, (unsigned)index);
	r->offset = (intptr_t)(addr - r->base);
}

void
kmem_report(struct kmem_cache *cp, enum mm_error kind, uintptr_t addr,
    uintptr_t caller, const char *detail)
{
	struct mm_report r = { .kind = kind, .obj = addr, .caller = caller };

	MM_ASSERT2(kind < MM_ERRORS_MAX, kind, addr);
	kmem_name_copy(r.cache, cp != NULL ? cp->c_name : "-", sizeof(r.cache));
	kmem_name_copy(r.owner, "-", sizeof(r.owner));
	report_place(&r, addr);
	r.hart = port_hart_self();
	r.action = "reported";
	r.detail = detail;
	atomic_fetch_add_explicit(&error_counts[kind], 1, memory_order_relaxed);
	r.seq =
	    atomic_fetch_add_explicit(&error_seq, 1, memory_order_relaxed) + 1;
	if (cp != NULL)
		atomic_fetch_add_explicit(
		    &cp->c_errors, 1, memory_order_relaxed);
	port_report(&r);
}

void
kmem_report_misuse(
    struct kmem_cache *cp, unsigned kind, uintptr_t addr, const char *detail)
{
	kmem_report(cp, (enum mm_error)kind, addr,
	    (uintptr_t)__builtin_return_address(0), detail);
}

bool
kmem_free_allowed(struct kmem_cache *cp, uintptr_t addr, uintptr_t caller,
    struct slab **slab, unsigned *index)
{
	struct slab *sp = slab_of(addr);
	long i;

	if (sp == NULL && frame_lookup(addr, NULL) == FRAME_TAG_KMALLOC) {
		kmem_report(cp, MM_INTERIOR_FREE, addr, caller,
		    "inside a large kmalloc, not its first byte");
		return false;
	}
	if (sp == NULL) {
		kmem_report(cp, MM_FOREIGN_FREE, addr, caller,
		    "no cache owns this address");
		return false;
	}
	if (cp != NULL && sp->s_cache != cp) {
		kmem_report(cp, MM_WRONG_CACHE, addr, caller,
		    "the object belongs to another cache");
		return false;
	}
	i = slab_index(sp, addr);
	if (i < 0) {
		kmem_report(cp != NULL ? cp : sp->s_cache, MM_BAD_POINTER, addr,
		    caller, "in a slab, but in none of its objects");
		return false;
	}
	if (slab_object(sp, (unsigned)i) != addr) {
		kmem_report(cp != NULL ? cp : sp->s_cache, MM_INTERIOR_FREE,
		    addr, caller, "not the first byte of its object");
		return false;
	}
	*slab = sp;
	*index = (unsigned)i;
	return true;
}

int
kmem_free_checked(struct kmem_cache *cp, uintptr_t addr)
{
	uintptr_t caller = (uintptr_t)__builtin_return_address(0);
	struct slab *sp;
	unsigned index;
	size_t frames;

	if (cp == NULL && frame_lookup(addr, NULL) == FRAME_TAG_KMALLOC &&
	    frame_run_base(addr, &frames) == addr) {
		frame_free((void *)addr, frames);
		return 0;
	}
	if (!kmem_free_allowed(cp, addr, caller, &sp, &index))
		return -KMEM_EINVAL;
	if (slab_is_free(sp, index)) {
		kmem_report(sp->s_cache, MM_DOUBLE_FREE, addr, caller,
		    "the object is free in its slab");
		return -KMEM_EINVAL;
	}
	return kmem_free_from(sp->s_cache, (void *)addr, caller) ? 0
								 : -KMEM_EINVAL;
}

bool
kmem_context_refused(const char *what, uintptr_t caller)
{
	if (!port_in_interrupt())
		return false;
	kmem_report(NULL, MM_CONTEXT, 0, caller, what);
	return true;
}
