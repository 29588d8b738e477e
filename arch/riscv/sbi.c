/* SPDX-License-Identifier: MIT */
/*
 * Calls into the firmware. What the newer specification has is preferred; the
 * legacy call does where an extension is missing. All numbers are from the
 * RISC-V SBI specification.
 */
#include <arch/sbi.h>

#define LEGACY_SET_TIMER  0
#define LEGACY_PUTCHAR    1
#define LEGACY_GETCHAR    2
#define LEGACY_SEND_IPI   4
#define LEGACY_SHUTDOWN   8
#define BASE              0x10
#define BASE_SPEC         0
#define BASE_IMPL_ID      1
#define BASE_IMPL_VERSION 2
#define BASE_PROBE        3
#define HSM_START         0
#define HSM_STATUS        2
#define SRST_SHUTDOWN     0
#define SRST_COLD_REBOOT  1

struct sbi_ret {
	long error;
	unsigned long value;
};

static const unsigned long extension_id[SBI_EXT_COUNT] = {
	[SBI_EXT_TIME] = 0x54494d45,
	[SBI_EXT_IPI] = 0x735049,
	[SBI_EXT_HSM] = 0x48534d,
	[SBI_EXT_SRST] = 0x53525354,
};
static struct sbi_info info;

static struct sbi_ret
call(unsigned long ext, unsigned long fn, unsigned long x, unsigned long y,
    unsigned long z)
{
	register unsigned long a0 __asm__("a0") = x;
	register unsigned long a1 __asm__("a1") = y;
	register unsigned long a2 __asm__("a2") = z;
	register unsigned long a3 __asm__("a3") = 0;
	register unsigned long a4 __asm__("a4") = 0;
	register unsigned long a6 __asm__("a6") = fn;
	register unsigned long a7 __asm__("a7") = ext;

	__asm__ volatile("ecall"
			 : "+r"(a0), "+r"(a1)
			 : "r"(a2), "r"(a3), "r"(a4), "r"(a6), "r"(a7)
			 : "memory");
	return (struct sbi_ret){ (long)a0, a1 };
}

void
sbi_init(void)
{
	struct sbi_ret r = call(BASE, BASE_SPEC, 0, 0, 0);

	if (r.error != SBI_SUCCESS) {
		info.spec_minor = 1;
		return;
	}
	info.spec_major = r.value >> 24 & 0x7f;
	info.spec_minor = r.value & 0xffffff;
	info.implementation = call(BASE, BASE_IMPL_ID, 0, 0, 0).value;
	info.version = call(BASE, BASE_IMPL_VERSION, 0, 0, 0).value;
	for (unsigned i = 0; i < SBI_EXT_COUNT; i++) {
		r = call(BASE, BASE_PROBE, extension_id[i], 0, 0);
		info.has[i] = r.error == SBI_SUCCESS && r.value != 0;
	}
}

const struct sbi_info *
sbi_get_info(void)
{
	return &info;
}

void
sbi_putchar(char c)
{
	(void)call(LEGACY_PUTCHAR, 0, (unsigned char)c, 0, 0);
}

int
sbi_getchar(void)
{
	return (int)call(LEGACY_GETCHAR, 0, 0, 0, 0).error;
}

void
sbi_set_timer(uint64_t time)
{
	if (info.has[SBI_EXT_TIME])
		(void)call(extension_id[SBI_EXT_TIME], 0, time, 0, 0);
	else
		(void)call(LEGACY_SET_TIMER, 0, time, 0, 0);
}

long
sbi_send_ipi(uint64_t hartid)
{
	unsigned long mask = 1;

	if (info.has[SBI_EXT_IPI])
		return call(extension_id[SBI_EXT_IPI], 0, mask, hartid, 0)
		    .error;
	/* Legacy: a pointer to one word, so only the first 64 harts. */
	if (hartid >= 64)
		return SBI_ERR_NOT_SUPPORTED;
	mask <<= hartid;
	return call(LEGACY_SEND_IPI, 0, (unsigned long)&mask, 0, 0).error;
}

long
sbi_hart_start(uint64_t hartid, uint64_t entry, uint64_t opaque)
{
	return call(extension_id[SBI_EXT_HSM], HSM_START, hartid, entry, opaque)
	    .error;
}

long
sbi_hart_status(uint64_t hartid)
{
	struct sbi_ret r =
	    call(extension_id[SBI_EXT_HSM], HSM_STATUS, hartid, 0, 0);

	return r.error != SBI_SUCCESS ? r.error : (long)r.value;
}

void
sbi_shutdown(void)
{
	if (info.has[SBI_EXT_SRST])
		(void)call(extension_id[SBI_EXT_SRST], 0, SRST_SHUTDOWN, 0, 0);
	else if (info.spec_major == 0)
		(void)call(LEGACY_SHUTDOWN, 0, 0, 0, 0);
}

void
sbi_reboot(void)
{
	if (info.has[SBI_EXT_SRST])
		(void)call(
		    extension_id[SBI_EXT_SRST], 0, SRST_COLD_REBOOT, 0, 0);
}
