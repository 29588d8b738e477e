-- SPDX-License-Identifier: MIT
-- run("storm", {s=, seed=, harts=}): every operation of the allocator on all
-- harts at once, in C, with every object checked; then everything adds up.
local t <const> = require "quarry.stress".begin("storm", 10, ...)
local bar <const> = bench.progress("storm")

local r, message = bench.storm{s = t.s, seed = t.seed, harts = t.harts,
                               progress = function(done) bar(done) end}
bar()

if not r then t:fail(message) end
if r.findings > 0 then t:fail(r.finding) end
t:verify()
t:finish("%.2f M ops, %d in interrupts  %d reaps all, " ..
         "%d took rounds from a running hart", r.ops / 1e6, r.irq_ops,
         r.reaps_all, r.drained_running)
