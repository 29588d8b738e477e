/* SPDX-License-Identifier: MIT */
/*
 * Traces that are made from a seed. They are models, not records of a program:
 * what each models, and by which laws, is said above its function. Harts are
 * 0 … 7; a run on fewer gives the parts of several to one.
 *
 * A maker appends events until its objects are used up, then frees what still
 * lives, in the order it was allocated. Every law is a whole-number one on
 * bench_random, so that a seed gives the same trace everywhere.
 */
#include <string.h>

#include "trace.h"

#define MAKE_HARTS 8u

struct maker {
	struct trace *mk_trace;
	uint16_t *mk_live; /* bytes of each object that lives, else 0 */
	uint8_t *mk_hart;  /* where it was allocated */
	uint32_t mk_used;  /* objects allocated so far */
	uint64_t mk_random;
};

static bool
maker_open(struct maker *mk, struct trace *tc, uint64_t seed)
{
	mk->mk_trace = tc;
	mk->mk_used = 0;
	mk->mk_random = bench_seed(seed, 0);
	mk->mk_live = lab_memory(tc->tc_objects * sizeof(*mk->mk_live));
	mk->mk_hart = lab_memory(tc->tc_objects);
	if (mk->mk_live != NULL && mk->mk_hart != NULL)
		return true;
	if (mk->mk_live != NULL)
		lab_memory_free(
		    mk->mk_live, tc->tc_objects * sizeof(*mk->mk_live));
	if (mk->mk_hart != NULL)
		lab_memory_free(mk->mk_hart, tc->tc_objects);
	return false;
}

/* Even, from `least` to `most`. */
static uint32_t
draw(struct maker *mk, uint32_t least, uint32_t most)
{
	uint64_t r = bench_random(&mk->mk_random) >> 16;

	return least + (uint32_t)(r % (most - least + 1u));
}

static void
event(struct maker *mk, uint32_t object, uint32_t bytes, uint32_t hart,
    bool freed)
{
	struct trace *tc = mk->mk_trace;

	tc->tc_records[tc->tc_count] = (struct trace_record){ object,
		(uint16_t)bytes, (uint8_t)(hart % MAKE_HARTS), freed };
	tc->tc_count++;
}

/* The next object; the caller knows that there is one. */
static uint32_t
make(struct maker *mk, uint32_t bytes, uint32_t hart)
{
	uint32_t object = mk->mk_used;

	event(mk, object, bytes, hart, false);
	mk->mk_live[object] = (uint16_t)bytes;
	mk->mk_hart[object] = (uint8_t)(hart % MAKE_HARTS);
	mk->mk_used++;
	return object;
}

static void
unmake(struct maker *mk, uint32_t object, uint32_t hart)
{
	event(mk, object, mk->mk_live[object], hart, true);
	mk->mk_live[object] = 0;
}

static uint32_t
unused(const struct maker *mk)
{
	return mk->mk_trace->tc_objects - mk->mk_used;
}

static void
maker_close(struct maker *mk)
{
	uint32_t n = mk->mk_trace->tc_objects, i;

	for (i = 0; i < n; i++)
		if (mk->mk_live[i] != 0)
			unmake(mk, i, mk->mk_hart[i]);
	lab_memory_free(mk->mk_live, n * sizeof(*mk->mk_live));
	lab_memory_free(mk->mk_hart, n);
}

/*
 * A server. A request comes to a random hart. It has one buffer of 2 or 4 KiB,
 * 3 to 11 objects of 16 to 256 bytes that it frees in reverse, and an answer of
 * 64 to 1,500 bytes, which waits until 64 later ones have come and is then sent
 * and freed by the next hart. One request in 16 begins a session of 256 to
 * 1,024 bytes in a random one of 64 places, whose session ends then, on
 * whichever hart that is.
 */
#define SERVER_SESSIONS 64u
#define SERVER_ANSWERS  64u
#define SERVER_SMALL    11u

struct server {
	struct maker sv_maker;
	uint32_t sv_session[SERVER_SESSIONS];
	bool sv_open[SERVER_SESSIONS];
	uint32_t sv_answer[SERVER_ANSWERS]; /* a ring */
	uint32_t sv_answers;                /* so far */
};

/* The answer waits; the one whose place it takes is sent. */
static void
server_answer(struct server *sv, uint32_t answer)
{
	struct maker *mk = &sv->sv_maker;
	uint32_t *place = &sv->sv_answer[sv->sv_answers % SERVER_ANSWERS];

	if (sv->sv_answers >= SERVER_ANSWERS)
		unmake(mk, *place, mk->mk_hart[*place] + 1u);
	*place = answer;
	sv->sv_answers++;
}

static void
server_request(struct server *sv, uint32_t hart)
{
	struct maker *mk = &sv->sv_maker;
	uint32_t small[SERVER_SMALL], buffer, answer, n, i;

	n = draw(mk, 3, SERVER_SMALL);
	if (unused(mk) < n + 2u) {
		/* The last objects: too few for a request. */
		while (unused(mk) != 0)
			unmake(mk, make(mk, draw(mk, 16, 256), hart), hart);
		return;
	}
	buffer = make(mk, draw(mk, 0, 1) != 0 ? 4096 : 2048, hart);
	for (i = 0; i < n; i++)
		small[i] = make(mk, draw(mk, 16, 256), hart);
	answer = make(mk, draw(mk, 64, 1500), hart);
	for (i = n; i != 0; i--)
		unmake(mk, small[i - 1u], hart);
	unmake(mk, buffer, hart);
	server_answer(sv, answer);
}

static void
server_session(struct server *sv, uint32_t hart)
{
	struct maker *mk = &sv->sv_maker;
	uint32_t at = draw(mk, 0, SERVER_SESSIONS - 1u);

	if (sv->sv_open[at])
		unmake(mk, sv->sv_session[at], hart);
	sv->sv_open[at] = true;
	sv->sv_session[at] = make(mk, draw(mk, 256, 1024), hart);
}

bool
trace_make_server(struct trace *tc, uint64_t seed)
{
	struct server sv;

	memset(&sv, 0, sizeof(sv));
	if (!maker_open(&sv.sv_maker, tc, seed))
		return false;
	while (unused(&sv.sv_maker) != 0) {
		uint32_t hart = draw(&sv.sv_maker, 0, MAKE_HARTS - 1u);

		if (draw(&sv.sv_maker, 0, 15) == 0)
			server_session(&sv, hart);
		server_request(&sv, hart);
	}
	maker_close(&sv.sv_maker);
	return true;
}

/*
 * A compiler. Each function is compiled on one hart, one after the other. It
 * has 20 to 100 nodes of 16 to 128 bytes that live together and are freed in
 * the order they came, when the function is done; every eighth is a symbol of
 * 32 to 96 bytes instead, and lives to the end of the program.
 */
#define COMPILE_NODES 100u

bool
trace_make_compile(struct trace *tc, uint64_t seed)
{
	uint32_t nodes[COMPILE_NODES], function, n, i;
	struct maker mk;

	if (!maker_open(&mk, tc, seed))
		return false;
	for (function = 0; unused(&mk) != 0; function++) {
		n = draw(&mk, 20, COMPILE_NODES);
		if (n > unused(&mk))
			n = unused(&mk);
		for (i = 0; i < n; i++) {
			bool symbol = i % 8u == 7u;

			nodes[i] = make(&mk,
			    symbol ? draw(&mk, 32, 96) : draw(&mk, 16, 128),
			    function);
		}
		for (i = 0; i < n; i++)
			if (i % 8u != 7u)
				unmake(&mk, nodes[i], function);
	}
	maker_close(&mk);
	return true;
}

/*
 * An adversary, after what Robson (1971, 1974) did to any allocator that does
 * not move objects: rounds of one size each, every size larger than the one
 * before. A round allocates up to 256 objects, spread over the harts, and frees
 * all but one in 16, so that hardly a slab or run can be given back; each is
 * freed by a hart that did not allocate it. The survivors live to the end.
 */
#define ADVERSARY_ROUND 256u
#define ADVERSARY_KEEP  16u

bool
trace_make_adversary(struct trace *tc, uint64_t seed)
{
	static const uint16_t sizes[] = { 16, 32, 64, 96, 128, 192, 256, 512,
		1024 };
	uint32_t round, first, n, i, kept;
	struct maker mk;

	if (!maker_open(&mk, tc, seed))
		return false;
	for (round = 0; unused(&mk) != 0; round++) {
		n = unused(&mk) < ADVERSARY_ROUND ? unused(&mk)
						  : ADVERSARY_ROUND;
		first = mk.mk_used;
		for (i = 0; i < n; i++)
			(void)make(&mk,
			    sizes[round % (sizeof(sizes) / sizeof(sizes[0]))],
			    i);
		kept = draw(&mk, 0, ADVERSARY_KEEP - 1u);
		for (i = 0; i < n; i++)
			if (i % ADVERSARY_KEEP != kept)
				unmake(&mk, first + i, i + 3u);
	}
	maker_close(&mk);
	return true;
}
