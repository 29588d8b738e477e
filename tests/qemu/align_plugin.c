/* SPDX-License-Identifier: MIT */
/*
 * A QEMU plugin: which instructions of the kernel access memory misaligned.
 *
 * QEMU serves every misaligned access without a word, a U74 traps into the
 * firmware for it. This sees each load and store with its address and size, in
 * C, assembly, Lua and the C library alike. Looked at is code in the kernel's
 * image (FROM and up): firmware does what it likes.
 *
 * At the end it writes to the file out=PATH: a line "accesses N", then one
 * "PC COUNT" for each instruction that was misaligned, in hexadecimal and
 * decimal.
 *
 * The declarations are QEMU's plugin interface (docs/devel/tcg-plugins), the
 * few that are needed: Debian ships no header.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define EXPORT  __attribute__((visibility("default")))
#define FROM    0xffffffff80000000u
#define PCS_MAX 4096u

#define NO_REGISTERS 0
#define READ_WRITE   3

struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef uint64_t plugin_id;
typedef uint32_t mem_info;

void qemu_plugin_register_vcpu_tb_trans_cb(
    plugin_id id, void (*fn)(plugin_id id, struct qemu_plugin_tb *tb));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(
    const struct qemu_plugin_tb *tb, size_t i);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn,
    void (*fn)(unsigned cpu, mem_info info, uint64_t va, void *arg), int flags,
    int which, void *arg);
unsigned qemu_plugin_mem_size_shift(mem_info info);
void qemu_plugin_register_atexit_cb(
    plugin_id id, void (*fn)(plugin_id id, void *arg), void *arg);

EXPORT int qemu_plugin_version = PLUGIN_VERSION;
EXPORT int qemu_plugin_install(
    plugin_id id, const void *info, int argc, char **argv);

/* Under lock. A full table is no proof: the last line says so. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	uint64_t pc, count;
} pcs[PCS_MAX];
static size_t n_pcs;
static bool lost;

static atomic_ullong accesses;
static char path[4096];

static void
note(uint64_t pc)
{
	size_t i = 0;

	pthread_mutex_lock(&lock);
	while (i < n_pcs && pcs[i].pc != pc)
		i++;
	if (i < PCS_MAX) {
		pcs[i].pc = pc;
		pcs[i].count++;
		if (i == n_pcs)
			n_pcs++;
	} else
		lost = true;
	pthread_mutex_unlock(&lock);
}

static void
on_access(unsigned cpu, mem_info info, uint64_t va, void *arg)
{
	uint64_t bytes = UINT64_C(1) << qemu_plugin_mem_size_shift(info);

	(void)cpu;
	atomic_fetch_add_explicit(&accesses, 1, memory_order_relaxed);
	if (va % bytes != 0)
		note((uint64_t)(uintptr_t)arg);
}

static void
on_translation(plugin_id id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb);

	(void)id;
	for (size_t i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint64_t pc = qemu_plugin_insn_vaddr(insn);

		if (pc >= FROM)
			qemu_plugin_register_vcpu_mem_cb(insn, on_access,
			    NO_REGISTERS, READ_WRITE, (void *)(uintptr_t)pc);
	}
}

static void
on_end(plugin_id id, void *arg)
{
	FILE *f = fopen(path, "w");

	(void)id;
	(void)arg;
	if (f == NULL)
		return;
	fprintf(f, "accesses %llu\n",
	    atomic_load_explicit(&accesses, memory_order_relaxed));
	for (size_t i = 0; i < n_pcs; i++)
		fprintf(
		    f, "%" PRIx64 " %" PRIu64 "\n", pcs[i].pc, pcs[i].count);
	fprintf(f, "%s\n", lost ? "lost" : "all");
	(void)fclose(f);
}

int
qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4) != 0 ||
	    strlen(argv[0] + 4) >= sizeof(path))
		return -1;
	strcpy(path, argv[0] + 4);
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	qemu_plugin_register_atexit_cb(id, on_end, NULL);
	return 0;
}
