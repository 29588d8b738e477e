-- SPDX-License-Identifier: MIT
-- run("smoke", {s=, seed=, harts=}): a tour of about two seconds through the
-- whole machine; each step checks itself.
local t <const> = require "quarry.stress".begin("smoke", 2, ...)
local small <const> = frame.free() < 4096

local steps = {}
local function step(name, fn) steps[#steps + 1] = {name, fn} end

step("objects", function()
  local c = assert(slab.create("smoke", 96))
  local seen, objs = {}, {}
  for i = 1, 100 do
    local x = assert(c:alloc())
    assert(not seen[x:addr()], "one address was handed out twice")
    assert(x:addr() % c.align == 0, "an object is not aligned")
    assert(x:size() >= 96, "an object is too small")
    seen[x:addr()], objs[i] = true, x
    x:poke(0, "<I8", i)
    x:poke(88, "<I8", i * 3)
  end
  assert(c:stats().objects_inuse == 100, "100 objects live, stats differ")
  for i, x in ipairs(objs) do
    assert(x:peek(0, "<I8") == i and x:peek(88, "<I8") == i * 3,
           "an object lost its contents")
    x:free()
  end
  assert(c:stats().objects_inuse == 0, "all are free, stats differ")
  assert(c:destroy())
end)

step("constructor", function()
  local c = assert(slab.create("smoke-ctor", 64, {ctor = "zero"}))
  for _ = 1, 3 do
    local x = assert(c:alloc())
    assert(x:peek(0, "<I8") == 0 and x:peek(56, "<I8") == 0,
           "a fresh object is not in its constructed state")
    x:free()
  end
  assert(c:destroy())
end)

step("batches", function()
  local c = assert(slab.create("smoke-batch", 40))
  local n <const> = small and 500 or 5000
  local b = assert(c:alloc_n(n))
  b:shuffle(t.seed)
  local tail = b:split(n // 2)
  assert(#b + #tail == n, "a batch lost objects in a split")
  tail:free("random")
  assert(c:stats().objects_inuse == #b, "half is free, stats differ")
  b:free("fifo")
  c:shrink()
  assert(c:stats().objects_total == 0, "objects stay after a shrink")
  assert(c:destroy())
end)

step("limit", function()
  local c = assert(slab.create("smoke-limit", 64, {limit = 10}))
  local b = assert(c:alloc_n(10))
  local none, message, code = c:alloc()
  assert(none == nil and code == "ENOMEM",
         "the limit of 10 objects did not hold: " .. tostring(message))
  b:free()
  assert(c:alloc()):free()
  assert(c:destroy())
end)

step("kmalloc", function()
  for n = 0, 17 do
    local x = assert(slab.kmalloc(1 << n))
    assert(x:size() >= 1 << n, "kmalloc gave too little")
    x:poke((1 << n) - 1, "B", 0x5a)
    assert(x:peek((1 << n) - 1, "B") == 0x5a, "kmalloc lost a byte")
    x:free()
  end
end)

step("harts", function()
  local c = assert(slab.create("smoke-harts", 128))
  local jobs = {}
  for h = 1, t.harts - 1 do
    jobs[h] = hart.run(h, function(cache, n)
      for i = 1, n do
        local b = assert(cache:alloc_n(i))
        b:free("random")
      end
      return hart.id()
    end, c, small and 20 or 100)
  end
  for h = 1, t.harts - 1 do
    local ok, id = jobs[h]:wait()
    assert(ok, id)
    assert(id == h, "a job ran on another hart than it was sent to")
  end
  assert(c:stats().objects_inuse == 0, "harts left objects behind")
  slab.reap{level = "all"}
  assert(c:stats().objects_total == 0, "objects stay after a reap")
  assert(c:destroy())
end)

for _, name in ipairs{"pair", "burst", "larson"} do
  step(name, function()
    local r = assert(bench.run(name, {harts = t.harts, size = 64, seed = t.seed,
                     time_ms = math.max(10, (t.s * 1000 - 800) // 3 | 0)}))
    assert(r.ops > 0, "no operation was made")
  end)
end

step("verify", function()
  t:verify()
end)

local bar <const> = bench.progress("smoke")
for i, st in ipairs(steps) do
  bar((i - 1) / #steps, st[1])
  local ok, message = pcall(st[2])
  if not ok then
    bar()
    t:fail("in step '%s': %s", st[1], message)
  end
end
bar()
t:finish("%d steps", #steps)
