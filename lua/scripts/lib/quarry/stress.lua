-- SPDX-License-Identifier: MIT
-- require "quarry.stress": what the stress scripts share: their options, how
-- they fail, and the rule that a run leaves as many frames as it found.
local Stress = {}
Stress.__index = Stress

-- Frames that are free or serve only Lua: the same before and after.
function Stress.settle()
  collectgarbage() collectgarbage()
  slab.reap{level = "all"}
  local m = sys.mem()
  return m.free_frames + m.lua_frames
end

-- Options checked, time running; s: how many seconds unless the options say.
function Stress.begin(name, s, options)
  local o = options or {}
  for k in pairs(o) do
    if k ~= "s" and k ~= "seed" and k ~= "harts" then
      error(("%s: options are s, seed and harts, not %s"):format(name, k), 0)
    end
  end
  local t = setmetatable({name = name, s = o.s or s, seed = o.seed or 1,
                          harts = o.harts or hart.count()}, Stress)
  if type(t.s) ~= "number" or not (t.s > 0) then
    error(("%s: s must be a number of seconds above 0"):format(name), 0)
  end
  if math.type(t.seed) ~= "integer" then
    error(("%s: seed must be an integer"):format(name), 0)
  end
  if math.type(t.harts) ~= "integer" or t.harts < 1 or
     t.harts > hart.count() then
    error(("%s: harts must be 1..%d"):format(name, hart.count()), 0)
  end
  t.start = sys.uptime()
  t.stop = t.start + math.floor(t.s * 1e9)
  t.before = Stress.settle()
  return t
end

-- The share of the time that is over.
function Stress:done()
  return (sys.uptime() - self.start) / (self.stop - self.start)
end

function Stress:fail(why, ...)
  error(("%s: FAILED  %s  (seed %d, %d harts)"):format(self.name,
        select("#", ...) > 0 and why:format(...) or tostring(why),
        self.seed, self.harts), 0)
end

function Stress:verify()
  local sound, findings = slab.verify()
  if not sound then
    self:fail("slab.verify has %d findings, first: %s", #findings,
              findings[1] and findings[1].what)
  end
end

-- Last: the frames are all back; the verdict, with what was done.
function Stress:finish(what, ...)
  local after = self.settle()
  if after ~= self.before then
    self:fail("%d frames free before, %d after", self.before, after)
  end
  print(("%s: ok  %d harts  %.1f s  %s  %d frames before and after"):format(
        self.name, self.harts, (sys.uptime() - self.start) / 1e9,
        what:format(...), after))
end

return Stress
