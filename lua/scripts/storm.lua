-- SPDX-License-Identifier: MIT
-- run("storm", {s=, seed=, harts=}): every operation of the allocator on all
-- harts at once, in C, with every object checked; then everything adds up.
local o = ... or {}
for k in pairs(o) do
  assert(k == "s" or k == "seed" or k == "harts",
         "storm: options are s, seed and harts, not " .. tostring(k))
end
local s, seed = o.s or 10, o.seed or 1
local harts = o.harts or hart.count()

-- Frames that are free or serve only Lua: the same before and after.
local function settle()
  collectgarbage() collectgarbage()
  slab.reap{level = "all"}
  local m = sys.mem()
  return m.free_frames + m.lua_frames
end

local before = settle()
local bar <const> = bench.progress("storm")
local r, message = bench.storm{s = s, seed = seed, harts = harts,
                               progress = function(done) bar(done) end}
bar()
local function fail(why)
  error(("storm: FAILED  %s  (seed %d, %d harts)"):format(why, seed, harts), 0)
end

if not r then fail(message) end
if r.findings > 0 then fail(r.finding) end
local sound, findings = slab.verify()
if not sound then fail("slab.verify has " .. #findings .. " findings") end
local after = settle()
if after ~= before then
  fail(("%d frames free before, %d after"):format(before, after))
end

print(("storm: ok  %d harts  %.1f s  %.2f M ops, %d in interrupts  " ..
       "%d reaps all, %d took rounds from a running hart  " ..
       "%d frames before and after"):format(r.harts, r.ns / 1e9, r.ops / 1e6,
       r.irq_ops, r.reaps_all, r.drained_running, after))
