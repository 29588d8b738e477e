/* SPDX-License-Identifier: MIT */
/* The end: say why, show where, stop every hart, QUARRY-EXIT code=3. */
#ifndef KERNEL_PANIC_H
#define KERNEL_PANIC_H

/* Message: the thing, the place, the numbers, what to do. Any context. */
_Noreturn void panic(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));

#define KASSERT(cond)                                                          \
	do {                                                                   \
		if (!(cond))                                                   \
			panic("%s:%d: assertion failed: %s", __FILE__,         \
			    __LINE__, #cond);                                  \
	} while (0)

#endif
