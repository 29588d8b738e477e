/* SPDX-License-Identifier: MIT */
/* Sessions to learn from: the test runs every one of them. */
#include "examples.h"

#include <stddef.h>

const struct example examples[] = {
	{ "make a cache, take an object, give it back",
	    "c = slab.create('pt', 64)\n"
	    "o = c:alloc()\n"
	    "print(c, o:addr() % 8)\n"
	    "o:free()\n"
	    "c:destroy()\n" },
	{ "a report of some caches", "slab.stat('lua*|kmalloc-*')\n" },
	{ "how fast is a pair of alloc and free on all harts?",
	    "r = bench.run('pair', { harts = hart.count(), size = 128,\n"
	    "    time_ms = 1000 })\n"
	    "r:print()\n" },
	{ "how does it scale?",
	    "t = {}\n"
	    "for n = 1, hart.count() do\n"
	    "  t[n] = bench.run('pair', { harts = n, time_ms = 300 })"
	    ".ops_per_s\n"
	    "end\n"
	    "print(con.spark(t))\n" },
	{ "one hart allocates, another frees (needs 3 harts)",
	    "c = slab.create('msg', 256)\n"
	    "ch = hart.chan(64)\n"
	    "p = hart.run(1, function(c, ch)\n"
	    "  for i = 1, 10000 do ch:send(c:alloc_n(8)) end\n"
	    "  ch:close()\n"
	    "end, c, ch)\n"
	    "q = hart.run(2, function(ch)\n"
	    "  local n = 0\n"
	    "  for b in function() return ch:recv() end do\n"
	    "    n = n + #b\n"
	    "    b:free()\n"
	    "  end\n"
	    "  return n\n"
	    "end, ch)\n"
	    "print(p:wait(), q:wait())\n"
	    "c:destroy()\n" },
	{ "run out of memory, and recover",
	    "c = slab.create('pressed', 256)\n"
	    "do\n"
	    "  local g <close> = frame.pressure(95)\n"
	    "  local keep, n, o, e, code = {}, 0\n"
	    "  repeat\n"
	    "    o, e, code = c:alloc()\n"
	    "    keep[#keep + 1] = o\n"
	    "  until not o\n"
	    "  print(#keep, e, code)\n"
	    "end\n"
	    "collectgarbage()\n"
	    "print(slab.reap{ level = 'all' })\n"
	    "c:destroy()\n" },
	{ "see a cache after most of its objects went at random",
	    "c = slab.create('holes', 256)\n"
	    "b = c:alloc_n(20000)\n"
	    "b:shuffle(7)\n"
	    "b:split(19000):free()\n"
	    "print(c:map(64))\n"
	    "print('frames back:', c:shrink())\n"
	    "b:free()\n"
	    "c:destroy()\n" },
	{ "reap while other harts are at work (needs 2 harts)",
	    "j = hart.run('others', function()\n"
	    "  return bench.run('pair', { time_ms = 2000 }).ops\n"
	    "end)\n"
	    "print(slab.reap{ level = 'all' })\n"
	    "print(j:wait())\n" },
	{ "a task_struct-like cache, constructed once per object",
	    "task = slab.create('task_struct', 1680, { align = 64,\n"
	    "    ctor = 'zero' })\n"
	    "t = task:alloc()\n"
	    "print(task.stride, task.per_slab, t:addr() % 64)\n"
	    "t:free()\n"
	    "task:destroy()\n" },
	{ "the storm: all harts, random sizes and lifetimes, with reaps",
	    "run('storm', { s = 5, seed = 1 })\n" },
	{ "is the board sound? would the check notice?",
	    "board.check{ s = 0.3 }\n"
	    "g = board.plant{ stuck_bit = 17 }\n"
	    "print(pcall(board.check, { only = 'memory', s = 0.1 }))\n"
	    "g:free()\n" },
	{ NULL, NULL },
};
