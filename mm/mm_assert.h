/* SPDX-License-Identifier: MIT */
/*
 * Assertions of mm. MM_ASSERT stays in every build: it guards state changes
 * off the hot path and costs a compare. A failure is a bug of ours and ends
 * the machine with the place, the fact and two numbers.
 */
#ifndef MM_ASSERT_H
#define MM_ASSERT_H

#include <mm/port.h>

#define MM_ASSERT2(cond, a, b)                                                 \
	do {                                                                   \
		if (__builtin_expect(!(cond), 0))                              \
			port_panic(__FILE__, __LINE__, #cond, (uintptr_t)(a),  \
			    (uintptr_t)(b));                                   \
	} while (0)

#define MM_ASSERT(cond) MM_ASSERT2(cond, 0, 0)

#endif
