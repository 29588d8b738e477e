/* SPDX-License-Identifier: MIT */
/*
 * What boot finds: the tree, the arguments, the memory. Constant afterwards.
 */
#include <stdarg.h>

#include <arch/csr.h>
#include <arch/layout.h>
#include <arch/mmu.h>
#include <kernel/boot.h>
#include <kernel/fmt.h>
#include <kernel/klog.h>
#include <kernel/machine.h>
#include <kernel/memmap.h>
#include <kernel/time.h>
#include <mm/frame.h>

#include "kernel_impl.h"

#define TIMEBASE_GUESS 10000000u /* Hz: QEMU virt; better than none */
#define LOW_TOP        0x100000000ull
#define BYTES_MIN      (1ull << 20) /* less cannot hold a Lua state */

static struct platform platform;
static struct bootargs args;
static const void *dtb;
static size_t dtb_bytes;
static uint64_t dtb_pa;
static const void *initrd;
static struct memmap memmap;
static uint64_t ram_bytes;
static uint64_t entry_instret, entry_time;
static uint64_t prompt_instret, prompt_time;

const struct bootargs *
boot_args(void)
{
	return &args;
}

const struct platform *
boot_platform(void)
{
	return &platform;
}

const void *
boot_dtb(size_t *size)
{
	*size = dtb_bytes;
	return dtb;
}

const void *
boot_initrd(size_t *size)
{
	*size = initrd == NULL ? 0 : (size_t)platform.initrd.size;
	return initrd;
}

uint64_t
boot_ram_bytes(void)
{
	return ram_bytes;
}

uint64_t
boot_entry_time(void)
{
	return entry_time;
}

void
boot_mark_prompt(void)
{
	if (prompt_time != 0)
		return;
	prompt_instret = csr_instret();
	prompt_time = time_uptime_ns();
}

uint64_t
boot_instructions(void)
{
	if (!time_instret_is_exact() || prompt_time == 0)
		return 0;
	return prompt_instret - entry_instret;
}

uint64_t
boot_prompt_ns(void)
{
	return prompt_time;
}

void
boot_fail(const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	(void)fmt_vformat(text, sizeof(text), fmt, ap);
	va_end(ap);
	klog_panic_mode(); /* no console yet: the firmware shows it */
	klog(KLOG_ERROR, "boot: %s", text);
	machine_exit(3);
}

static void
warn(void *arg, const char *sentence)
{
	const char *where = arg;

	klog(KLOG_WARN, "%s: %s", where, sentence);
}

static char tree_name[] = "device tree", args_name[] = "bootargs";

void
boot_read_tree(uint64_t pa, uint64_t instret, uint64_t time)
{
	enum platform_error e;

	entry_instret = instret;
	entry_time = time;
	dtb_pa = pa;
	dtb = vm_map_dtb(pa, &dtb_bytes);
	if (dtb == NULL)
		boot_fail("no device tree: a1 was 0x%llx at entry",
		    (unsigned long long)pa);
	e = platform_parse(&platform, dtb, dtb_bytes, warn, tree_name);
	if (e != PLATFORM_OK)
		boot_fail("device tree at 0x%llx: %s", (unsigned long long)pa,
		    platform_error_text(e));
	bootargs_parse(&args, platform.bootargs, warn, args_name);
	if (args.protect == PROTECT_DEBUG)
		warn(args_name,
		    "protect=debug: not in this version, checked instead");
	if (args.loglevel >= 0)
		klog_set_level((enum klog_level)args.loglevel);
	if (platform.timebase_hz == 0) {
		klog(KLOG_WARN,
		    "device tree: no timebase-frequency: %u Hz "
		    "assumed",
		    TIMEBASE_GUESS);
		platform.timebase_hz = TIMEBASE_GUESS;
	}
	time_init(platform.timebase_hz);
	klog_set_clock(time_uptime_ns);
}

static void
reserve(struct memmap_range *list, unsigned *n, uint64_t base, uint64_t size)
{
	if (size > 0 && *n < MEMMAP_INPUT_MAX)
		list[(*n)++] = (struct memmap_range){ base, size };
}

static void
build_memmap(void)
{
	static struct memmap_range banks[PLATFORM_BANKS_MAX];
	static struct memmap_range reserved[MEMMAP_INPUT_MAX];
	struct memmap_range kernel = { mmu_image_base(), layout_image_bytes() };
	unsigned n_banks = 0, n_reserved = 0;

	_Static_assert(PLATFORM_RESERVED_MAX + 2 <= MEMMAP_INPUT_MAX,
	    "tree, DTB and initrd fit");
	if (platform.reserved_dropped > 0)
		boot_fail("the device tree reserves more than %u ranges: which "
			  "memory is safe cannot be known",
		    PLATFORM_RESERVED_MAX);
	for (unsigned i = 0; i < platform.n_banks; i++) {
		banks[n_banks++] =
		    (struct memmap_range){ platform.banks[i].base,
			    platform.banks[i].size };
		ram_bytes += platform.banks[i].size;
	}
	reserve(reserved, &n_reserved, dtb_pa, dtb_bytes);
	reserve(
	    reserved, &n_reserved, platform.initrd.base, platform.initrd.size);
	for (unsigned i = 0; i < platform.n_reserved; i++)
		reserve(reserved, &n_reserved, platform.reserved[i].base,
		    platform.reserved[i].size);
	memmap_build(&memmap, banks, n_banks, reserved, n_reserved, kernel,
	    args.mem, LAYOUT_LINEAR_TOP);
}

static void
map_initrd(void)
{
	const struct platform_range *r = &platform.initrd;

	if (r->size == 0)
		return;
	for (unsigned i = 0; i < platform.n_banks; i++) {
		const struct platform_range *b = &platform.banks[i];

		if (r->base >= b->base && r->base - b->base <= b->size &&
		    r->size <= b->size - (r->base - b->base))
			initrd = vm_map_initrd(r->base, r->size);
	}
	if (initrd == NULL)
		klog(KLOG_WARN,
		    "initrd ignored: 0x%llx + 0x%llx bytes is not inside "
		    "memory, or too large",
		    (unsigned long long)r->base, (unsigned long long)r->size);
}

/* Trees exist that name banks which the machine does not have. */
static bool
answers(const struct memmap_range *r)
{
	const char *first = vm_linear(r->base);

	if (trap_probe(first) && trap_probe(first + r->size - 1))
		return true;
	klog(KLOG_WARN,
	    "memory at 0x%llx, %llu KiB, left out: the device tree names it "
	    "and nothing answers there",
	    (unsigned long long)r->base, (unsigned long long)r->size >> 10);
	memmap.usable_bytes -= r->size;
	return false;
}

/* A zone per range; a range too small to hold its own records is left. */
static void
add_zones(void)
{
	for (unsigned i = 0; i < memmap.n_usable; i++) {
		struct memmap_range r = memmap.usable[i];
		bool low = r.base + r.size <= LOW_TOP;
		char name[FRAME_NAME_MAX];

		if (!answers(&r))
			continue;
		(void)fmt_format(
		    name, sizeof(name), "%s%u", low ? "low" : "high", i);
		if (frame_zone_add(name, vm_linear(r.base), r.size / FRAME_SIZE,
			low ? FRAME_LOW : 0) != 0)
			klog(KLOG_DEBUG, "memory at 0x%llx, %llu KiB, not used",
			    (unsigned long long)r.base,
			    (unsigned long long)r.size >> 10);
	}
	vm_frames_ready();
}

void
boot_read_memory(void)
{
	build_memmap();
	if (memmap.usable_bytes < BYTES_MIN)
		boot_fail("too little memory: %llu KiB usable of %llu KiB, and "
			  "at least %llu KiB are needed",
		    (unsigned long long)memmap.usable_bytes >> 10,
		    (unsigned long long)ram_bytes >> 10, BYTES_MIN >> 10);
	vm_map_memory(&memmap);
	map_initrd();
	add_zones();
	klog(KLOG_INFO,
	    "memory: %llu MiB in %u bank%s, %llu KiB usable in %u range%s",
	    (unsigned long long)ram_bytes >> 20, platform.n_banks,
	    platform.n_banks == 1 ? "" : "s",
	    (unsigned long long)memmap.usable_bytes >> 10, memmap.n_usable,
	    memmap.n_usable == 1 ? "" : "s");
	if (memmap.lost_bytes > 0)
		klog(KLOG_WARN, "memory: %llu KiB lost: too many ranges",
		    (unsigned long long)memmap.lost_bytes >> 10);
	if (platform.banks_dropped > 0)
		klog(KLOG_WARN, "memory: %u banks beyond %u are not used",
		    platform.banks_dropped, PLATFORM_BANKS_MAX);
}
