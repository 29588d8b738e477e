-- SPDX-License-Identifier: MIT
-- run("churn", {s=, seed=, harts=}): random replacement with a working set
-- that grows, holds and shrinks, on all harts, while magazines are resized and
-- reaps of all levels run; what was working set then goes back level by level.
local t <const> = require "quarry.stress".begin("churn", 5, ...)

-- One hart's part: `most` live objects per cache; returns what it allocated.
local function churn(caches, seed, stop_ns, most, tick)
  math.randomseed(seed)
  local live, held, made, phase, round = {}, {}, 0, 1, 0
  for k = 1, #caches do live[k], held[k] = {}, 0 end
  while sys.uptime() < stop_ns do
    round = round + 1
    if round % 256 == 0 then phase = phase % 3 + 1 end
    local k = math.random(#caches)
    local list = live[k]
    -- Chance of a new batch: growing, holding, shrinking.
    local grow = math.random() < (phase == 1 and 0.8 or phase == 2 and 0.5
                                  or 0.2)
    if grow and held[k] < most then
      local b = caches[k]:alloc_n(math.random(most // 8))
      if b then
        list[#list + 1] = b
        held[k], made = held[k] + #b, made + #b
      end
    elseif #list > 0 then
      local i = math.random(#list)
      local b = list[i]
      held[k] = held[k] - #b
      list[i] = list[#list]
      list[#list] = nil
      if #b > 1 and math.random(4) == 1 then
        local rest = b:split(#b // 2)
        b:free("random")
        list[#list + 1] = rest
        held[k] = held[k] + #rest
      else
        b:free(({"lifo", "fifo", "random"})[math.random(3)])
      end
    end
    if tick then tick(round, k) end
  end
  for k = 1, #caches do
    for _, b in ipairs(live[k]) do b:free("random") end
  end
  return made
end

local sizes <const> = {24, 200, 1000, 5000}
local bytes <const> = 24 + 200 + 1000 + 5000
-- All harts together may hold a quarter of what is free.
local most <const> = math.max(8, math.min(2000,
    frame.free() * 4096 // 4 // bytes // t.harts))
local caches = {}
for k, size in ipairs(sizes) do
  caches[k] = assert(slab.create("churn-" .. size, size,
                     {protect = k % 2 == 0 and "checked" or "fast"}))
end

local jobs = {}
for h = 1, t.harts - 1 do
  jobs[h] = assert(hart.run(h, churn, caches, t.seed * 100 + h, t.stop,
                            most))
end
local bar <const> = bench.progress("churn")
local reaps = {trim = 0, depot = 0, all = 0}
local made = churn(caches, t.seed * 100, t.stop, most, function(round, k)
  if round % 8 == 0 then
    local level = round % 64 == 0 and "all" or round % 32 == 0 and "depot"
                  or "trim"
    slab.reap{level = level}
    reaps[level] = reaps[level] + 1
    bar(t:done())
  end
  if round % 100 == 0 then caches[k]:tune{mag = math.random(61)} end
  if round % 150 == 0 then caches[k]:shrink() end
end)
bar()

for h = 1, t.harts - 1 do
  local ok, n = jobs[h]:wait()
  if not ok then t:fail("on hart %d: %s", h, n) end
  made = made + n
end

-- Nothing is in use; each level of reap leaves no more than the one before.
local function total(field)
  local n = 0
  for _, c in ipairs(caches) do n = n + c:stats()[field] end
  return n
end
if total("objects_inuse") ~= 0 then
  t:fail("%d objects in use, all were freed", total("objects_inuse"))
end
local left = total("objects_total")
for _, level in ipairs{"trim", "depot", "all"} do
  slab.reap{level = level}
  local now = total("objects_total")
  if now > left then t:fail("a reap of level %s added objects", level) end
  left = now
end
if left ~= 0 then t:fail("%d objects stay after a reap of level all", left) end
t:verify()
for _, c in ipairs(caches) do assert(c:destroy()) end
caches, jobs = nil, nil
t:finish("%.2f M objects  reaps %d trim, %d depot, %d all", made / 1e6,
         reaps.trim, reaps.depot, reaps.all)
