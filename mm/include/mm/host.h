/* SPDX-License-Identifier: MIT */
/* mm on a workstation: one thread per hart. Implementation: tests/host. */
#ifndef MM_HOST_H
#define MM_HOST_H

#include <stddef.h>

/* Map `bytes` of memory as one zone and start mm for `harts` harts. 0 or -1. */
int mm_host_init(size_t bytes, unsigned harts);
/* The calling thread is this hart from now on; one thread per hart. */
void mm_host_attach(unsigned hart);
/* Unmap everything; the caller has destroyed what it created. */
void mm_host_fini(void);

#endif
