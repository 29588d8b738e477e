/* SPDX-License-Identifier: MIT */
/*
 * Lua's configuration on the metal: included before everything else when Lua
 * itself and the files of this folder are compiled (never on the host, where
 * Lua's stock configuration serves the unit tests).
 *
 * Lua's luaconf.h says of several constants "change it if you need": it is
 * included first, and what differs is redefined here, so that the fetched
 * sources stay as they came.
 */
#ifndef LUACONF_QUARRY_H
#define LUACONF_QUARRY_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* No locale on the metal, so nothing needs <locale.h>. */
#define lua_getlocaledecpoint() '.'

#include "luaconf.h"

/* luaconf.h gives these to Lua's own files only, which come later. */
#ifndef l_likely
#define l_likely(x)   luai_likely(x)
#define l_unlikely(x) luai_unlikely(x)
#endif

struct lua_State;
struct lstate;

/*
 * Before each Lua thread. Threads of a state form a list, and a running
 * coroutine knows who resumed it, so that an interruption finds what runs
 * (lua/state.c).
 */
struct lstate_thread {
	struct lstate *lt_state;
	struct lua_State *lt_resumer; /* while it runs; NULL: nobody */
	struct lstate_thread *lt_next, *lt_prev;
};

#undef LUA_EXTRASPACE
#define LUA_EXTRASPACE (sizeof(struct lstate_thread))

void lstate_on_open(struct lua_State *L);
void lstate_on_close(struct lua_State *L);
void lstate_on_thread(struct lua_State *L1);
void lstate_on_free(struct lua_State *L, struct lua_State *L1);
void lstate_on_resume(struct lua_State *L, struct lua_State *from);

#define luai_userstateopen(L)       lstate_on_open(L)
#define luai_userstateclose(L)      lstate_on_close(L)
#define luai_userstatethread(L, L1) lstate_on_thread(L1)
#define luai_userstatefree(L, L1)   lstate_on_free(L, L1)
/* Expanded once, in lua_resume, whose parameter `from` is the resumer. */
#define luai_userstateresume(L, n)  lstate_on_resume(L, from)
/* A yield shows in the thread's status. */
#define luai_userstateyield(L, n)   ((void)(L))

/*
 * Slots of a Lua stack: endless recursion ends in "stack overflow", with its
 * traceback, at 3.2 MB and not at the cap of all Lua memory.
 */
#undef LUAI_MAXSTACK
#define LUAI_MAXSTACK 200000

/* A luaL_Buffer lies on the stack of every string function. */
#undef LUAL_BUFFERSIZE
#define LUAL_BUFFERSIZE 256

/*
 * C calls, nested syntax and the depth of pattern matching: what the hart's
 * stack can bear (lstate_setup), because an overflow inside mm is a panic.
 * Lua uses both names in expressions only.
 */
extern unsigned lstate_c_calls;
#define LUAI_MAXCCALLS lstate_c_calls
#define MAXCCALLS      ((int)lstate_c_calls)

/*
 * picolibc's strtod takes the x of "0x" that no digit follows; undefined, Lua
 * brings its own reader of hexadecimal numerals.
 */
#undef lua_strx2number

/* Seeds: time and addresses are what the machine has. */
unsigned lstate_seed(void);
#define luai_makeseed(L)   lstate_seed()
#define l_randomizePivot() lstate_seed()
#define time(t)            ((time_t)lstate_seed())

void lstate_print(const char *text, size_t n);
void lstate_print_error(const char *fmt, const char *text);
#define lua_writestring(s, n)           lstate_print(s, n)
#define lua_writeline()                 lstate_print("\n", 1)
#define lua_writestringerror(fmt, text) lstate_print_error(fmt, text)

/* A hook mask is a byte that the owner's own interrupts write. */
#define l_signalT int

/* The C locale only. */
#define strcoll(a, b) strcmp(a, b)

/* No files of the C library: loadfile and dofile are lua/lib_base.c's. */
#define fopen(name, mode)      ((FILE *)NULL)
#define freopen(name, mode, f) ((FILE *)NULL)
#undef getc
#undef feof
#undef ferror
#define getc(f)              ((void)(f), -1)
#define feof(f)              1
#define ferror(f)            0
#define fclose(f)            ((void)0)
#define fread(p, size, n, f) ((size_t)0)
#define strerror(e)          "no such file"

/* No message handler at all: cannot happen under lstate_pcall. */
_Noreturn void lstate_abort(void);
#define abort() lstate_abort()

#endif
