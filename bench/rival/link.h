/* SPDX-License-Identifier: MIT */
/* Lists in a ring with a head, as both kernels of the rivals kept them. */
#ifndef BENCH_RIVAL_LINK_H
#define BENCH_RIVAL_LINK_H

#include <stdbool.h>
#include <stddef.h>

struct rival_link {
	struct rival_link *rk_next, *rk_prev;
};

/* The structure of type `type` whose member `member` is at `link`. */
#define RIVAL_ENTRY(link, type, member)                                        \
	((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void
rival_list_init(struct rival_link *head)
{
	head->rk_next = head;
	head->rk_prev = head;
}

static inline bool
rival_list_empty(const struct rival_link *head)
{
	return head->rk_next == head;
}

/* Behind `at`: with the head, as the first. */
static inline void
rival_list_add(struct rival_link *at, struct rival_link *link)
{
	link->rk_next = at->rk_next;
	link->rk_prev = at;
	at->rk_next->rk_prev = link;
	at->rk_next = link;
}

static inline void
rival_list_remove(struct rival_link *link)
{
	link->rk_next->rk_prev = link->rk_prev;
	link->rk_prev->rk_next = link->rk_next;
}

#endif
