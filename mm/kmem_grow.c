/* SPDX-License-Identifier: MIT */
/*
 * Making a slab, and unmaking it: frames, descriptor, colour, constructors.
 * Theory of operation: mm/kmem_slab.c, 1, 5 and 6. Runs with no lock held but
 * for the colour cursor.
 */
#include "kmem_impl.h"

void
slab_destruct(struct kmem_cache *cp, const struct slab *sp, unsigned n)
{
	if (cp->c_dtor == NULL)
		return;
	for (unsigned i = 0; i < n; i++)
		cp->c_dtor((void *)slab_object(sp, i), cp->c_arg);
	atomic_fetch_add_explicit(&cp->c_dtor_calls, n, memory_order_relaxed);
}

static bool
slab_construct(struct kmem_cache *cp, const struct slab *sp)
{
	if (cp->c_ctor == NULL)
		return true;
	for (unsigned i = 0; i < sp->s_total; i++) {
		if (cp->c_ctor((void *)slab_object(sp, i), cp->c_arg) != 0) {
			slab_destruct(cp, sp, i);
			return false;
		}
		atomic_fetch_add_explicit(
		    &cp->c_ctor_calls, 1, memory_order_relaxed);
	}
	return true;
}

size_t
slab_discard(struct kmem_cache *cp, struct slab *sp)
{
	void *run = (void *)slab_base(sp);
	size_t frames = sp->s_frames;
	size_t descriptor = 0;

	if (!cp->c_embedded)
		descriptor = slab_descriptor_free(cp, sp);
	frame_free(run, frames);
	return frames + descriptor;
}

/* A run for a slab: the good length, else the shortest that holds an object. */
static void *
slab_run(struct kmem_cache *cp, unsigned flags, bool *is_short)
{
	const struct geometry *g = &cp->c_geo;
	unsigned low = (cp->c_flags & KMEM_LOW) != 0 ? FRAME_LOW : 0;
	size_t align = g->g_align > FRAME_SIZE ? g->g_align >> FRAME_SHIFT : 1;
	bool wait = (flags & KMEM_NOWAIT) == 0;
	void *run;

	*is_short = false;
	run = frame_alloc(
	    g->g_frames, align, low | FRAME_NOWAIT, cp->c_frame_tag);
	if (run != NULL)
		return run;
	*is_short = true;
	if (g->g_short_frames < g->g_frames) {
		run = frame_alloc(g->g_short_frames, align, low | FRAME_NOWAIT,
		    cp->c_frame_tag);
		if (run != NULL)
			return run;
	}
	if (!wait)
		return NULL;
	return frame_alloc(g->g_short_frames, align, low, cp->c_frame_tag);
}

/* A descriptor for a run, all objects free, and the frames that lead to it. */
static void
slab_format(struct kmem_cache *cp, struct slab *sp, void *run, bool is_short)
{
	const struct geometry *g = &cp->c_geo;
	const struct frame_span *span;
	unsigned left;

	list_init(&sp->s_node);
	sp->s_cache = cp;
	sp->s_frames = (uint16_t)(is_short ? g->g_short_frames : g->g_frames);
	sp->s_total = (uint16_t)(is_short ? g->g_short_objects : g->g_objects);
	sp->s_first = cp->c_embedded
	    ? (uint32_t)(sp->s_frames * FRAME_SIZE - sp->s_total * g->g_stride)
	    : 0;
	sp->s_origin = (uintptr_t)run + sp->s_first;
	sp->s_inuse = 0;
	sp->s_free_at = cp->c_live ? (uint16_t)g->g_words : 0;
	sp->s_bucket = SLAB_EMPTY;
	sp->s_hint = 0;
	for (unsigned w = 0; w < sp->s_free_at; w++)
		shared_store_bits(&sp->s_bits[w], 0);
	left = sp->s_total;
	for (unsigned i = 0; i < sp->s_total; i += 64, left -= 64)
		shared_store_bits(slab_free_word(sp, i),
		    left >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << left) - 1);
	frame_set_slab(run, sp->s_frames, (uintptr_t)sp);
	span = frame_span_of((uintptr_t)run);
	if (atomic_load_explicit(&cp->c_span, memory_order_relaxed) != span)
		atomic_store_explicit(&cp->c_span, span, memory_order_relaxed);
}

/* Everything of a slab but its objects' construction and its list. */
static struct slab *
slab_make(struct kmem_cache *cp, unsigned flags)
{
	const struct geometry *g = &cp->c_geo;
	bool is_short;
	void *run = slab_run(cp, flags, &is_short);
	struct slab *sp = run;
	if (run == NULL)
		return NULL;
	if (!cp->c_embedded)
		sp = slab_descriptor_alloc(cp, flags);
	if (sp == NULL) {
		frame_free(run, is_short ? g->g_short_frames : g->g_frames);
		return NULL;
	}
	slab_format(cp, sp, run, is_short);
	return sp;
}

/* The next colour; a short slab has none to give. */
static void
slab_colour(struct kmem_cache *cp, struct slab *sp)
{
	const struct geometry *g = &cp->c_geo;
	unsigned colour;

	if (g->g_colours < 2 || sp->s_total != g->g_objects)
		return;
	slab_lock(cp);
	colour = cp->c_colour_next;
	cp->c_colour_next = colour + 1 < g->g_colours ? colour + 1 : 0;
	slab_unlock(cp);
	sp->s_first = (uint32_t)(colour * g->g_colour_step);
	sp->s_origin += sp->s_first;
	MM_ASSERT2(sp->s_first + sp->s_total * g->g_stride <=
		sp->s_frames * FRAME_SIZE,
	    sp->s_first, sp->s_total);
}

struct slab *
slab_build(struct kmem_cache *cp, unsigned flags)
{
	struct slab *sp = slab_make(cp, flags);

	if (sp == NULL)
		return NULL;
	slab_colour(cp, sp);
	if (slab_construct(cp, sp))
		return sp;
	(void)slab_discard(cp, sp);
	return NULL;
}
