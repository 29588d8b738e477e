-- SPDX-License-Identifier: MIT
-- What this image can measure, for scripts/bench: a line `BENCH crc32 json`
-- for each benchmark, allocator and probe, and one that counts them. So the
-- plan of a run is made of what the image has, never of a list beside it.

local function crc(s)
  local c = 0xffffffff
  for i = 1, #s do
    c = c ~ s:byte(i)
    for _ = 1, 8 do c = c >> 1 ~ (c & 1) * 0xedb88320 end
  end
  return c ~ 0xffffffff
end

local json

local function quoted(v)
  return '"' .. v:gsub('[%c"\\\x7f-\xff]', function(c)
    return ("\\u%04x"):format(c:byte())
  end) .. '"'
end

local function object(t)
  local names, out = {}, {}
  for name in pairs(t) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    out[#out + 1] = quoted(name) .. ":" .. json(t[name])
  end
  return "{" .. table.concat(out, ",") .. "}"
end

function json(v)
  local kind = math.type(v) or type(v)
  if kind == "table" and #v > 0 then
    local out = {}
    for i, each in ipairs(v) do out[i] = json(each) end
    return "[" .. table.concat(out, ",") .. "]"
  end
  if kind == "table" then return object(v) end
  if kind == "integer" or kind == "boolean" then return tostring(v) end
  return quoted(tostring(v))
end

local count = 0
local function put(name, v)
  local text = json{[name] = v}
  print(("BENCH\t%08x\t%s"):format(crc(text), text))
  count = count + 1
end

-- The plain image has names for the lab, too, that raise.
local there, benches = pcall(function() return lab.list() end)
if there then
  for _, b in ipairs(benches) do put("bench", b) end
  for _, v in ipairs(lab.variants()) do put("variant", v) end
end
for _, p in ipairs(probe and probe.list() or {}) do
  put("probe", {name = p.name, harts = p.harts, text = p.text})
end
put("end", {items = count, harts = hart.count(), lab = there})
