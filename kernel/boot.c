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
#include "plan.h"

static struct platform platform;
static struct bootargs args;
static const void *dtb;
static size_t dtb_bytes;
static uint64_t dtb_pa;
static const void *initrd;
static struct plan_memory memory;
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
	return memory.ram_bytes;
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
	time_init(plan_timebase(&platform));
	klog_set_clock(time_uptime_ns);
}

static void
map_initrd(void)
{
	const struct memmap_range *r = &platform.initrd;
	const char *first = vm_map_initrd(r->base, r->size);

	if (first != NULL && trap_probe(first) &&
	    trap_probe(first + r->size - 1))
		initrd = first;
	else
		plan_refuse_initrd(&platform, "cannot be read");
}

/* A zone per range; a range too small to hold its own records is left. */
static void
add_zones(void)
{
	for (unsigned i = 0; i < memory.map.n_usable; i++) {
		struct memmap_range r = memory.map.usable[i];
		bool low = memmap_is_low(r);
		char name[FRAME_NAME_MAX];

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
	const struct plan_places places = {
		.kernel = { mmu_image_base(), layout_image_bytes() },
		.dtb = { dtb_pa, dtb_bytes },
		.top = LAYOUT_LINEAR_TOP,
	};
	const struct memmap *map = &memory.map;
	const char *why;

	why = plan_memory(&memory, &platform, args.mem, &places);
	if (why != NULL)
		boot_fail("%s", why);
	memory.ram_bytes -= vm_map_memory(&memory.map);
	if (memory.initrd)
		map_initrd();
	add_zones();
	klog(KLOG_INFO,
	    "memory: %llu MiB in %u bank%s, %llu KiB usable in %u range%s",
	    (unsigned long long)memory.ram_bytes >> 20, platform.n_banks,
	    platform.n_banks == 1 ? "" : "s",
	    (unsigned long long)map->usable_bytes >> 10, map->n_usable,
	    map->n_usable == 1 ? "" : "s");
	if (map->lost_bytes > 0)
		klog(KLOG_WARN, "memory: %llu KiB lost: too many ranges",
		    (unsigned long long)map->lost_bytes >> 10);
	if (platform.banks_dropped > 0)
		klog(KLOG_WARN, "memory: %u banks beyond %u are not used",
		    platform.banks_dropped, PLATFORM_BANKS_MAX);
}
