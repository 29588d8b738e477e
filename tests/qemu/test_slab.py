# SPDX-License-Identifier: MIT
"""The modules slab and frame: contract sessions, misuse, bounds."""
import json
import re

from lib import Session, check, contains, equal, matches, run, test

# A cache's life, then nothing may be missing. F() is the exactness figure.
PRELUDE = r"""
function F()
  collectgarbage() collectgarbage()
  slab.reap{level="all"}
  local m = sys.mem()
  return m.free_frames + m.lua_frames
end
function fails(part, f, ...)
  local ok, msg = pcall(f, ...)
  assert(not ok, "no error; wanted one with: " .. part)
  assert(tostring(msg):find(part, 1, true), "error '" .. tostring(msg) ..
    "' lacks '" .. part .. "'")
end
function refused(code, v, msg, got)
  assert(v == nil and type(msg) == "string" and got == code,
    tostring(v) .. " " .. tostring(msg) .. " " .. tostring(got))
end
"""


def lua(*texts, **machine):
    """Run the texts after the prelude; the output."""
    return run(PRELUDE, *texts, status=0, **machine).out


def I2_6_session_first_contact():
    out = run('c = slab.create("pt", 64)  o = c:alloc()  print(c, o:addr() '
              '% 8)  o:free()  c:destroy()',
              status=0).out
    matches(out, r"^slab\.cache 'pt' size 64 stride 64 in use 1/\d+ slabs 1 "
                 r"colours \d+ mag \d+\t0\r?$")


def I2_6_session_stat():
    out = run("""slab.stat("lua*|kmalloc-*")""", status=0).out
    matches(out, r"^cache +size +inuse +cached +total")
    matches(out, r"^kmalloc-64 +64 ")
    matches(out, r"^lua-")
    check("\nslab" not in out, "a name that does not match was shown")


@test(timeout=180)
def I2_6_session_oom():
    out = run(
        """c = slab.create("msg", 256)""",
        'do local g <close> = frame.pressure(95)  local keep, n, o, e, code '
        '= {}, 0\n'
        '   repeat o, e, code = c:alloc()  keep[#keep+1] = o until not o  '
        'print(#keep, e, code) end\n'
        'collectgarbage()  print(slab.reap{level="all"})', status=0).out
    got = matches(out, r"^(\d+)\tmsg: no memory .*\tENOMEM\r?$")
    check(int(got.group(1)) > 1000, "few objects fitted:", got.group(1))
    got = matches(out, r"^(\d+)\t(\d+)\r?$")
    check(int(got.group(1)) > 100, "few frames came back:", got.group(1))


def I2_6_session_map():
    out = run(
        """c = slab.create("msg", 256)""",
        'b = c:alloc_n(20000)  b:shuffle(7)  b:split(19000):free()  '
        'print(c:map(64))  print("frames back:",c:shrink())  b:free()',
        status=0).out
    matches(out, r"^[.:+*#]{64}\r?$")
    matches(out, r"^\d+ slabs, \d+ of \d+ objects live")
    matches(out, r"^frames back:\t\d+\r?$")


def test_slab_handles_know_their_second_free():
    out = lua(r"""
c = slab.create("twice", 64)
o = c:alloc() a = o:addr() o:free()
before = slab.errors()
fails("double-free", o.free, o)
-- the slot is somebody else's by now: still a double free
p = c:alloc() assert(p:addr() == a, "slot not handed out again")
fails("double-free", o.free, o)
p:poke(0, "I8", 42) assert(p:peek(0, "I8") == 42)
p:free()
n, by = slab.errors()
assert(n == before + 2 and by["double-free"] == 2, n)
k = slab.kmalloc(100) k:free() fails("double-free", k.free, k)
b = c:alloc_n(10) b:free() fails("freed", b.free, b)
assert(c:destroy()) assert(slab.verify())
""")
    equal(out.count("HEAP-ERROR kind=double-free cache=twice"), 3, "reports")


def test_slab_wrong_cache_is_reported():
    out = lua(r"""
c = slab.create("right", 64) d = slab.create("wrong", 64)
o = c:alloc() fails("wrong-cache", d.free, d, o) c:free(o)
b = c:alloc_n(5) fails("wrong-cache", d.free, d, b) c:free(b)
assert(c:destroy() and d:destroy())
""")
    equal(out.count("HEAP-ERROR kind=wrong-cache"), 2, "reports")


def test_slab_destroyed_cache_raises_everywhere():
    lua(r"""
c = slab.create("gone", 64) o = c:alloc()
v, msg, code = c:destroy() refused("EBUSY", v, msg, code)
assert(msg:find("1 object"), msg)
local m = {} for _, k in ipairs{"alloc", "stats", "shrink", "flush", "map",
  "slabs", "objects", "destroy"} do m[k] = c[k] end
alloc_n, tune = c.alloc_n, c.tune
o:free() assert(c:destroy())
for k, f in pairs(m) do fails("destroyed", f, c) end
fails("destroyed", alloc_n, c, 3) fails("destroyed", tune, c, {mag=3})
fails("destroyed", function() return c.size end)
assert(tostring(c):find("destroyed"))
d = slab.create("gone", 64)
assert(d ~= c and d == slab.find("gone")) fails("destroyed", m.alloc, c)
assert(d:destroy()) refused("ENOENT", slab.find("gone"))
""")


def test_slab_create_refuses_bad_arguments():
    lua(r"""
local S = slab.create
fails("1..31", S, "", 8) fails("1..31", S, ("x"):rep(32), 8)
fails("#1", S, nil, 8) fails("#1", S, {}, 8) fails("ASCII", S, "a b", 8)
fails("ASCII", S, "a\0b", 8) fails("ASCII", S, "a*", 8)
fails("machine", S, "kmalloc-x", 8)
fails("131072", S, "x", 0) fails("131072", S, "x", 131073)
fails("131072", S, "x", -1) fails("number", S, "x", "y")
fails("integer", S, "x", 1.5) fails("131072", S, "x", math.mininteger)
fails("table", S, "x", 8, 5)
fails("magazines", S, "x", 8, {magazine=1}) fails("align", S, "x", 8, {aling=8})
fails("align", S, "x", 8, {align=3}) fails("align", S, "x", 8, {align=131072})
fails("align", S, "x", 8, {align="8"}) fails("ctor", S, "x", 8, {dtor="zero"})
fails("ctor", S, "x", 8, {ctor="nul"}) fails("ctor", S, "x", 8, {ctor=5})
fails("mag", S, "x", 8, {mag=0}) fails("mag", S, "x", 8, {mag=62})
fails("contradict", S, "x", 8, {mag=5, magazines=false})
fails("limit", S, "x", 8, {limit=0}) fails("limit", S, "x", 8, {limit={}})
fails("colour", S, "x", 8, {colour=0}) fails("colour", S, "x", 8, {colour="y"})
fails("count", S, "x", 8, {count=1}) fails("protect", S, "x", 8, {protect="x"})
fails("not in this version", S, "x", 8, {protect="debug"})
fails("not in this version", S, "x", 8, {guard=10})
fails("not in this version", S, "x", 8, {ctor="zero", dtor=function() end})
fails("boom", S, "x", 8, {ctor=function() error("boom") end})
refused("ENOENT", slab.find("x"))
c = S("x", 8) refused("EEXIST", S("x", 8)) assert(c:destroy())
fails("not in this version", slab.leaks) fails("not in this version",
  slab.log, {})
fails("not in this version", slab.users, "x")
""")


def test_slab_methods_refuse_bad_arguments():
    lua(r"""
c = slab.create("bad", 64) o = c:alloc() b = c:alloc_n(4)
fails("cache", c.alloc, o) fails("cache", c.alloc, io) fails("cache", c.alloc)
fails("flags", c.alloc, c, "now") fails("string", c.alloc, c, {})
fails("number", c.alloc_n, c) fails("0..", c.alloc_n, c, -1)
fails("0..", c.alloc_n, c, math.maxinteger)
fails("slab.obj", c.free, c, 5) fails("slab.obj", c.free, c)
fails("order", c.free, c, o, "lifo") fails("invalid option", c.free, c, b, "up")
fails("0..", c.flush, c, 99) fails("table", c.tune, c) fails("mag", c.tune, c,
  {mag=99})
fails("limit", c.tune, c, {limt=1}) fails("invalid option", c.objects, c,
  "dead")
fails("1..4096", c.map, c, 0) fails("0..4", b.split, b, 5) fails("0..4",
  b.split, b, -1)
fails("number", b.shuffle, b) assert(b[0] == nil and b[5] == nil and b.x == nil)
fails("offset", o.peek, o, 65, "B") fails("outside", o.peek, o, 60, "I8")
fails("outside", o.poke, o, 57, "I8", 1) fails("offset", o.poke, o, -1, "B", 1)
fails("format", o.peek, o, 0, "?!") fails("string", o.peek, o, 0)
fails("outside", o.poke, o, 0, "z", ("x"):rep(64))
o:poke(0, "I8", 1000) fails("too short", o.peek, o, 0, "s8") assert(o:peek(64,
  "") == nil)
o:poke(0, "<I4 B z", 7, 8, "hi")
local x, y, z = o:peek(0, "<I4 B z") assert(x == 7 and y == 8 and z == "hi")
fails("level", slab.reap, {level="most"}) fails("frames", slab.reap, {frame=1})
fails("number", slab.whatis, "x") fails("string", slab.stat, {})
  fails("invalid option", slab.stat, "*", "xml")
fails("table", slab.diff, 5) fails("0..", slab.kmalloc, -1)
refused("ENOMEM", slab.kmalloc(1 << 39))
m = slab.find("kmalloc-64")
fails("machine", m.destroy, m) fails("machine", m.alloc, m) fails("machine",
  m.tune, m, {mag=3})
o:free() b:free() assert(c:destroy()) assert(slab.verify())
""")


def test_slab_whole_api_answers():
    out = lua(r"""
c = slab.create("api", 100, {ctor="pattern", dtor="count", mag=7, limit=50,
  count=true, protect="fast"})
assert(c.name == "api" and c.size == 100 and c.align == 8 and c.stride == 104)
assert(c.protect == "fast" and c.per_slab > 0 and c.colours >= 1 and
  c.frames_per_slab >= 1)
o = c:alloc() assert(o:peek(8, "<I8") & 0xffff == 8, "pattern")
fails("constructor", c.alloc, c, "zero")
b = c:alloc_n(49) refused("ENOMEM", c:alloc()) refused("ENOMEM", c:alloc_n(2))
assert(#b == 49 and math.type(b[1]) == "integer" and b:touch() >= 0)
s = c:stats()
assert(s.objects_inuse == 50 and s.alloc == 50 and s.free == 0 and s.ctor >=
  50, s.alloc)
n = 0 for sl in c:slabs() do n = n + 1 assert(sl.addr % 4096 == 0 and sl.total
  == c.per_slab) end
assert(n == s.slabs_full + s.slabs_partial + s.slabs_empty)
n = 0 for a, st in c:objects() do n = n + 1 assert(a % 8 == 0) end
assert(n == s.objects_total, n)
old = c:tune{limit=60} assert(old.limit == 50 and old.count == true and
  old.protect == "fast")
refused("EBUSY", c:tune{protect="checked"})
b:free("random") o:free() c:shrink()
assert(c:tune{protect="checked", colour=false}) assert(c.protect == "checked"
  and c.colours == 1)
c:alloc():free() c:shrink() assert(c:stats().dtor > 0) assert(c:destroy())
c = slab.create("mag", 100, {mag=7}) assert(c.mag == 7 and c.protect ==
  "checked")
assert(c:tune{mag=15}.mag == 7 and c.mag == 15)
c:alloc():free() h = c:stats().harts assert(h[0].rounds >= 1 and h[0].mag_miss
  >= 1 and not h[9])
assert(c:flush(0) >= 1) assert(c:destroy())
z = slab.create("img", 32, {ctor=function(o) o:poke(0, "z", "built")
  fails("constructor", o.free, o) end})
b = z:alloc_n(40) b:free()
o = z:alloc() assert(o:peek(0, "z") == "built") o:free() assert(z:destroy())
rows = slab.stat("kmalloc-*", "rows") assert(#rows > 10 and rows[1].name and
  rows[1].frames)
assert(slab.stat("nothing", "table"):find("no cache"))
assert(slab.stat("kmalloc-8", "csv"):find("name,size,objects_inuse", 1, true))
m = slab.mark() c = slab.create("api", 64) o = c:alloc() d = slab.diff(m)
assert(d.api.created and d.api.objects_inuse == 1) o:free() c:destroy()
seen, at = {}, {} for c in slab.caches() do seen[#seen + 1] = c.name end
for i, n in ipairs(seen) do at[n] = i end
assert(at["kmalloc-8"] < at["kmalloc-128"] and at["kmalloc-128"] <
  at["kmalloc-1024"] and at["kmalloc-8"] < at["kmem-cache"])
w = slab.whatis(slab.kmalloc(20):addr() + 3) assert(w.cache:find("kmalloc")
  and w.offset == 3)
assert(slab.whatis(0).frame == "outside")
for _, k in ipairs(slab.schema()) do assert(#k.name > 0 and #k.text > 10 and
  k.unit and k.kind) end
print("JSON", slab.stat("kmalloc-16", "json"))
assert(slab.verify())
""")
    row = json.loads(matches(out, r"^JSON\t(.*?)\r?$").group(1))[0]
    equal(row["name"], "kmalloc-16", "name")
    check("alloc" in row and row["alloc"] is None and row["frames"] >= 0, row)


def test_slab_forgotten_objects_come_back_and_are_counted():
    lua(r"""
c = slab.create("forget", 128)
for i = 1, 100 do c:alloc() end
do local b = c:alloc_n(50) end
collectgarbage() collectgarbage()
s = c:stats() assert(s.objects_inuse == 0 and s.gc_freed == 150, s.gc_freed)
do local o <close> = c:alloc() end
s = c:stats() assert(s.objects_inuse == 0 and s.gc_freed == 150, s.gc_freed)
assert(c:destroy())
do local d <close> = slab.create("closing", 8) end
refused("ENOENT", slab.find("closing"))
""")


def test_contract_exactness_of_objects_and_frames():
    lua(r"""
local function work()
  local c = slab.create("exact", 200)
  local b = c:alloc_n(5000) b:shuffle(3) local t = b:split(2500)
    b:free("fifo") t:free()
  for i = 1, 200 do c:alloc() end
  local g <close> = frame.pressure(60)
  local r = frame.alloc(64) r:free()
  local k = slab.kmalloc(300000) k:free()
  collectgarbage() assert(c:destroy())
end
work() local before = F()
for i = 1, 10 do work() end
local after = F() assert(before == after, before .. " " .. after)
assert(slab.verify())
""")


def test_frame_module_answers():
    lua(r"""
assert(frame.free() > 0 and frame.total() > frame.free())
s = frame.stat() assert(s.total == frame.total() and s.lua > 0)
z = frame.zones() assert(#z >= 1 and z[1].total > 0 and z[1].base % 4096 == 0)
r = frame.alloc(8) assert(r:addr() % 4096 == 0 and #r == 8) r:free()
  fails("freed", r.free, r)
fails("1..", frame.alloc, 0) fails("number", frame.alloc, "x")
  refused("ENOMEM", frame.alloc(1 << 30))
fails("0..100", frame.pressure, 101) fails("0..100", frame.pressure, -1)
do local g <close> = frame.pressure(90) assert(frame.free() <= frame.total()
  // 10 + 1) assert(#g > 0) end
f, l = frame.fragmentation(1) assert(f == 0 and l > 0)
f = frame.fragmentation(1 << 30) assert(f == 1000) fails("1..",
  frame.fragmentation, 0)
assert(slab.verify())
""")


def test_slab_prompt_lives_in_8_MiB():
    lua(r"""
c = slab.create("small", 64) b = c:alloc_n(1000) b:free() assert(c:destroy())
assert(slab.verify())
""", mem="8M", harts=1)


def I2_6_reports_fit_80_columns():
    out = run('print("ALL") slab.stat() print("ONE") '
              'slab.create("one", 8, {count=true}) slab.stat("one") '
              'print("HELP") help("slab") help(slab.create) '
              'help("cache") help("hart") local b = slab.create("m", 256)'
              ':alloc_n(20000) print(slab.find("m"):map(64))', status=0).out
    report = out.replace("\r", "")
    report = report[report.index("\nALL\n"):]
    for line in report.splitlines():
        check(len(line) <= 80, "%d columns:" % len(line), line)
        equal(line.rstrip(), line, "end of a line")
    matches(report, r"^  alloc +0 +dtor +0$")
    matches(report, r"^  objects_inuse +0 object +mag_hit +0$")
    one = report[report.index("\nONE\n"):report.index("\nHELP\n")]
    check(one.count("\n") < 22, "more than a screen")
    for k in json.loads(run('print(slab.stat("none", "json"), slab.stat('
                            '"kmalloc-8", "json"))',
                            status=0).out.split("[]\t")[1].splitlines()[0]):
        for name in k:
            check(name in ("name", "size") or name in one, "no", name)


def I2_6_tables_are_shown_with_addresses_in_lines_of_80():
    with Session() as s:
        s.prompt()
        out = s.lua("frame.zones()") + s.lua("hart.list()")
        matches(out, r"^  \{base = 0xffffffc0[0-9a-f]{8}, free = \d+, ")
        matches(out, r"^    isa = \"rv64")
        for line in out.splitlines():
            check(len(line) <= 80, "%d columns:" % len(line), line)
        equal(s.lua("{-268435456, -5, 7}").strip(), "{-268435456, -5, 7}")
        out = s.lua("{x = ('a, '):rep(15), y = ('b, '):rep(15)}")
        contains(out, '  x = "%s",' % ("a, " * 15), "a string in one piece")


def S5_misuse_names_the_cache_that_it_was_freed_to():
    out = run(PRELUDE + r"""
a = slab.create("owner", 64) b = slab.create("other", 64)
o = a:alloc() at = o:addr()
fails("wrong-cache", b.free, b, o)          -- by handle
fails("refused", unsafe.free, at, b)        -- by address and cache
fails("refused", unsafe.free, at, "other")  -- and by its name
fails("refused", unsafe.free, at + 8, a)
fails("no cache of that name", unsafe.free, at, "nobody")
assert(unsafe.free(at, a))
fails("refused", unsafe.free, at, a)
fails("refused", unsafe.free, 0x1000)
n, by = slab.errors()
assert(n == 6 and by["wrong-cache"] == 3 and by["interior-free"] == 1 and
  by["double-free"] == 1 and by["foreign-free"] == 1, tostring(by))
print("BY", by)
a:destroy() fails("destroyed", unsafe.free, at, a)
""", status=0, append="unsafe=1").out
    head = (r"^HEAP-ERROR kind=%s cache=%s obj=0x[0-9a-f]+ base=0x[0-9a-f]+ "
            r"off=%s size=%d hart=0 caller=\S+\+0x[0-9a-f]+ seq=\d+\r?$")
    for kind, cache, off, size, count in (
            ("wrong-cache", "other", "0", 64, 3),
            ("interior-free", "owner", "8", 64, 1),
            ("double-free", "owner", "0", 64, 1),
            ("foreign-free", "-", "0", 0, 1)):
        found = re.findall(head % (kind, cache, off, size), out, re.MULTILINE)
        equal(len(found), count, kind)
    equal(out.count("HEAP-ERROR "), 6, "reports")
    matches(out, r"^BY\t\{\[\"double-free\"\] = 1, ")


def S2_protect_debug_says_what_happens():
    out = run('print("IS", slab.create("a", 8).protect, sys.info().protect) '
              'slab.create("b", 8)', status=0, append="protect=debug").out
    matches(out, r"^IS\tchecked\tchecked\r?$")
    equal(out.count("protect=debug: not in this version"), 1, "warnings")


def S4_bounds_errors_name_the_method():
    lua(r"""
c = slab.create("edge", 8) o = c:alloc()
fails("bad argument #1 to 'peek' (offset 4 and 8 bytes end outside the " ..
  "object of 8 bytes)", function() return o:peek(4, "I8") end)
fails("bad argument #1 to 'poke' (offset 1 and 8 bytes",
  function() return o:poke(1, "I8", 1) end)
""")


def S4_tune_returns_what_restores():
    lua(r"""
c = slab.create("tuned", 100, {mag=5, colour=2}) d = slab.create("auto", 100)
for _, c in ipairs{c, d} do
  local o = c:alloc()
  local before = c:tune{}
  assert(before.colour == (c.name == "auto" or 2))
  local old = c:tune{limit=7, mag=3, count=true}
  for k, v in pairs(before) do assert(old[k] == v, k) end
  assert(c:tune{}.limit == 7 and c.mag == 3)
  assert(c:tune(old))       -- with a slab: nothing that needs none changes
  for k, v in pairs(c:tune{}) do assert(before[k] == v, k) end
  refused("EBUSY", c:tune{protect="fast"})
  refused("EBUSY", c:tune{colour=false})
  o:free() assert(c:destroy())
end
-- Both were asked for, so both are there.
c = slab.create("both", 64, {mag=9, limit=20})
assert(c.mag == 9 and c:tune{}.limit == 20)
b = c:alloc_n(20) v, msg, code = c:alloc() refused("ENOMEM", v, msg, code)
b:free() for i = 1, 100 do c:alloc():free() end
b = c:alloc_n(20) b:free() assert(c:destroy())
fails("1..65536", slab.create, "x", 8, {colour=0})
fails("1..65536", slab.create, "x", 8, {colour="no"})
""")


def I3_2_an_idle_machine_gives_back_what_idles():
    """Nothing is asked of the machine meanwhile; its time is virtual."""
    for harts in 1, 3:
        out = run('c = slab.create("task", 192) b = c:alloc_n(5000) b:free() '
                  'print("BEFORE", c:stats().objects_cached) '
                  'hart.chan(1):recv(8000) local s = c:stats() '
                  'print("AFTER", s.objects_cached, s.objects_idle, '
                  's.idle_bound, s.mag_size) assert(slab.verify())',
                  mode="exact", harts=harts, status=0).out
        before = re.search(r"BEFORE\t(\d+)", out)
        after = re.search(r"AFTER\t(\d+)\t(\d+)\t(\d+)\t(\d+)", out)
        print(before.group(0), after.group(0))
        cached, _, _, size = map(int, after.groups())
        check(int(before.group(1)) >= 5000, before.group(0))
        check(cached < 5000 // 8 + 2 * 31 * harts, after.group(0))
        check(size < 31, "magazines have not shrunk:", after.group(0))
