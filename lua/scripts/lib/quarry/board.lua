-- SPDX-License-Identifier: MIT
-- require "quarry.board": what board.check does: run the parts of board.test,
-- judge them, say so. What is wrong with data, counts or order is judged; how
-- long something took is shown. Theory: bench/metal/board.c.
local Stress <const> = require "quarry.stress"

local function time(ns)
  if ns < 1000 then return ("%.0f ns"):format(ns) end
  if ns < 1000000 then return ("%.1f us"):format(ns / 1000) end
  return ("%.1f ms"):format(ns / 1000000)
end

-- The smallest and the largest of a field, over all rows that have it.
local function range(rows, low, high)
  local least, most
  for _, r in ipairs(rows) do
    local a, b = r[low], r[high or low]
    if a then
      least = math.min(least or a, a)
      most = math.max(most or b, b)
    end
  end
  return least, most
end

local function between(rows, low, high)
  local least, most = range(rows, low, high)
  return least and time(least) .. " to " .. time(most)
end

-- Each judge gets the rows of its part and a function for findings. It returns
-- what was measured, or nil and why there is nothing.
local judge = {}

local function bits(mask)
  local list = {}
  for i = 0, 63 do
    if mask >> i & 1 == 1 then list[#list + 1] = i end
  end
  return (#list == 1 and "bit " or "bits ") .. table.concat(list, ",")
end

local function sentence(r)
  local where = (" at 0x%x (virtual 0x%x)"):format(r.physical, r.addr)
  if r.stuck == 1 then
    local list = {}
    if r.ones ~= 0 then list[1] = bits(r.ones) .. " stuck at 1" end
    if r.zeros ~= 0 then list[#list + 1] = bits(r.zeros) .. " stuck at 0" end
    return table.concat(list, ", ") .. where
  end
  return ("%s unstable%s: 0x%x wanted, 0x%x read in pass %d"):format(
         bits(r.ones | r.zeros), where, r.want, r.got, r.pass)
end

function judge.memory(rows, bad)
  local words, sets, errors, frames, free = {}, 0, 0
  for _, r in ipairs(rows) do
    if r.addr then
      local w = words[r.addr]
      if not w then
        w = {row = r, by = {}}
        words[r.addr], words[#words + 1] = w, w
      end
      if w.row.stuck == 1 then w.row = r end
      w.by[#w.by + 1] = r.hart < 0 and "all together" or "hart " .. r.hart
    else
      sets, errors, frames, free = sets + 1, errors + r.errors, r.frames, r.free
    end
  end
  for _, w in ipairs(words) do
    bad("%s%s", sentence(w.row), #w.by < sets and
        ", seen by " .. table.concat(w.by, ", ") or "")
  end
  return ("%d of %d free frames (%.1f %%) by each and by all, %d mismatches")
         :format(frames, free, 100 * frames / free, errors)
end

function judge.cache(rows, bad)
  for _, r in ipairs(rows) do
    if r.errors > 0 then
      bad("harts %d and %d: %d words of a shared line were wrong", r.hart,
          r.other, r.errors)
    end
  end
  if #rows == 0 then return nil, "needs 2 harts" end
  local pairs, worst = 0, 0
  for _, r in ipairs(rows) do
    if r.round_ns then
      pairs, worst = pairs + 1, math.max(worst, r.same_ns / r.apart_ns)
    end
  end
  if pairs == 0 then
    return nil, "here harts take turns (-icount, or a busy host)"
  end
  return ("%d of %d pairs: round trip %s, false sharing up to x %.1f"):format(
         pairs, #rows, between(rows, "round_ns"), worst)
end

local ops <const> = {[0] = "amoadd.w", "amoadd.d", "amoor/amoand", "amoxor",
                     "amomaxu", "amoswap", "lr/sc.w", "lr/sc.d"}
function judge.atomic(rows, bad)
  local refused = 0
  for _, r in ipairs(rows) do
    refused = refused + (r.refused or 0)
    if r.want ~= r.got then
      bad("%s: %d wanted, %d found", ops[r.op], r.want, r.got)
    end
  end
  return ("%d operations exact, sc refused %d times"):format(#rows, refused)
end

function judge.ipi(rows, bad)
  local sent = 0
  for _, r in ipairs(rows) do
    sent = sent + r.sent
    if r.received < r.sent then
      bad("hart %d lost %d of %d from hart %d", r.hart, r.sent - r.received,
          r.sent, r.from)
    end
  end
  if #rows == 0 then return nil, "needs 2 harts" end
  return ("%d sent, there and back %s, median up to %s"):format(sent,
         between(rows, "min_ns", "max_ns"),
         time(select(2, range(rows, "median_ns"))))
end

function judge.clock(rows, bad)
  if #rows == 0 then return nil, "needs 2 harts" end
  local drifting, against = {}
  for _, r in ipairs(rows) do
    if not r.ppm then
      bad("hart %d does not answer", r.hart)
    elseif math.abs(r.ppm) > r.ppm_error then
      drifting[#drifting + 1] = r
    elseif math.abs(r.offset_ns) > r.error_ns and
           math.abs(r.offset2_ns) > r.error2_ns then
      bad("hart %d's clock is %d ns ahead of the first hart's", r.hart,
          r.offset_ns)
    end
  end
  local low, high = range(drifting, "ppm")
  if #drifting == #rows and #rows > 1 and low * high > 0 then
    bad("hart %d's timer drifts by %d ppm against all others", hart.id(),
        -drifting[1].ppm)
    drifting = {}
  end
  for _, r in ipairs(drifting) do
    bad("hart %d's timer drifts by %d ppm against hart %d", r.hart, r.ppm,
        hart.id())
  end
  low, high = range(rows, "ppm")
  return low and ("drift %d to %d ppm, known to %d ppm"):format(low, high,
         select(2, range(rows, "ppm_error")))
end

function judge.timer(rows, bad)
  for _, r in ipairs(rows) do
    if r.fired < r.started then
      bad("hart %d: a timer of 1 ms has not fired for a second", r.hart)
    end
    if r.early > 0 then
      bad("hart %d: %d of %d fired early", r.hart, r.early, r.started)
    end
  end
  return ("late by %s"):format(between(rows, "late_min_ns", "late_max_ns"))
end

function judge.interrupt(rows, bad)
  local text = "software and timer on each"
  for _, r in ipairs(rows) do
    for _, kind in ipairs{"software", "timer"} do
      if r[kind] == 0 then
        bad("hart %d takes no %s interrupt", r.hart, kind)
      end
    end
    if r.hart == 0 then
      text = text .. (r.external > 0 and ", external on hart 0"
             or "; no external interrupt seen yet: press a key")
    end
  end
  return text
end

function judge.misaligned(rows, bad)
  local aligned <const> = table.remove(rows, 1)
  local wrong = aligned.errors
  for _, r in ipairs(rows) do wrong = wrong + r.errors end
  local load = select(2, range(rows, "load_1000_ns"))
  local store = select(2, range(rows, "store_1000_ns"))
  table.insert(rows, 1, aligned)
  if wrong > 0 then bad("%d accesses gave wrong bytes", wrong) end
  return ("aligned load %.1f ns; misaligned load x %.1f, store x %.1f")
         :format(aligned.load_1000_ns / 1000,
                 load / math.max(1, aligned.load_1000_ns),
                 store / math.max(1, aligned.store_1000_ns))
end

function judge.cycles(rows)
  local r <const> = rows[1]
  if r.exact == 0 then return nil, "the cycle counter is the host's clock" end
  -- No processor has exactly one instruction per cycle.
  if math.abs(r.cycles - r.instructions) * 1000 < r.cycles then
    return nil, "the cycle counter counts instructions"
  end
  for _, q in ipairs(rows) do
    q.mhz = q.cycles * q.timebase_hz / q.ticks / 1e6
  end
  local low, high = range(rows, "mhz")
  return ("%.1f to %.1f MHz, ratio %.4f"):format(low, high, high / low)
end

local names <const> = board.test()

-- The parts that `only` names, "a|b".
local function chosen(only)
  local list = {}
  if only == nil then return names end
  for word in (tostring(only) .. "|"):gmatch("(.-)|") do
    if not judge[word] then
      error(("board.check: only names tests: %s; not %s"):format(
            table.concat(names, " "), word), 0)
    end
    list[#list + 1] = word
  end
  return list
end

local function json(v)
  if type(v) ~= "table" then
    return type(v) == "string" and '"' .. v:gsub('[%c"\\]', " ") .. '"'
           or tostring(v)
  end
  local list = {}
  if v[1] or next(v) == nil then
    for i, x in ipairs(v) do list[i] = json(x) end
    return "[" .. table.concat(list, ",") .. "]"
  end
  for k, x in pairs(v) do list[#list + 1] = '"' .. k .. '":' .. json(x) end
  table.sort(list)
  return "{" .. table.concat(list, ",") .. "}"
end

-- One part: its table of results.
local function test(name, options)
  local one = {name = name, result = "ok", findings = {}, rows = {},
               harts = name == "misaligned" and 1 or options.harts}
  local function bad(...)
    one.result = "FAILED"
    one.findings[#one.findings + 1] = string.format(...)
  end
  local sound, rows, message = pcall(board.test, name, options)
  if not sound and rows:find("fault:", 1, true) then
    rows, message = nil, "refused by an exception: " .. rows
  elseif not sound then
    error(rows, 0)
  elseif not rows then
    bad("cannot run: %s", message)
  else
    one.rows = rows
    rows, message = judge[name](rows, bad)
  end
  one.figures = rows or "not measured: " .. (message or "")
  if not rows and one.result == "ok" then one.result = "-" end
  return one
end

-- Round trips of a part, by pair.
local function matrix(one, column, field)
  if one.result == "-" or #one.rows == 0 then return end
  local cells, most = {}, 0
  for _, r in ipairs(one.rows) do
    local a, b = r[column], r.hart
    cells[a .. " " .. b], most = r[field], math.max(most, a, b)
  end
  if most > 7 then return end
  print(("%s, %s"):format(one.name, field))
  for a = 0, most do
    local line = {("hart %d"):format(a)}
    for b = 0, most do
      line[#line + 1] = ("%8s"):format(cells[a .. " " .. b] or "-")
    end
    print(table.concat(line))
  end
end

return function(o, form)
  local report <const> = form == nil or form == "report"
  if not report and form ~= "table" and form ~= "json" then
    error("board.check: a form is report, table or json", 0)
  end
  if o.memory ~= nil and o.memory ~= "all" then
    error("board.check: memory can only be \"all\"", 0)
  end
  local parts <const> = chosen(o.only)
  local t <const> = Stress.begin("board", 1,
                                 {s = o.s, seed = o.seed, harts = o.harts})
  local r <const> = {harts = t.harts, seed = t.seed, tests = {}}
  local findings, weight, done = {}, 0, 0
  local function weigh(name) return name == "memory" and 8 or 1 end
  for _, name in ipairs(parts) do weight = weight + weigh(name) end
  do
    local bar <const> = report and bench.progress("board") or function() end
    local _ <close> = setmetatable({}, {__close = function() bar() end})
    for i, name in ipairs(parts) do
      local one = test(name, {
        harts = t.harts, seed = t.seed, all = o.memory == "all",
        s = name == "memory" and t.s or nil,
        n = name == "ipi" and math.max(8, math.min(200,
            12000 // math.max(1, t.harts * (t.harts - 1)))) or nil,
        progress = function(share)
          bar((done + share * weigh(name)) / weight, name)
        end})
      r.tests[i] = one
      for _, f in ipairs(one.findings) do
        findings[#findings + 1] = name .. ": " .. f
      end
      done = done + weigh(name)
    end
  end
  if report then
    print("test       harts  result  figures")
    for _, one in ipairs(r.tests) do
      print(("%-10s %5d  %-6s  %s"):format(one.name, one.harts, one.result,
                                           one.figures))
      for _, f in ipairs(one.findings) do print("  " .. f) end
    end
    for _, one in ipairs(r.tests) do
      if one.name == "cache" then matrix(one, "other", "round_ns") end
      if one.name == "ipi" then matrix(one, "from", "median_ns") end
    end
    if #findings > 0 then t:fail("%s", table.concat(findings, "; ")) end
    return t:finish("%d tests", #parts)
  end
  local frames <const> = t.settle()
  if frames ~= t.before then
    findings[#findings + 1] = ("frames: %d free before, %d after"):format(
                              t.before, frames)
  end
  r.ok = #findings == 0
  r.verdict = r.ok and "board: ok" or
              "board: FAILED  " .. table.concat(findings, "; ")
  return form == "json" and json(r) or r
end
