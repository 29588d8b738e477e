/* SPDX-License-Identifier: MIT */
/* Calls into the firmware (RISC-V SBI specification 1.0 and the legacy set). */
#ifndef ARCH_SBI_H
#define ARCH_SBI_H

#include <stdbool.h>
#include <stdint.h>

#define SBI_SUCCESS             0
#define SBI_ERR_NOT_SUPPORTED   (-2)
#define SBI_ERR_ALREADY_STARTED (-6)

enum sbi_extension {
	SBI_EXT_TIME,
	SBI_EXT_IPI,
	SBI_EXT_HSM,
	SBI_EXT_SRST,
	SBI_EXT_COUNT
};

struct sbi_info {
	uint64_t spec_major, spec_minor; /* 0.1: no base extension */
	uint64_t implementation, version;
	bool has[SBI_EXT_COUNT];
};

/* Ask what is there; before any other call but the console's. */
void sbi_init(void);
const struct sbi_info *sbi_get_info(void);

void sbi_putchar(char c);
int sbi_getchar(void); /* -1: nothing */

/* Next timer interrupt at `time`; clears the pending one. */
void sbi_set_timer(uint64_t time);
/* Software interrupt to one hart, by the SBI's number. Returns its error. */
long sbi_send_ipi(uint64_t hartid);

/* HSM. */
long sbi_hart_start(uint64_t hartid, uint64_t entry, uint64_t opaque);
long sbi_hart_status(uint64_t hartid); /* >= 0 state, < 0 error */

/* Return only when refused. */
void sbi_shutdown(void);
void sbi_reboot(void);

#endif
