-- SPDX-License-Identifier: MIT
-- run("crosshart", {s=, seed=, harts=}): every hart frees what another
-- allocated, for all ordered pairs of harts, and finds in each object what the
-- other wrote.
local o = ... or {}
for k in pairs(o) do
  assert(k == "s" or k == "seed" or k == "harts",
         "crosshart: options are s, seed and harts, not " .. tostring(k))
end
local s, seed = o.s or 2, o.seed or 1
local harts = o.harts or hart.count()
assert(math.type(harts) == "integer" and harts >= 1 and harts <= hart.count(),
       "crosshart: harts must be 1.." .. hart.count())

local function settle()
  collectgarbage() collectgarbage()
  slab.reap{level = "all"}
  local m = sys.mem()
  return m.free_frames + m.lua_frames
end

local function fail(why)
  error(("crosshart: FAILED  %s  (seed %d, %d harts)"):format(why, seed,
        harts), 0)
end

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

local start, before = sys.uptime(), settle()
local small <const> = frame.free() < 4096
local caches = {
  assert(slab.create("cross-64", 64, {protect = "fast"})),
  assert(slab.create("cross-700", 700, {protect = "checked"})),
}
local orders <const> = {"lifo", "fifo", "random"}
local bar <const> = bench.progress("crosshart")
local stop_ns <const> = start + math.floor(s * 1e9)
local moved, rounds = 0, 0
repeat
  for from = 0, harts - 1 do
    for to = 0, harts - 1 do
      local c = caches[(rounds + from + to) % #caches + 1]
      local order = orders[(rounds + to) % #orders + 1]
      local n = (small and 50 or 400) + (seed * 37 + rounds * 11) % 100
      local mark = seed * 1000003 + from * 1009 + to
      local got = table.pack(on(from, make, c, n, mark))
      if not got[1] then fail("hart " .. from .. ": " .. tostring(got[2])) end
      if got[2] ~= from then fail("a job ran on hart " .. got[2]) end
      local freed, where = on(to, unmake, c, mark, order, got[1],
                              table.unpack(got, 3, got.n))
      if not freed then fail("hart " .. to .. ": " .. tostring(where)) end
      if where ~= to then fail("a job ran on hart " .. where) end
      if freed ~= n + 8 then fail("objects were lost on the way") end
      if c:stats().objects_inuse ~= 0 then
        fail(("hart %d freed what hart %d allocated, yet %d are in use")
             :format(to, from, c:stats().objects_inuse))
      end
      moved = moved + freed
    end
    bar((sys.uptime() - start) / (stop_ns - start))
  end
  rounds = rounds + 1
until sys.uptime() >= stop_ns
bar()
-- The same in C, all harts at once: objects bleed from hart to hart.
for _, c in ipairs(caches) do
  local r, message = bench.run("larson", {cache = c, harts = harts,
                               seed = seed, time_ms = small and 50 or 200})
  if not r then fail(message) end
  if c:stats().objects_inuse ~= 0 then fail("larson left objects behind") end
end
local sound = slab.verify()
if not sound then fail("slab.verify has findings") end
for _, c in ipairs(caches) do
  slab.reap{level = "all"}
  if c:stats().objects_total ~= 0 then fail("objects stay after a reap") end
  assert(c:destroy())
end
caches = nil
local after = settle()
if after ~= before then
  fail(("%d frames free before, %d after"):format(before, after))
end
print(("crosshart: ok  %d harts  %.1f s  %d objects over %d pairs of harts  " ..
       "%d frames before and after"):format(harts,
       (sys.uptime() - start) / 1e9, moved, harts * harts * rounds, after))
