-- SPDX-License-Identifier: MIT
-- Run planned items and say what came of each, for scripts/bench. PLAN is set
-- before: an array of items, or a table with the array `items` and defaults for
-- all of them (seed, time_ms, reps). An item is
--   {key=, bench=, variant=, harts=, params={name=value}, reps=, time_ms=,
--    seed=}; with kind="probe", or an id that begins with probe/, a probe.
-- Each record is one line, `BENCH crc32 json`, so that a line that was damaged
-- on its way is known: {"ready":…}, then {"start":key} and {"result":…} for
-- each item, {"end":…}. An item that fails is a result, and the next follows.

local crcs = {}
for i = 0, 255 do
  local c = i
  for _ = 1, 8 do c = c >> 1 ~ (c & 1) * 0xedb88320 end
  crcs[i] = c
end

local function put(json)
  local c = 0xffffffff
  for i = 1, #json do c = c >> 8 ~ crcs[(c ~ json:byte(i)) & 255] end
  print(("BENCH\t%08x\t%s"):format(c ~ 0xffffffff, json))
end

local function quoted(v)
  return '"' .. tostring(v):gsub('[%c"\\\x7f-\xff]', function(c)
    return ("\\u%04x"):format(c:byte())
  end) .. '"'
end

local json

-- A table with a first element is an array.
local function list(t)
  local out = {}
  for i, v in ipairs(t) do out[i] = json(v) end
  return "[" .. table.concat(out, ",") .. "]"
end

function json(v)
  local kind = math.type(v) or type(v)
  if kind == "integer" or kind == "boolean" then return tostring(v) end
  if kind ~= "table" then return quoted(v) end
  if v[1] ~= nil then return list(v) end
  local names, out = {}, {}
  for name in pairs(v) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do
    out[i] = quoted(name) .. ":" .. json(v[name])
  end
  return "{" .. table.concat(out, ",") .. "}"
end

-- A property of the device tree as text, without its NUL.
local function property(path, name)
  local node = sys.dt(path)
  local v = node and node[name]
  return v and v:match("^[^\0]*")
end

local function ready()
  local info = sys.info()
  put('{"ready":' .. json{
    model = info.model, version = info.version, commit = info.commit,
    harts = info.harts, isa = hart.list()[1].isa,
    timebase_hz = info.timebase_hz, ram_bytes = info.ram_bytes,
    bootargs = info.bootargs,
    firmware = property("/chosen", "u-boot,version"),
    uart = info.console.device, exact = info.exact,
  } .. "}")
end

local defaults = PLAN.items and PLAN or {}

local function setting(item, name, otherwise)
  return item[name] or defaults[name] or otherwise
end

local function known(all, field, wanted)
  for _, one in ipairs(all) do
    if one[field] == wanted then return true end
  end
  return false
end

local loaded

local function load_trace()
  if loaded then return true end
  local bytes, why = fs.read("bench.qtrace")
  if bytes then loaded, why = lab.trace(bytes) end
  return loaded, why
end

-- Fields of a result, or nil and why there is none, and the status for that.
local function run_lab(item)
  if not known(lab.list(), "id", item.bench) then
    return nil, "there is no benchmark " .. item.bench, "failed"
  elseif not known(lab.variants(), "name", item.variant) then
    return nil, "there is no allocator " .. item.variant, "failed"
  elseif item.harts > hart.count() then
    return nil, "the machine has only " .. hart.count() .. " harts", "skipped"
  end
  local options = {bench = item.bench, variant = item.variant,
    harts = item.harts, seed = setting(item, "seed"),
    time_ms = setting(item, "time_ms")}
  for name, v in pairs(item.params or {}) do options[name] = v end
  if item.bench == "trace/file" then
    -- The name is for the person; the trace is in the initrd.
    options.file = nil
    local ok, why = load_trace()
    if not ok then return nil, why, "failed" end
  end
  local ran, r, why = pcall(lab.run, options)
  -- It raises for what the allocator or the benchmark refuses.
  if not ran then return nil, tostring(r), "skipped" end
  if not r then return nil, why, "failed" end
  if r.stopped then return nil, "it was stopped", "failed" end
  return {ops = r.ops, facts = r.facts, hist = r.hist,
    per_hart = r.per_hart, frames = r.frames, heat = r.heat}
end

local function run_probe(item)
  local ran, facts = pcall(probe.run, (item.bench:gsub("^probe/", "")))
  if not ran then return nil, tostring(facts), "failed" end
  for _, fact in ipairs(facts) do
    if fact.text == "" then fact.text = nil end
  end
  return {facts = facts}
end

local function run(item, rep)
  local is_probe = item.kind == "probe" or item.bench:find("^probe/")
  local r, why, status = (is_probe and run_probe or run_lab)(item)
  r = r or {status = status, why = why}
  r.key, r.id, r.variant, r.rep = item.key, item.bench, item.variant, rep
  r.status = r.status or "ok"
  r.params = {harts = item.harts}
  for name, v in pairs(item.params or {}) do r.params[name] = v end
  -- An empty list would look like a table of names.
  for _, name in ipairs{"facts", "per_hart", "frames", "heat"} do
    if r[name] and #r[name] == 0 then r[name] = nil end
  end
  put('{"result":' .. json(r) .. "}")
end

-- The first run of a boot that uses magazines raises a mark that no later one
-- raises again, in allocators or in what they stand on: memory/oom cost two
-- instructions more in it. So no item is that run.
local function warm_up()
  if lab and known(lab.list(), "id", "micro/pair") then
    pcall(lab.run, {bench = "micro/pair", variant = "ours"})
  end
end

ready()
local items = PLAN.items or PLAN
-- Probes look at memory as the boot left it, and have boots of their own.
if sys.info().exact and items[1] and not items[1].key:find("^probe/") then
  warm_up()
end
for _, item in ipairs(items) do
  item.variant, item.harts = item.variant or "ours", item.harts or 1
  put('{"start":' .. quoted(item.key) .. "}")
  for rep = 1, setting(item, "reps", 1) do run(item, rep) end
end
put('{"end":{"items":' .. #items .. "}}")
