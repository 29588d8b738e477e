/* SPDX-License-Identifier: MIT */
/*
 * Doubly linked intrusive list with a head node. An unlinked node points at
 * itself, so that unlinking twice is harmless to others and testable.
 */
#ifndef MM_LIST_H
#define MM_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct list {
	struct list *l_next, *l_prev;
};

#define LIST_ENTRY(node, type, member)                                         \
	((type *)((uintptr_t)(node)-offsetof(type, member)))

static inline void
list_init(struct list *l)
{
	l->l_next = l;
	l->l_prev = l;
}

static inline bool
list_empty(const struct list *l)
{
	return l->l_next == l;
}

static inline void
list_add(struct list *head, struct list *node)
{
	node->l_next = head->l_next;
	node->l_prev = head;
	head->l_next->l_prev = node;
	head->l_next = node;
}

static inline void
list_add_tail(struct list *head, struct list *node)
{
	list_add(head->l_prev, node);
}

static inline void
list_remove(struct list *node)
{
	node->l_prev->l_next = node->l_next;
	node->l_next->l_prev = node->l_prev;
	list_init(node);
}

#endif
