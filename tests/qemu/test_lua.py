# SPDX-License-Identifier: MIT
"""The Lua console: prompt, errors, Ctrl-C, memory, scripts, help, bad input."""
import os
import re
import textwrap

from lib import (ROOT, Session, check, contains, equal, folder, matches, run,
                 test, write)

API = os.path.join(ROOT, "docs", "lua-api.md")
CTRL_C = "\x03"
CTRL_D = "\x04"


def names():
    """(owner, separator, function) of every record, from the reference."""
    found = re.findall(r"^### (?:([\w.]+)([.:]))?(\w+)$", open(API).read(),
                       re.MULTILINE)
    check(len(found) > 100, "few names in", API)
    return found


def examples():
    """(function, text) of every example of the reference."""
    found = []
    for part in re.split(r"^### ", open(API).read(), flags=re.MULTILINE)[1:]:
        code = re.search(r"```lua\n(.*?)```", part, re.DOTALL)
        if code:
            found.append((part.split("\n", 1)[0], code.group(1)))
    check(len(found) > 30, "few examples in", API)
    return found


def long(s, text, timeout=None):
    """Enter a text wider than the terminal, in lines; its output."""
    for line in ["do"] + textwrap.wrap(text, 60, break_long_words=False,
                                       break_on_hyphens=False):
        s.send(line + "\r")
        s.expect("   ...> ", plain=True)
    s.send("end\r")
    return s.prompt(timeout).partition("\n")[2]


# ---- The prompt ----

def test_prompt_prints_expressions():
    with Session() as s:
        s.prompt()
        equal(s.lua("1 + 1").strip(), "2")
        equal(s.lua("=1, nil, 'x'").strip(), "1\tnil\tx")
        equal(s.lua("x = 5").strip(), "")
        equal(s.lua("x").strip(), "5")
        equal(s.lua("{3, 1, b = {c = 2}, a = 'q'}").strip(),
              '{3, 1, a = "q", b = {c = 2}}')
        contains(s.lua("local t = {} for i = 1, 99 do t['k' .. i] = i end "
                       "return t"), "...(+59)")
        equal(s.lua("").strip(), "")
        equal(s.lua("   ").strip(), "")
        equal(s.lua("print('a', nil, 1.5)").strip(), "a\tnil\t1.5")


def test_prompt_continues_incomplete_chunks():
    with Session() as s:
        s.prompt()
        s.send("for i = 1, 2 do\r")
        s.expect("   ...> ", plain=True)
        s.send("print('line', i)\r")
        s.expect("   ...> ", plain=True)
        equal(s.lua("end").strip(), "line\t1\nline\t2")
        s.send("{1,\r")
        s.expect("   ...> ", plain=True)
        equal(s.lua("2}").strip(), "{1, 2}")
        # Ctrl-C drops what was begun.
        s.send("f(\r")
        s.expect("   ...> ", plain=True)
        s.send(CTRL_C)
        s.prompt()
        equal(s.lua("7").strip(), "7")


def test_errors_have_traceback_and_the_prompt_returns():
    with Session() as s:
        s.prompt()
        out = s.lua("local function f() error('boo') end f()")
        contains(out, "stdin:1: boo")
        contains(out, "stack traceback:")
        contains(out, "in local 'f'")
        contains(s.lua("x = = 1"), "stdin:1: unexpected symbol near '='")
        contains(s.lua("error({})"), "(error object is a table value)")
        contains(s.lua("error(setmetatable({}, {__tostring = function() "
                       "return 'mine' end}))"), "mine")
        contains(s.lua("error()"), "nil value")
        contains(s.lua("nix.field = 1"), "global 'nix'")
        contains(s.lua("local function g() return g() + 1 end return g()"),
                 "stack overflow")
        equal(s.lua("1").strip(), "1")


def test_ctrl_d_starts_a_new_state():
    with Session() as s:
        s.prompt()
        s.lua("x = 1")
        s.send(CTRL_D)
        contains(s.prompt(), "console: new Lua state")
        equal(s.lua("x").strip(), "nil")
        # In a chunk it drops the chunk only.
        s.lua("x = 1")
        s.send("return {\r")
        s.expect("   ...> ", plain=True)
        s.send(CTRL_D)
        contains(s.prompt(), "console: unfinished chunk dropped")
        equal(s.lua("x").strip(), "1")


# ---- Ctrl-C ----

LOOPS = {
    "plain": "while true do end",
    "pcall": "while true do pcall(function() while true do end end) end",
    "coroutine": "coroutine.wrap(function() while true do end end)()",
    "coroutines": "local function f(n) if n > 0 then coroutine.wrap(f)(n - 1)"
                  " end while true do end end f(5)",
    "handler": "xpcall(error, function() while true do end end)",
    "gc": "setmetatable({}, {__gc = function() while true do end end}) "
          "collectgarbage()",
    "close": "do local x <close> = setmetatable({}, {__close = function() "
             "while true do end end}) end",
    "iterator": "for _ in function() return 1 end do end",
    "C calls": "string.rep('a', 1e6):gsub('.', function() "
               "return (string.rep('b', 100):gsub('.', tostring)) end)",
    "metamethod": "local t = setmetatable({}, {}) getmetatable(t).__index = "
                  "function() while true do end end return t.x",
}


@test(timeout=180)
def I2_bad_input_ctrl_c_stops_every_loop():
    with Session() as s:
        s.prompt()
        s.lua("kept = 42")
        for name, loop in LOOPS.items():
            print("\n-- loop:", name, flush=True)
            s.send("do print('go')\r%s\rend\r" % "\r".join(textwrap.wrap(
                loop, 60, break_long_words=False)))
            s.expect(r"^go\r?$")
            s.send(CTRL_C)
            out = s.prompt(timeout=5)
            check("dropped" not in out, name, "cost the state")
            equal(s.lua("kept").strip(), "42", name)


@test(timeout=180)
def I2_bad_input_ctrl_c_drops_a_state_no_hook_reaches():
    stuck = [
        "string.find(('a'):rep(30), ('a?'):rep(30) .. ('a'):rep(30))",
        "string.rep('', 1 << 62)",
        "table.move({}, 1, math.maxinteger - 1, 2)",
        "string.find(('a'):rep(4000), '.-.-.-.-b$')",
    ]
    with Session() as s:
        s.prompt()
        for text in stuck:
            s.lua("x = 1")
            s.send("do print('go') x =\r%s end\r" % text)
            s.expect(r"^go\r?$")
            s.send(CTRL_C * 3)
            contains(s.prompt(timeout=5),
                     "console: Lua state dropped and rebuilt")
            equal(s.lua("x").strip(), "nil")
        # Nothing of the dropped states is left.
        s.lua("collectgarbage() slab.reap{level='all'}")
        check(int(s.lua("sys.mem().lua_charged").strip()) < 200000)
        equal(s.lua("slab.verify()").strip(), "true")


def test_ctrl_c_alone_is_enough_after_a_while():
    with Session() as s:
        s.prompt()
        said = ""
        # The key may be faster than the step from print to string.rep: then
        # there was a chunk to interrupt, or the call, and no C function to be
        # stuck in.
        for _ in range(10):
            s.send("print('go') string.rep('', 1 << 62)\r")
            s.expect(r"^go\r?$")
            s.send(CTRL_C)
            said = s.prompt(timeout=10)
            if not re.search(r"^(stdin:1: )?interrupted", said, re.MULTILINE):
                break
        contains(said, "dropped and rebuilt")


def test_time_limit_ends_a_chunk():
    out = run("sys.limit{time_ms=200} local ok, e = pcall(function() "
              "while true do end end) print('not reached')", status=1).out
    contains(out, "time limit of 200 ms reached")
    check("not reached" not in out)


# ---- Memory ----

@test(timeout=180)
def I2_bad_input_runaway_memory():
    with Session(mem="64M", harts=1) as s:
        s.prompt()
        contains(long(s, "local t = {} for i = 1, 1e9 do t[i] = "
                      "('x'):rep(99) .. i end", timeout=60),
                 "not enough memory")
        equal(s.lua("1 + 1").strip(), "2")
        # Kept in a global the memory stays taken, and the prompt works.
        contains(long(s, "t = {} for i = 1, 1e9 do t[i] = ('x'):rep(99) .. i "
                      "end", timeout=60), "not enough memory")
        for i in range(5):
            equal(s.lua("%d + 1" % i).strip(), str(i + 1))
        s.lua("t = nil")
        s.lua("collectgarbage()")
        equal(s.lua("('y'):rep(3e6):len()").strip(), "3000000")
        for bomb in ("string.rep('x', 1 << 40)", "('x'):rep(1e9)",
                     "table.concat({('x'):rep(1e6)}, ('y'):rep(1e6)):rep(99)",
                     "table.unpack({}, 1, 1e8)",
                     "string.format('%099999d', 1)",
                     "local s = 'x' while true do s = s .. s end",
                     "load('return ' .. ('('):rep(1e5))",
                     "local t = {} t[1] = t while true do t = {t, t} end"):
            long(s, bomb, timeout=60)
            equal(s.lua("1 + 1").strip(), "2", bomb)


@test(timeout=180)
def I2_bad_input_prompt_answers_while_the_zone_is_exhausted():
    with Session(mem="32M", harts=1) as s:
        s.prompt()
        s.lua("c = slab.create('eater', 65536) keep = {}")
        s.lua("d = slab.create('crumbs', 64)")
        long(s, "b = 1 << 16 while b > 0 do local x = c:alloc_n(b) "
             "if x then keep[#keep + 1] = x else b = b // 2 end end",
             timeout=60)
        long(s, "b = 1 << 16 while b > 0 do local x = d:alloc_n(b) "
             "if x then keep[#keep + 1] = x else b = b // 2 end end",
             timeout=60)
        # Under 2 % is left.
        free, total = s.lua("frame.free(), frame.total()").split()
        check(int(free) * 50 < int(total), free, "of", total, "are left")
        for i in range(20):
            equal(s.lua("%d * 2" % i).strip(), str(i * 2))
        contains(s.lua("error('still here')"), "still here")
        long(s, "for _, b in ipairs(keep) do b:free() end keep = nil")
        s.lua("collectgarbage() slab.reap{level='all'}")
        check(int(s.lua("frame.free()").strip()) > 1000, "memory is gone")
        equal(s.lua("slab.verify()").strip(), "true")


def test_deep_c_calls_end_in_an_error():
    deep = [
        "local function f(c) return (c:gsub('.', f)) end return f('x')",
        "local function f() return pcall(f) end return select('#', f())",
        "local function f() return coroutine.wrap(f)() end return f()",
        "return (load('return ' .. ('{'):rep(300)))",
        "local t = setmetatable({}, {}) getmetatable(t).__index = "
        "function(t, k) return t[k .. 'x'] end return t.x",
        "local function f(a, b) table.sort({3, 2, 1}, f) end f()",
        "string.rep('(', 200):find(string.rep('(', 200))",
        "local t = {} for i = 1, 200 do t = setmetatable({}, {__concat = t, "
        "__call = t}) end return t()",
    ]
    for mem, harts in (("128M", 1), ("8M", 1), ("8M", 4)):
        with Session(mem=mem, harts=harts) as s:
            s.prompt()
            for text in deep:
                long(s, text, timeout=30)
                equal(s.lua("1 + 1").strip(), "2", text)
            # The message handler has calls of its own left.
            out = long(s, deep[0])
            contains(out, "C stack overflow")
            contains(out, "stack traceback:")
            check("PANIC" not in s.all and "page fault" not in s.all,
                  "the stack was too small")


def test_lua_gives_back_what_it_took():
    out = run(r"""
function F() collectgarbage() collectgarbage() slab.reap{level="all"}
  local m = sys.mem() return m.free_frames + m.lua_frames end
local first = F()
for round = 1, 3 do
  local t = {}
  for i = 1, 20000 do t[i] = {i, tostring(i)} end
  t = nil
  local s = ("x"):rep(3000000) s = nil
  local before = F()
  assert(before == first, before .. " frames, not " .. first)
end
local m = sys.mem()
assert(m.lua_frames < m.total_frames // 4 and m.lua_frames > 0)
print("exact")
""", status=0, timeout=60).out
    contains(out, "exact")


# ---- Scripts of the initrd ----

def initrd(files):
    where = folder()
    for name, text in files.items():
        write(os.path.join(where, name), text)
    return where


def test_init_lua_runs_then_the_prompt():
    files = {"init.lua": "print('from init', run('sub/a', 1, 2))\n",
             "sub/a.lua": "#!shebang\nprint(...) return 'a'\n",
             "lib/m.lua": "return {name = ...}\n",
             "lib/n/o.lua": "return 7\n"}
    with Session(initrd=initrd(files)) as s:
        out = s.prompt()
        contains(out, "1\t2\n")
        contains(out, "from init\ta\n")
        equal(s.lua("require('m').name").strip(), "m")
        equal(s.lua("require('n.o'), require('n.o')").strip(), "7\t7")
        contains(s.lua("require('nix')"), "module 'nix' not found")
        contains(s.lua("fs.ls('sub')"), "sub/a.lua")
        contains(s.lua("fs.read('lib/n/o.lua')"), "return 7")
        contains(s.lua("run('nix')"), "no file 'nix'")


def test_an_error_in_init_lua_is_shown_and_the_prompt_comes():
    with Session(initrd=initrd({"init.lua": "\nerror('early')\n"})) as s:
        out = s.prompt()
        contains(out, "init.lua:2: early")
        contains(out, "stack traceback:")
        equal(s.lua("1").strip(), "1")


def test_run_argument_chooses_the_script():
    files = {"init.lua": "print('INIT')\n", "b.lua": "print('B')\n"}
    where = initrd(files)
    with Session(initrd=where, append="run=b.lua") as s:
        out = s.prompt()
        contains(out, "B\n")
        check("INIT" not in out)
    with Session(initrd=where, append="run=nix.lua") as s:
        contains(s.prompt(), "run=nix.lua: no such file")


def test_scripts_run_in_order_in_one_state():
    where = folder()
    a = write(os.path.join(where, "z.lua"), "x = (x or 0) + 1 print('z', x)")
    b = write(os.path.join(where, "a.lua"), "x = x + 1 print('a', x)")
    out = run("x = x + 1 print('eval', x)", scripts=[a, b], status=0,
              initrd=initrd({"init.lua": "print('INIT')"})).out
    check("INIT" not in out, "init.lua ran in a batch")
    matches(out, r"z\t1\r?\na\t2\r?\neval\t3\r?\nQUARRY-EXIT code=0")


def test_the_first_error_ends_the_run():
    out = run("print('one')", "error('two')", "print('three')", status=1).out
    contains(out, "one")
    contains(out, "two")
    contains(out, "stack traceback:")
    check("three" not in out)
    contains(run("x = = 1", status=1).out, "unexpected symbol")


def I2_bad_input_corrupt_initrd():
    where = folder()
    junk = bytearray(b"\0" * 4096)
    junk[0:8] = b"init.lua"
    junk[257:262] = b"ustar"
    damaged = write(os.path.join(where, "x.tar"), bytes(junk))
    with Session(initrd=damaged) as s:
        matches(s.prompt(), r"^initrd: .* at byte \d+ of \d+")
        equal(s.lua("1").strip(), "1")
    with Session(initrd=write(os.path.join(where, "c"), "print('raw')")) as s:
        contains(s.prompt(), "raw\n")
    with Session(initrd=write(os.path.join(where, "d"), b"\x1bLua\x54")) as s:
        s.prompt()
        equal(s.lua("1").strip(), "1")


# ---- Help ----

@test(timeout=180)
def I2_6_every_function_has_help():
    asked = [owner + sep + name for owner, sep, name in names()]
    text = "".join("print('ASK %s') help('%s')\n" % (n, n) for n in asked)
    script = write(os.path.join(folder(), "help.lua"), text)
    out = run(scripts=[script], status=0, append="unsafe=1").out
    check("no help for that" not in out, "a function has no help")
    parts = re.split(r"^ASK .*$", out.replace("\r", ""), flags=re.MULTILINE)
    equal(len(parts), len(asked) + 1)
    for name, part in zip(asked, parts[1:]):
        check(len(part.strip()) > 20, "help of", name, "is short:", part)


def test_help_by_value_and_apropos():
    out = run("help(slab.create)", "help(slab)", "help(string.format)",
              "c = slab.create('h', 8) help(c) c:destroy()", "help(help)",
              "apropos('MAGAZINE')", "help('no such thing')", "examples()",
              "help()", status=0).out
    contains(out, "slab.create(name, size")
    contains(out, "string.format: of standard Lua 5.4")
    contains(out, "no help for that")
    for script in ("smoke", "storm", "churn", "oom", "crosshart"):
        contains(out, script)


@test(timeout=300)
def I2_6_examples_of_the_functions_run():
    for name, text in examples():
        if "run('smoke'" in text or "run('storm'" in text:
            continue  # test_stress.py runs those
    texts = [(n, t) for n, t in examples() if not re.search(r"\brun\(", t)
             or "fs.put" in t]
    body = "".join("print('EXAMPLE %s')\nassert(load([==[%s]==]))()\n"
                   % (n, t) for n, t in texts)
    script = write(os.path.join(folder(), "all.lua"), body)
    run(scripts=[script], status=0, timeout=120)


@test(timeout=300)
def I2_6_example_sessions_run():
    count = int(matches(run("examples()", status=0).out,
                        r"(?s).*^ *(\d+)  the storm").group(1))
    check(count >= 10, "few examples")
    run("for i = 1, %d do print(i) assert(load(examples(i)))() end" % count,
        status=0, timeout=180)


# ---- Wrong arguments ----

HOSTILE = r"""
local seed = 20261120
local function rnd(n)
  seed = (seed * 6364136223846793005 + 1442695040888963407)
  return (seed >> 33) % n + 1
end
local function own() error("own") end
local bad = { [0] = function() return nil end,
  function() return true end, function() return 0 end,
  function() return -1 end, function() return 2^53 end,
  function() return math.maxinteger end, function() return math.mininteger end,
  function() return 0/0 end, function() return 1/0 end,
  function() return "" end, function() return ("x"):rep(300) end,
  function() return "a\0b" end, function() return "%s%n" end,
  function() return {} end, function() return {{}, {}} end,
  function() return setmetatable({}, {__index = own, __len = own}) end,
  function() return setmetatable({}, {__tostring = own}) end,
  function() return print end, function() return coroutine.create(print) end,
  function() return { nosuchoption = 1 } end, function() return 3.5 end,
  function() return 1 end, function() return 7 end,
}
local objects = {}
local function make()
  local c = slab.create("h" .. rnd(1e9), 64)
  local d = slab.create("d" .. rnd(1e9), 64) d:destroy()
  local ch = hart.chan(2) ch:close()  -- open, recv would wait for ever
  return { ["slab.cache"] = {c, d}, ["slab.obj"] = {c:alloc()},
    ["slab.batch"] = {c:alloc_n(3)}, ["frame.run"] = {frame.alloc(2)},
    ["frame.guard"] = {frame.pressure(1)}, ["hart.chan"] = {ch},
    ["hart.counter"] = {hart.counter()}, ["hart.barrier"] = {hart.barrier(1)},
    ["bench.hist"] = {bench.hist()},
    ["board.plant"] = {board.plant{drift_ppm = 1}},
    ["bench.result"] = {bench.run("noop", {n=10})},
    ["hart.job"] = {hart.count() > 1 and hart.run(1, function() end) or nil} }
end
local skip = { ["sys.poweroff"] = true, ["sys.reboot"] = true,
  ["sys.limit"] = true, ["bench.storm"] = true, ["bench.exhaust"] = true,
  ["board.check"] = true,  -- seconds each; test_board.py has its misuse
  ["hart.job:wait"] = true, ["unsafe.peek"] = true, ["unsafe.poke"] = true,
  ["unsafe.call"] = true, ["unsafe.free"] = true, ["unsafe.crash"] = true }
local calls, errors, unnamed = 0, 0, {}
local function try(full, name, f, ...)
  if f == nil then error("there is no " .. full) end
  calls = calls + 1
  local got = table.pack(pcall(f, ...))
  if got[1] then return end
  errors = errors + 1
  local e = got[2]
  -- Misuse names the function; a callback's own error need not.
  if type(e) ~= "string" then return end
  if e:find("bad argument", 1, true) and not e:find(name, 1, true) then
    unnamed[#unnamed + 1] = full .. ": " .. e
  end
  if e:find("fault:", 1, true) then error(full .. " faulted: " .. e) end
end
local function resolve(owner, sep, name)
  if owner == "" then return _G[name] end
  if sep == "." then return _G[owner] and _G[owner][name] end
end
local function arguments(n)
  local t = {}
  for i = 1, n do t[i] = bad[rnd(#bad + 1) - 1]() end
  return table.unpack(t, 1, n)
end
for round = 1, 25 do
  local all = make()
  for _, r in ipairs(NAMES) do
    local owner, sep, name = r[1], r[2], r[3]
    local full = owner .. sep .. name
    if not skip[full] then
      if sep ~= ":" then
        if round == 1 then try(full, name, resolve(owner, sep, name)) end
        try(full, name, resolve(owner, sep, name), arguments(rnd(4)))
      else
        for _, self in ipairs(all[owner] or error("no " .. owner)) do
          local f = self[name]
          try(full, name, f, self, arguments(rnd(3)))
          try(full, name, f, arguments(rnd(4)))   -- wrong self
        end
      end
    end
  end
  all = nil
  collectgarbage()
  for c in slab.caches() do
    if c.name:find("^[hd]%d") then pcall(c.destroy, c) end
  end
end
print("calls", calls, "errors", errors)
for _, u in ipairs(unnamed) do print("UNNAMED", u) end
assert(#unnamed == 0, #unnamed .. " errors do not name their function")
assert(errors > calls // 4, "suspiciously few errors")
assert(slab.verify())
print("alive")
"""


@test(timeout=300)
def I2_bad_input_hostile_arguments_to_every_binding():
    table = ",".join("{'%s','%s','%s'}" % n for n in names()
                     if n[0] != "unsafe")
    script = write(os.path.join(folder(), "hostile.lua"),
                   "local NAMES = {%s}\n%s" % (table, HOSTILE))
    out = run(scripts=[script], status=0, timeout=200).out
    contains(out, "alive")


def test_faults_become_lua_errors():
    out = run("for _, k in ipairs{'null', 'stack', 'ebreak'} do "
              "print(k, pcall(unsafe.crash, k)) end",
              "print(pcall(unsafe.peek, -1)) print(pcall(unsafe.poke, 0, 0))",
              "print(pcall(unsafe.call, 8))",
              "for i = 1, 200 do pcall(unsafe.crash, 'null') end "
              "for i = 1, 20 do pcall(unsafe.crash, 'stack') end",
              "assert(slab.verify()) print('alive')",
              append="unsafe=1", status=0).out
    matches(out, r"^null\tfalse\tfault: load page fault at 0x0 "
                 r"pc=unsafe_crash\+0x")
    matches(out, r"^stack\tfalse\tfault: store page fault at 0x")
    matches(out, r"^ebreak\tfalse\tfault: breakpoint")
    contains(out, "alive")


def test_unsafe_is_absent_without_its_argument():
    out = run("print(unsafe) print(pcall(function() unsafe.crash() end))",
              status=0).out
    matches(out, r"^nil\r?$")


def test_only_safe_parts_of_lua_are_there():
    out = run("print(io, os, package, debug.sethook, debug.getregistry)",
              "print(load('\\27Lua'))", "print(load(string.dump(print2 or "
              "function() end)))",
              "print(pcall(load, 'x', 'y', 'b'))", status=0).out
    matches(out, r"^nil\tnil\tnil\tnil\tnil\r?$")
    equal(out.count("attempt to load a binary chunk"), 2)
    contains(out, "only text chunks")


def test_numbers_are_read_as_lua_defines():
    out = run("print(tonumber('0x'), tonumber('  -0x '), tonumber('0x.p1'), "
              "0x10, 0xA.8p0, 1e15, 2^53, 1//0.0, -0.0, 3.14, 1e308 * 10, "
              "math.maxinteger + 1 == math.mininteger)", status=0).out
    matches(out, r"^nil\tnil\tnil\t16\t10\.5\t1e\+15\t9\.007199254741e\+15\t"
                 r"inf\t-0\.0\t3\.14\tinf\ttrue\r?$")


def test_device_tree_is_readable():
    out = run("print(sys.dt('/cpus').cells['timebase-frequency'][1])",
              "print(sys.dt('/nope'))", "print(#sys.dt('/').compatible > 0)",
              "print(sys.info().harts, hart.count())", status=0, harts=2).out
    contains(out, "10000000")
    contains(out, "ENOENT")
    matches(out, r"^2\t2\r?$")


def I2_figures_boot_instructions():
    out = run("local i = sys.info() print('BOOT', i.exact, "
              "i.boot_instructions)", status=0, harts=1, mode="exact").out
    n = int(matches(out, r"^BOOT\ttrue\t(\d+)").group(1))
    check(0 < n <= 3000000, "entry to prompt took", n, "instructions")
