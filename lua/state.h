/* SPDX-License-Identifier: MIT */
/*
 * A Lua state of ours: its heap (dropped whole), the thread that runs in it,
 * and how it is interrupted. One for the console, a fresh one for each job.
 * Theory: lua/state.c.
 */
#ifndef LUA_STATE_H
#define LUA_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lua.h"

struct lstate;

/*
 * A state with all modules open, its memory in caches named "lua-<name>-…".
 * `reserve`: may use the console's reserve when the zones are empty. NULL: no
 * memory. Context: thread, the hart that will run it.
 */
struct lstate *lstate_create(const char *name, bool reserve);
/*
 * Run finalizers, close, and give every byte back. With `kill`, skip Lua
 * altogether and drop the heap; orphans are freed by what owns them.
 */
void lstate_destroy(struct lstate *s, bool kill);
lua_State *lstate_lua(struct lstate *s);
struct lstate *lstate_of(lua_State *L);

/*
 * lua_pcall with a traceback, a fault anchor, and interruption. Status as
 * lua_pcall's; on error the message with its traceback is on the stack.
 */
int lstate_pcall(struct lstate *s, int args, int results);
/*
 * Returned instead when lstate_kill cut the computation off: nothing is on the
 * stack, and lstate_destroy(s, true) is all that may be done with the state.
 */
#define LSTATE_KILLED 100

/*
 * Ask what runs in the state to stop: any hart, any context. The owner hart
 * gets an IPI and sets the hook on the running coroutine; the error is
 * "interrupted". Sticky: raised again until lstate_pcall returns.
 */
void lstate_interrupt(struct lstate *s, bool sticky);
/* Forget an interruption that came too late for what it meant. */
void lstate_interrupt_clear(struct lstate *s);
/*
 * For code that no hook reaches (a C function that does not end): cut it off
 * where it stands, as soon as it is outside mm and outside our own bindings;
 * lstate_pcall then returns LSTATE_KILLED. Bindings are waited for: they poll.
 * Context: interrupt of the owner hart, or thread of any.
 */
void lstate_kill(struct lstate *s);
/*
 * Running time of each outermost lstate_pcall, in ns, the present one counted
 * from now; 0: no limit. Context: thread of the owner hart.
 */
void lstate_set_time_limit(struct lstate *s, uint64_t ns);
uint64_t lstate_time_limit(struct lstate *s);
/* Long C loops call this: raises when an interruption is pending. */
void lstate_poll(lua_State *L);
/*
 * Asked for and not yet raised. After lstate_pcall, too: the computation ended
 * before it noticed. The next lstate_pcall raises it, unless it is cleared.
 */
bool lstate_interrupted(struct lstate *s);

/* Where print and con.* write: NULL is the console. */
typedef void (*lstate_output_fn)(void *arg, const char *text, size_t n);
void lstate_set_output(struct lstate *s, lstate_output_fn fn, void *arg);
void lstate_write(lua_State *L, const char *text, size_t n);

/* A word for the owner of a job, set by lua/job.c. */
void lstate_set_job(struct lstate *s, void *job);
void *lstate_job(struct lstate *s);

/*
 * Once, before the first state: cap of all Lua memory (0: a quarter of RAM)
 * and the console's reserve. False: no memory for the reserve.
 */
bool lstate_setup(uint64_t cap, uint64_t ram);
/* Bytes the state's blocks take, rounded to classes and frames. */
size_t lstate_bytes(struct lstate *s);
/* Frames of its largest block; 0 when all are small. Own hart. */
size_t lstate_largest_frames(struct lstate *s);

/* All Lua memory: frames in use, and the cap in bytes. */
size_t lstate_frames(void);
uint64_t lstate_memory_cap(void);
void lstate_set_memory_cap(uint64_t bytes);

#endif
