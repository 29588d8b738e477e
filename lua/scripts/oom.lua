-- SPDX-License-Identifier: MIT
-- run("oom", {s=, seed=, harts=}): take all memory with objects of several
-- sizes until alloc says ENOMEM, show that everything else still works, free
-- it, and have exactly as many frames as before; again and again.
local t <const> = require "quarry.stress".begin("oom", 3, ...)

-- Allocate until nothing comes any more, in pieces of about a mebibyte, then
-- in smaller ones, then one by one; what is held, and the number of objects.
local function exhaust(c)
  local held, n, take = {}, 0, math.max(1, (1 << 20) // c.stride)
  while true do
    local b, message, code = c:alloc_n(take)
    if b then
      held[#held + 1] = b
      n = n + #b
    elseif code ~= "ENOMEM" then
      t:fail("alloc_n failed with %s: %s", code, message)
    elseif take == 1 then
      break
    else
      take = (take + 7) // 8
    end
  end
  -- What is left over in slabs that a batch of one did not get.
  for x in function() return (c:alloc()) end do
    held[#held + 1] = x
    n = n + 1
  end
  return held, n
end

-- What a person would try while there is not one frame left.
local probe = assert(slab.create("oom-probe", 3000))
local function machine_lives()
  local x, message, code = probe:alloc()
  if x or code ~= "ENOMEM" then
    t:fail("alloc did not say ENOMEM: %s", message)
  end
  if ("quarry"):rep(20) ~= ("quarryquarry"):rep(10) then
    t:fail("Lua miscalculates without memory")
  end
  local row = slab.stat("exhaust", "rows")[1]
  if not row or row.alloc_fail < 1 then
    t:fail("slab.stat does not show the failed alloc")
  end
  if not slab.verify(probe) then
    t:fail("slab.verify has findings without memory")
  end
  local m = sys.mem()
  if m.free_frames > 64 then
    t:fail("%d frames are free, and an alloc failed", m.free_frames)
  end
end

-- Other harts get their share of it: each takes what it can, and gives it back.
local function take_and_give(cache)
  local held, n = {}, 0
  while true do
    local b = cache:alloc_n(64)
    if not b then break end
    held[#held + 1] = b
    n = n + #b
    if n >= 4096 then break end
  end
  for _, b in ipairs(held) do b:free("random") end
  return n
end

-- A large machine is first filled to what a round can take in good time.
local guard
local keep <const> = 24 << 20
local free_bytes <const> = frame.free() * 4096
if free_bytes > 2 * keep then
  guard = frame.pressure(100 - 100 * keep // (frame.total() * 4096))
end
local floor = t.settle()
local sizes <const> = {64, 1000, 4096, 40000}
local bar <const> = bench.progress("oom")
local rounds, objects = 0, 0
repeat
  local size = sizes[(rounds + t.seed) % #sizes + 1]
  -- To the last frame, in C.
  local n, message = bench.exhaust(size, machine_lives)
  if not n then t:fail(message) end
  if n == 0 then t:fail("not one object of %d bytes", size) end
  objects = objects + n
  -- As far as Lua lets a script go, then with other harts.
  local c = assert(slab.create("oom-" .. size, size,
                   {protect = rounds % 2 == 0 and "fast" or "checked"}))
  local held, taken = exhaust(c)
  if taken == 0 then t:fail("not one object of %d bytes", size) end
  objects = objects + taken
  for i = 1, #held, 2 do c:free(held[i]) end
  for h = 1, t.harts - 1 do
    local got, why = hart.call(h, take_and_give, c)
    if not got then t:fail("on hart %d: %s", h, why) end
  end
  for i = 2, #held, 2 do c:free(held[i]) end
  held = nil
  if c:stats().objects_inuse ~= 0 then t:fail("all are free, stats differ") end
  assert(c:destroy())
  c = nil
  local now = t.settle()
  if now ~= floor then
    t:fail("size %d: %d frames free before, %d after", size, floor, now)
  end
  rounds = rounds + 1
  bar(t:done(), size .. " B")
until rounds >= #sizes and sys.uptime() >= t.stop
bar()
assert(probe:destroy())
probe = nil
if guard then guard:free() end
guard = nil
t:finish("memory exhausted %d times, %.2f M objects", 2 * rounds,
         objects / 1e6)
