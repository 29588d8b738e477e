/* SPDX-License-Identifier: MIT */
/*
 * /cpus: harts, why one cannot be used, timebase, instruction sets, caches.
 *
 * A hart that firmware starts and that cannot run us never arrives, or worse,
 * arrives and misbehaves; so whatever speaks against a hart is enough. Status
 * and mmu-type should be, and are not: a tree of JH7110's vendor gives the S7 a
 * U74's name and MMU, and a careless edit of its status would start it. The
 * isa and the machine's name say it once more.
 */
#include <string.h>

#include <libfdt.h>

#include "platform_impl.h"

#define ISA_MAX        sizeof(((struct platform_hart *)0)->isa)
#define TIMEBASE_MIN   1000u
#define TIMEBASE_MAX   10000000000ull
#define EXTENSIONS_MAX 256u /* names of riscv,isa-extensions looked at */

/* Append s[0, n) if all of it fits with a NUL; the size it then has. */
static size_t
append(char isa[ISA_MAX], size_t at, const char *s, size_t n)
{
	if (n >= ISA_MAX || at > ISA_MAX - 1 - n)
		return at;
	copy_text(isa + at, n + 1, s, n);
	return at + strlen(isa + at);
}

static bool
is_letter(char c)
{
	return c >= 'a' && c <= 'z';
}

/* Is the letter there, behind the "rv64" (whose v is no extension)? */
static bool
has_letter(const char *isa, size_t n, char letter)
{
	return n > 4 && memchr(isa + 4, letter, n - 4) != NULL;
}

/*
 * "rv64i" and the list "i" "m" "zba" make "rv64im_zba": single letters first,
 * names behind underscores. What does not fit is left out whole.
 */
static void
isa_from_extensions(
    char isa[ISA_MAX], const struct prop *base, const struct prop *list)
{
	const char *text = prop_text(base);
	size_t at = 0;

	if (text == NULL)
		text = "rv64i";
	at = append(isa, at, text, strlen(text));
	for (int pass = 0; pass < 2; pass++) {
		size_t from = 0;

		for (unsigned i = 0; i < EXTENSIONS_MAX; i++) {
			const char *name = (const char *)list->data + from;
			const char *end = from >= list->len
			    ? NULL
			    : memchr(name, '\0', list->len - from);
			size_t n;

			if (end == NULL)
				break;
			n = (size_t)(end - name);
			from += n + 1;
			if (pass == 0 && n == 1 && is_letter(*name) &&
			    !has_letter(isa, at, *name))
				at = append(isa, at, name, 1);
			if (pass == 1 && n > 1 && at + 1 + n < ISA_MAX) {
				at = append(isa, at, "_", 1);
				at = append(isa, at, name, n);
			}
		}
	}
}

/* A long string is cut before the '_' of the first name that does not fit. */
static void
isa_from_string(char isa[ISA_MAX], const char *text)
{
	size_t n = strlen(text);

	if (n >= ISA_MAX) {
		for (n = ISA_MAX - 1; n > 0 && text[n] != '_'; n--)
			;
		if (n == 0)
			n = ISA_MAX - 1; /* single letters only */
	}
	copy_text(isa, ISA_MAX, text, n);
}

static void
read_isa(struct platform_hart *h, const struct props *props)
{
	const struct prop *list = get_prop(props, P_ISA_EXTENSIONS);
	const char *text = prop_text(get_prop(props, P_ISA));

	if (list->data != NULL && list->len > 0)
		isa_from_extensions(h->isa, get_prop(props, P_ISA_BASE), list);
	else if (text != NULL)
		isa_from_string(h->isa, text);
}

/*
 * An isa that is described and has no D. The single letters come first: what
 * follows an s, x or z is a name. A text that is no RV64 says nothing.
 */
static bool
lacks_fpu(const char *isa)
{
	if (strncmp(isa, "rv64", 4) != 0)
		return false;
	for (isa += 4;
	     is_letter(*isa) && *isa != 's' && *isa != 'x' && *isa != 'z';
	     isa++)
		if (*isa == 'd' || *isa == 'g')
			return false;
	return true;
}

/* The small core beside the U ones that starts them, whatever it claims. */
static bool
is_monitor_core(const struct walk *w, const struct platform_hart *h,
    const struct prop *compatible)
{
	return (w->is_jh7110 && h->hartid == 0) ||
	    prop_list_find(compatible, "sifive,s", 8) ||
	    prop_list_find(compatible, "sifive,e", 8);
}

/* Why the hart cannot run us; NULL: nothing speaks against it. */
static const char *
why_not(const struct walk *w, unsigned position, const struct props *props)
{
	const struct platform *out = w->out;
	const struct prop *mmu = get_prop(props, P_MMU_TYPE);

	for (unsigned i = 0; i < position; i++)
		if (out->harts[i].hartid == out->harts[position].hartid)
			return "duplicate id";
	if (!prop_enabled(get_prop(props, P_STATUS)))
		return "disabled";
	if (mmu->data == NULL || prop_is(mmu, "riscv,none"))
		return "no mmu";
	/* The larger ones contain Sv39. */
	if (!prop_is(mmu, "riscv,sv39") && !prop_is(mmu, "riscv,sv48") &&
	    !prop_is(mmu, "riscv,sv57"))
		return "no sv39";
	if (is_monitor_core(
		w, &out->harts[position], get_prop(props, P_COMPATIBLE)))
		return "monitor core";
	if (lacks_fpu(out->harts[position].isa))
		return "no fpu";
	return NULL;
}

static void
read_timebase(struct walk *w, const struct props *props)
{
	uint64_t hz;

	if (w->out->timebase_hz != 0 ||
	    !prop_number(get_prop(props, P_TIMEBASE), &hz))
		return;
	if (hz >= TIMEBASE_MIN && hz <= TIMEBASE_MAX)
		w->out->timebase_hz = hz;
	else
		walk_warn(w, "timebase-frequency is %llu Hz and is ignored",
		    (unsigned long long)hz);
}

static void
read_cache(struct walk *w, const struct props *props)
{
	struct platform *out = w->out;
	uint64_t size, sets, line;

	if (out->l1d_size != 0 ||
	    !prop_number(get_prop(props, P_DCACHE_SIZE), &size) ||
	    !prop_number(get_prop(props, P_DCACHE_SETS), &sets) ||
	    !prop_number(get_prop(props, P_DCACHE_LINE), &line))
		return;
	/* Readers divide by these. */
	if (size > UINT32_MAX || sets == 0 || line == 0 || sets > size ||
	    line > size || sets * line > size) {
		if (!w->odd_cache)
			walk_warn(w,
			    "d-cache of %llu bytes cannot be %llu sets of "
			    "%llu: ignored",
			    (unsigned long long)size, (unsigned long long)sets,
			    (unsigned long long)line);
		w->odd_cache = true;
		return;
	}
	out->l1d_size = (uint32_t)size;
	out->l1d_sets = (uint32_t)sets;
	out->l1d_line = (uint32_t)line;
}

void
visit_cpus(struct walk *w, const struct props *props)
{
	read_timebase(w, props);
}

void
visit_cpu(struct walk *w, unsigned depth, const struct props *props)
{
	struct level *level = &w->levels[depth];
	const struct prop *reg = get_prop(props, P_REG);
	unsigned cells = w->levels[depth - 1].address_cells;
	struct platform *out = w->out;
	struct platform_hart *h;
	const char *name = node_name(w, level->node);

	if (!name_is(name, "cpu") &&
	    !prop_is(get_prop(props, P_DEVICE_TYPE), "cpu"))
		return;
	if (cells < 1 || cells > 2 || reg->data == NULL ||
	    reg->len != 4u * (size_t)cells) {
		char path[WALK_PATH_MAX];

		node_path(w, depth, path, sizeof(path));
		walk_warn(
		    w, "%s is left out: its reg is not one hart id", path);
		return;
	}
	if (out->n_harts == PLATFORM_HARTS_MAX) {
		out->harts_dropped++;
		return;
	}
	h = &out->harts[out->n_harts];
	h->hartid = load_cells(reg->data, cells);
	read_isa(h, props);
	h->reason = why_not(w, out->n_harts, props);
	h->eligible = h->reason == NULL;
	if (h->reason == NULL)
		h->reason = "";
	if (strcmp(h->reason, "duplicate id") == 0)
		walk_warn(w, "hart id %llu is listed twice: the first counts",
		    (unsigned long long)h->hartid);
	read_timebase(w, props);
	if (h->eligible)
		read_cache(w, props);
	level->kind = LEVEL_CPU;
	level->hart = out->n_harts++;
}

/* The hart's own interrupt controller: PLICs refer to it by its phandle. */
void
visit_cpu_child(struct walk *w, unsigned depth, const struct props *props)
{
	const struct prop *phandle = get_prop(props, P_PHANDLE);
	struct platform_hart *h = &w->out->harts[w->levels[depth - 1].hart];

	if (!prop_list_has(get_prop(props, P_COMPATIBLE), "riscv,cpu-intc") ||
	    phandle->data == NULL || phandle->len != 4 || h->intc_phandle != 0)
		return;
	h->intc_phandle = load_be32(phandle->data);
}
