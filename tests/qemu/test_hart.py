# SPDX-License-Identifier: MIT
"""The module hart: jobs, values between states, channels, exactness."""
from lib import Session, check, contains, equal, matches, run, test

from test_slab import PRELUDE


def lua(*texts, **machine):
    """Run the texts after the prelude; the output."""
    return run(PRELUDE, *texts, status=0, **machine).out


def I2_6_session_producer_consumer():
    out = run(
        """c = slab.create("msg", 256)  ch = hart.chan(64)""",
        'p = hart.run(1, function(c, ch) for i = 1, 10000 do '
        'ch:send(c:alloc_n(8)) end ch:close() end, c, ch)',
        'q = hart.run(2, function(ch) local n = 0 for b in function() '
        'return ch:recv() end do n = n + #b  b:free() end return n end, ch)',
        """print(p:wait(), q:wait())""",
        """assert(c:stats().objects_inuse == 0) assert(slab.verify())""",
        status=0).out
    matches(out, r"^true\ttrue\t80000\r?$")


def I2_6_session_bench_on_others_while_reaping():
    out = run('j = hart.run("others", function() return bench.run("pair", '
              '{time_ms=2000}).ops end)  print(slab.reap{level="all"})  '
              'print(j:wait())',
              status=0).out
    matches(out, r"^\d+\t\d+\r?$")
    matches(out, r"^true\t\{(\{[0-9]+, n = 1\}(, )?){3}\}\r?$")


def I2_6_values_cross_and_come_back():
    lua(r"""
local v = {1, -2, 3.5, "x\0y", true, false, {a={b={"deep"}}, [2.5]="f",
  [true]=1}, math.mininteger, ("z"):rep(100000)}
local function same(a, b)
  if type(a) ~= "table" then return a == b and math.type(a) == math.type(b) end
  for k, x in pairs(a) do if not same(x, b[k]) then return false end end
  for k in pairs(b) do if a[k] == nil then return false end end
  return true
end
local r = table.pack(hart.call(1, function(...) return ... end, v, nil, 7, nil))
assert(r.n == 4 and same(v, r[1]) and r[2] == nil and r[3] == 7 and r[4] == nil)
assert(select("#", hart.call(1, function() end)) == 0)
local deep = {} local t = deep for i = 1, 15 do t[1] = {} t = t[1] end
assert(hart.call(1, function(d) return d[1][1][1] and "deep" end, deep) ==
  "deep")
t[1] = {} fails("more than 16", hart.call, 1, function() end, deep)
local ring = {} ring.me = ring fails("contains itself", hart.call, 1,
  function() end, ring)
local up = 1 fails("upvalue 'up'", hart.run, 1, function() return up end)
local f = load("local _ENV = {} return function() return x end")()
fails("_ENV", hart.run, 1, f)
fails("written in C", hart.run, 1, print)
fails("a function cannot cross", hart.run, 1, function() end, print)
fails("#2", hart.run, 1, function() end, 1, coroutine.create(print))
fails("cannot cross", hart.run, 1, function() end, {{print}})
fails("hart must be in 0..3", hart.run, 4, function() end)
fails("hart must be in 0..3", hart.run, -1, function() end)
fails("which must be", hart.run, "some", function() end)
fails("hart", hart.run, nil, function() end) fails("function", hart.run, 1)
  fails("function", hart.run, 1, {})
fails("list", hart.run, {}, function() end) fails("twice", hart.run, {1, 1},
  function() end)
fails("integers", hart.run, {"1"}, function() end)
refused("EHART", hart.run(0, function() end)) refused("EHART", hart.run("all",
  function() end))
refused("EHART", hart.call(0, function() end)) refused("EHART", hart.run({1,
  0}, function() end))
refused("EHART", hart.call(1, function() return hart.run(1, function() end)
  end))
""")


def I2_6_errors_come_with_the_remote_traceback():
    lua(r"""
local j = hart.run(2, function() local function deep() error("boom") end
  deep() end)
local v, msg, code = j:wait() refused("EJOB", v, msg, code)
assert(msg:find("^hart 2: ") and msg:find("boom") and
  msg:find("stack traceback") and msg:find("deep"), msg)
assert(j:status() == "error") refused("EJOB", j:wait())
v, msg, code = hart.call(1, function() return print end) refused("EJOB", v,
  msg, code)
assert(msg:find("result #1") and msg:find("cannot cross"), msg)
v, msg, code = hart.call(1, function() error({}) end) refused("EJOB", v, msg,
  code)
v, msg, code = hart.call(1, function() error() end) refused("EJOB", v, msg,
  code)
v, msg, code = hart.call(1, function() local s = "x" while true do s = s .. s
  end end)
refused("EJOB", v, msg, code) assert(msg:find("memory") or msg:find("large"),
  msg)
v, msg, code = hart.call(1, function() local function f() return f() + 1 end
  return f() end) refused("EJOB", v, msg, code)
local j = hart.run("others", function() if hart.id() == 2 then
  error("only here") end return hart.id() end)
v, msg, code = j:wait() refused("EJOB", v, msg, code)
assert(msg:find("hart 2: .*only here") and not msg:find("hart 1"), msg)
v, msg, code = hart.call(1, "nosuchfile.lua") refused("EJOB", v, msg, code)
assert(slab.verify())
""")


def I2_6_jobs_wait_queue_cancel_kill():
    lua(r"""
local j = hart.run(1, function() while true do end end)
refused("ETIMEDOUT", j:wait(20)) assert(j:status() == "running")
local k = hart.run(1, function() return "second" end)
local l = hart.run(1, function() return "third" end)
assert(k:status() == "queued") k:cancel() assert(k:status() == "cancelled")
refused("ECANCELED", k:wait())
j:cancel() refused("ECANCELED", j:wait(5000)) assert(j:status() == "cancelled")
assert(select(2, l:wait(5000)) == "third" and select(2, l:wait()) == "third"
  and l:status() == "done")
j = hart.run(1, function() while true do pcall(function() while true do end
  end) end end)
j:wait(10) j:kill() refused("ECANCELED", j:wait(5000))
j = hart.run(1, function() return ("a"):rep(40):find(("a*"):rep(40) .. "b") end)
j:wait(10) j:kill() refused("ECANCELED", j:wait(5000))
local ch = hart.chan(1)
j = hart.run(1, function(ch) return ch:recv() end, ch) j:wait(10) j:cancel()
  refused("ECANCELED", j:wait(5000))
l:cancel() l:kill() assert(l:status() == "done")
j = hart.run({3, 1}, function(x) return hart.id(), x end, "arg")
local ok, t = j:wait() assert(ok and t[1][1] == 1 and t[3][2] == "arg" and
  t[3].n == 2 and not t[2])
print(j, l) assert(slab.verify())
""")


def I2_6_output_of_jobs_is_kept():
    out = lua(r"""
local j = hart.run(1, function() print("said", 5) for i = 1, 2000 do print(i)
  end end)
assert(j:wait()) local s = j:output() assert(#s == 4096 and s:sub(-5) ==
  "2000\n")
j = hart.run(1, function() print("short") end) j:wait() assert(j:output() ==
  "short\n")
j = hart.run(1, function() end) j:wait() assert(j:output() == "")
""")
    matches(out, r"^said\t5\r?$")


def I2_6_objects_have_one_owner():
    lua(r"""
c = slab.create("own", 64) o = c:alloc() o:poke(0, "I8", 77)
local a = o:addr()
local p = hart.call(1, function(o) assert(o:peek(0, "I8") == 77) o:poke(0,
  "I8", 78) return o end, o)
fails("sent to another hart", o.addr, o) fails("sent", o.free, o)
  fails("sent", c.free, c, o)
fails("sent before", hart.run, 1, function() end, o)
assert(p:addr() == a and p:peek(0, "I8") == 78) p:free()
o = c:alloc() fails("twice", hart.run, 1, function() end, o, o)
  assert(o:addr()) -- still ours
fails("one hart only", hart.run, {1, 2}, function() end, o) o:free()
fails("freed", hart.run, 1, function() end, o)
local b = c:alloc_n(5000) local n = hart.call(1, function(b) return #b end, b)
fails("sent", function() return #b end) assert(n == 5000)
assert(c:stats().objects_inuse == 0 and c:stats().gc_freed == 5000,
  "the job's state dropped it")
local ch = hart.chan(4) ch:send(c:alloc()) ch:send({c:alloc_n(10), "x"})
  assert(#ch == 2)
assert(c:stats().objects_inuse == 11) ch = nil collectgarbage() collectgarbage()
assert(c:stats().objects_inuse == 0 and c:stats().gc_freed == 5011)
local j = hart.run(1, function(c) return c:alloc_n(3) end, c) j:wait() j = nil
  collectgarbage() collectgarbage()
assert(c:stats().objects_inuse == 0)
local j = hart.run(1, function(c) local t = {} for i = 1, 100 do t[i] =
  c:alloc() end while true do end end, c)
j:wait(50) assert(c:stats().objects_inuse == 100) j:kill() j:wait()
assert(c:stats().objects_inuse == 0, "killed state keeps objects")
assert(hart.call(2, function(c) return c == slab.find("own") end, c))
assert(hart.call(2, function(c) return c:destroy() end, c)) fails("destroyed",
  c.alloc, c)
assert(slab.verify())
""")


def A7_each_hart_frees_what_another_allocated():
    lua(r"""
c = slab.create("ring", 128) local n = hart.count()
local chans = {} for i = 1, n - 1 do chans[i] = hart.chan(16) end
local function stage(c, from, to)
  for i = 1, 200 do
    assert(to:send(c:alloc_n(16)))
    from:recv():free("fifo")
  end
  return hart.id()
end
local jobs = {} for i = 1, n - 1 do jobs[i] = hart.run(i, stage, c, chans[i],
  chans[i % (n - 1) + 1]) end
for i, j in ipairs(jobs) do local ok, id = j:wait() assert(ok and id == i, id)
  end
local s = c:stats() assert(s.objects_inuse == 0 and s.alloc == 200 * 16 * (n -
  1) and s.free == s.alloc, s.alloc)
assert(c:destroy() and slab.verify())
""")


def test_channels_counters_barriers():
    lua(r"""
local ch = hart.chan(2)
fails("nil cannot be sent", ch.send, ch) fails("through itself", ch.send, ch,
  ch)
fails("cannot cross", ch.send, ch, print) fails("1..65536", hart.chan, 0)
  fails("1..65536", hart.chan, 65537)
fails("time-out", ch.send, ch, 1, -1) fails("number", ch.recv, ch, "x")
  fails("hart.chan", ch.recv, 5)
assert(ch:send(1) and ch:send(false)) refused("ETIMEDOUT", ch:send(3, 10))
  refused("ETIMEDOUT", ch:send(3, 0))
assert(#ch == 2 and ch:recv() == 1 and ch:recv(0) == false)
  refused("ETIMEDOUT", ch:recv(10))
ch:send("last") ch:close() ch:close() refused("EINVAL", ch:send(1))
assert(ch:recv() == "last" and select("#", ch:recv()) == 1 and ch:recv() == nil)
-- a blocked sender and a blocked receiver learn that it was closed
local full = hart.chan(1) full:send(0)
local j = hart.run(1, function(ch) return select(3, ch:send(1)) end, full)
local empty = hart.chan(1) local k = hart.run(2, function(ch) return ch:recv()
  == nil end, empty)
j:wait(20) full:close() empty:close()
assert(select(2, j:wait(5000)) == "EINVAL" and select(2, k:wait(5000)) == true)
-- a channel through a channel; a long chain is freed without recursion
local a, b = hart.chan(1), hart.chan(1) a:send(b) local b2 = a:recv() assert(b
  == b2 and a ~= b)
local c = hart.chan(1) for i = 1, 5000 do local d = hart.chan(1) d:send(c) c =
  d end
c = nil collectgarbage() collectgarbage()
local n = hart.counter(5) assert(n:add() == 6 and n:add(-2) == 4 and n:get()
  == 4)
assert(n:cas(4, 9) and not n:cas(4, 1) and n:get() == 9) fails("integer",
  n.add, n, 1.5)
n = hart.counter() j = hart.run("others", function(n) for i = 1, 1000 do
  n:add(1) end end, n)
j:wait() assert(n:get() == 1000 * (hart.count() - 1))
local bar = hart.barrier(3) fails("1..4096", hart.barrier, 0)
refused("ETIMEDOUT", bar:wait(10))
local order = hart.counter()
j = hart.run("others", function(bar, n) for i = 1, 50 do n:add(1)
  assert(bar:wait()) assert(n:get() >= 3 * i) bar:wait() end end, bar, order)
assert(j:wait()) assert(order:get() == 150)
assert(slab.verify())
""")


def I2_9_timer_interrupt_and_ipi_on_each_hart():
    lua(r"""
local function counts() local t = {} for _, h in ipairs(hart.list()) do
  t[h.id] = h end return t end
local before = counts() assert(hart.count() == 4 and #hart.list() == 4)
local ch = hart.chan(1)
local function wait(ch) return select(3, ch:recv(20)) end
local ok, t = hart.run("others", wait, ch):wait()
for i = 1, 3 do assert(t[i][1] == "ETIMEDOUT") end
assert(select(3, ch:recv(20)) == "ETIMEDOUT")
slab.reap{level="all"}
local after = counts()
for i = 0, 3 do
  assert(after[i].timer_irqs > before[i].timer_irqs,
    "no timer interrupt on hart " .. i)
  assert(after[i].hartid >= 0 and #after[i].isa > 0)
  assert(after[i].ipis > before[i].ipis, "no IPI on hart " .. i)
  if i > 0 then assert(after[i].works > before[i].works) end
end
""")


@test(timeout=240)
def test_contract_exactness_of_jobs():
    lua(r"""
local function spawn(n)
  for i = 1, n do
    local h = i % (hart.count() - 1) + 1
    local ch = hart.chan(4)
    local c = slab.create("job", 100)
    local j = hart.run(h, function(c, ch, t)
      ch:send(c:alloc_n(20)) print(t[1])
      if t.fail then error("on purpose") end
      return {t, ch, c:alloc()}
    end, c, ch, {"spawn", fail = i % 10 == 2})
    ch:recv():free()
    if i % 10 == 0 then j:kill() elseif i % 10 == 1 then j:cancel() end
    j:wait() j = nil ch = nil collectgarbage() assert(c:destroy())
  end
end
spawn(4) local before = F()
spawn(100) local after = F()
assert(before == after, before .. " " .. after) assert(slab.verify())
""")


def I2_6_waiting_is_interruptible():
    with Session() as s:
        s.prompt()
        s.lua("ch = hart.chan(1)")
        s.send("print('now') ch:recv()\r")
        s.expect(r"^now\r?$")
        s.send("\x03")
        out = s.prompt()
        contains(out, "interrupted")
        s.lua("function loop() while true do end end")
        s.lua("j = hart.run(1, loop)")
        s.send("print('now') j:wait()\r")
        s.expect(r"^now\r?$")
        s.send("\x03")
        contains(s.prompt(), "interrupted")
        contains(s.lua("print(j:status())"), "running")
        s.lua("j:kill()")
        contains(s.lua("print(j:wait())"), "ECANCELED")
        s.send("print('now') hart.call(1, loop)\r")
        s.expect(r"^now\r?$")
        s.send("\x03")
        contains(s.prompt(), "interrupted")
        s.lua("function alive() return 'alive' end")
        contains(s.lua("print(hart.call(1, alive))"), "alive")
        s.send("sys.poweroff()\r")
        equal(s.end(), 0, "exit status")


def test_one_hart_says_EHART():
    out = lua(r"""
refused("EHART", hart.run("others", function() end)) refused("EHART",
  hart.run(0, function() end))
assert(hart.count() == 1 and hart.id() == 0)
""", harts=1)
    check("HEAP-ERROR" not in out, "a report")


RACES = r"""
local function body(seed, ch)
  math.randomseed(seed)
  for i = 1, 60 do
    local name = "r" .. math.random(1, 3)
    local c = slab.create(name, math.random(1, 500)) or slab.find(name)
    if c then
      local ok, e = pcall(function()
        local b = c:alloc_n(math.random(1, 300))
        if b then b:shuffle(i) if math.random() < 0.5 then b:free("random")
          end end
        local o = c:alloc() if o then ch:send({o, c}, 50) end
        local v = ch:recv(1) if v then v[1]:free() end
        c:stats() c:map() tostring(c)
        if math.random() < 0.3 then slab.reap{level="all"} end
        collectgarbage()
        c:destroy()
      end)
      if not ok and not tostring(e):find("destroyed") then error(e) end
    end
  end
end
local ch = hart.chan(8)
for round = 1, 9 do
  local jobs = {}
  for h = 1, hart.count() - 1 do jobs[h] = hart.run(h, body, round * 100 + h,
    ch) end
  if round % 3 == 0 then jobs[1]:wait(5) jobs[1]:kill() end
  if round % 3 == 1 then jobs[2]:wait(5) jobs[2]:cancel() end
  for h, j in ipairs(jobs) do
    local ok, e, code = j:wait() assert(ok or code == "ECANCELED", e)
  end
end
repeat local v = ch:recv(0) if v then v[1]:free() end until not v
for i = 1, 3 do
  local c = slab.find("r" .. i) if c then assert(c:stats().objects_inuse == 0)
    assert(c:destroy()) end
end
assert(slab.errors() == 0 and slab.verify())
"""


@test(timeout=240)
def test_races_on_names_channels_and_states_lose_nothing():
    lua(RACES)


def I2_5_what_a_dropped_state_held_is_freed():
    with Session() as s:
        s.prompt()
        s.lua("c = slab.create('held', 64) k = slab.kmalloc(9)")
        s.lua("o = c:alloc() b = c:alloc_n(9000)")
        s.lua("r = frame.alloc(100) g = frame.pressure(50)")
        contains(s.lua("print(c:stats().objects_inuse)"), "9001")
        # C code of Lua's own that never ends, and sees no hook.
        s.lua("p = ('a*'):rep(50)..'b' t = ('a'):rep(50)")
        s.send("print('now') return t:find(p)\r")
        s.expect(r"^now\r?$")
        s.send("\x03\x03")
        s.prompt()
        s.lua("c = slab.find('held') n = c:stats().objects_inuse")
        matches(s.lua("print('HELD', n, frame.stat().held, b)"),
                r"^HELD\t0\t0\tnil\r?$")
        contains(s.lua("print(c:destroy(), slab.verify())"), "true\ttrue")
        s.send("sys.poweroff()\r")
        equal(s.end(), 0, "exit status")
