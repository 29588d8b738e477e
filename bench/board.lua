-- SPDX-License-Identifier: MIT
-- The image's own benchmarks, timed, for scripts/bench on a board: each result
-- a line `BENCH crc32 json`, so that a line that was damaged on its way is
-- known. PLAN = {reps=, time_ms=, harts={…} or nil, only={…} or nil} is set
-- before.

local function crc(s)
  local c = 0xffffffff
  for i = 1, #s do
    c = c ~ s:byte(i)
    for _ = 1, 8 do c = c >> 1 ~ (c & 1) * 0xedb88320 end
  end
  return c ~ 0xffffffff
end

local function put(json)
  print(("BENCH\t%08x\t%s"):format(crc(json), json))
end

local function quoted(v)
  return '"' .. tostring(v):gsub('[%c"\\\x7f-\xff]', function(c)
    return ("\\u%04x"):format(c:byte())
  end) .. '"'
end

-- A property of the device tree as text, without its NUL.
local function property(path, name)
  local node = sys.dt(path)
  local v = node and node[name]
  return v and v:match("^[^\0]*")
end

local function facts()
  local info, out = sys.info(), {}
  local all = {
    model = info.model, version = info.version, commit = info.commit,
    harts = info.harts, isa = hart.list()[1].isa,
    timebase_hz = info.timebase_hz, ram_bytes = info.ram_bytes,
    bootargs = info.bootargs,
    firmware = property("/chosen", "u-boot,version"),
    uart = info.console.device, exact = info.exact,
  }
  for name, v in pairs(all) do
    local kind = math.type(v) or type(v)
    out[#out + 1] = quoted(name) .. ":" ..
      ((kind == "integer" or kind == "boolean") and tostring(v) or quoted(v))
  end
  put('{"facts":{' .. table.concat(out, ",") .. "}}")
end

-- All counts up to 8, then doublings, and all there are.
local function hart_counts()
  local out, n = {}, hart.count()
  local k = 1
  while k < n do
    out[#out + 1] = k
    k = k < 8 and k + 1 or k * 2
  end
  out[#out + 1] = n
  return out
end

local function wanted(name)
  if not PLAN.only then return true end
  for _, n in ipairs(PLAN.only) do
    if n == name then return true end
  end
  return false
end

facts()
for _, w in ipairs(bench.list()) do
  for _, harts in ipairs(wanted(w.name) and (PLAN.harts or hart_counts())
                         or {}) do
    for rep = 1, PLAN.reps do
      local r = assert(bench.run(w.name, {
        harts = harts, time_ms = PLAN.time_ms, seed = 1 }))
      put(('{"rep":%d,"result":%s}'):format(rep, r:json()))
    end
  end
end
