-- SPDX-License-Identifier: MIT
-- run("crosshart", {s=, seed=, harts=}): every hart frees what another
-- allocated, for all ordered pairs of harts, and finds in each object what the
-- other wrote.
local t <const> = require "quarry.stress".begin("crosshart", 2, ...)

-- Allocate n objects in a batch, and a few by themselves with a mark inside.
local function make(cache, n, mark)
  local objs = {}
  for i = 1, 8 do
    local x = assert(cache:alloc())
    x:poke(0, "<I8", mark + i)
    x:poke(x:size() - 8, "<I8", mark - i)
    objs[i] = x
  end
  local b = assert(cache:alloc_n(n))
  return b, hart.id(), table.unpack(objs)
end

-- Free them, on another hart; the number of objects freed.
local function unmake(cache, mark, order, b, ...)
  local objs = {...}
  for i, x in ipairs(objs) do
    if x:peek(0, "<I8") ~= mark + i or
       x:peek(x:size() - 8, "<I8") ~= mark - i then
      error("object " .. i .. " does not hold what its allocator wrote")
    end
    cache:free(x)
  end
  local n = #b + #objs
  b:free(order)
  return n, hart.id()
end

-- Run fn on hart h: here when it is this one.
local function on(h, fn, ...)
  if h == hart.id() then return fn(...) end
  return hart.call(h, fn, ...)
end

local harts <const>, seed <const> = t.harts, t.seed
local small <const> = frame.free() < 4096
local caches = {
  assert(slab.create("cross-64", 64, {protect = "fast"})),
  assert(slab.create("cross-700", 700, {protect = "checked"})),
}
local orders <const> = {"lifo", "fifo", "random"}
local bar <const> = bench.progress("crosshart")
local moved, rounds = 0, 0
repeat
  for from = 0, harts - 1 do
    for to = 0, harts - 1 do
      local c = caches[(rounds + from + to) % #caches + 1]
      local order = orders[(rounds + to) % #orders + 1]
      local n = (small and 50 or 400) + (seed * 37 + rounds * 11) % 100
      local mark = seed * 1000003 + from * 1009 + to
      local got = table.pack(on(from, make, c, n, mark))
      if not got[1] then t:fail("hart %d: %s", from, got[2]) end
      if got[2] ~= from then t:fail("a job ran on hart %d", got[2]) end
      local freed, where = on(to, unmake, c, mark, order, got[1],
                              table.unpack(got, 3, got.n))
      if not freed then t:fail("hart %d: %s", to, where) end
      if where ~= to then t:fail("a job ran on hart %d", where) end
      if freed ~= n + 8 then t:fail("objects were lost on the way") end
      if c:stats().objects_inuse ~= 0 then
        t:fail("hart %d freed what hart %d allocated, yet %d are in use",
               to, from, c:stats().objects_inuse)
      end
      moved = moved + freed
    end
    bar(t:done())
  end
  rounds = rounds + 1
until sys.uptime() >= t.stop
bar()
-- The same in C, all harts at once: objects bleed from hart to hart.
for _, c in ipairs(caches) do
  local r, message = bench.run("larson", {cache = c, harts = harts,
                               seed = seed, time_ms = small and 50 or 200})
  if not r then t:fail(message) end
  if c:stats().objects_inuse ~= 0 then t:fail("larson left objects behind") end
end
t:verify()
for _, c in ipairs(caches) do
  slab.reap{level = "all"}
  if c:stats().objects_total ~= 0 then t:fail("objects stay after a reap") end
  assert(c:destroy())
end
caches = nil
t:finish("%d objects over %d pairs of harts", moved, harts * harts * rounds)
