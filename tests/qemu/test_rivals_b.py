# SPDX-License-Identifier: MIT
"""Linux 7's sheaves and the general-purpose rivals, in the image."""
import re
import subprocess

from lib import check, equal, kernel_path, matches, run, test

VARIANTS = ("sheaf", "tlsf", "firstfit", "picolibc")
# Instructions of a hot pair of 64 bytes: at least, at most. The upper ends
# are what the originals were measured at without a lock (RV64, 64 bytes:
# TLSF 680, heap_4 167, nano-malloc 353); the lower ones tell a function that
# does nothing. Nobody measured the sheaves: two calls of some 20 instructions.
PAIR = {"sheaf": (30, 45), "tlsf": (300, 680), "firstfit": (80, 167),
        "picolibc": (150, 353)}

# Every digit of a result, as one line.
DIGITS = """
local function digits(bench, variant, harts, size)
  local r, why = lab.run{bench = bench, variant = variant, harts = harts,
                         size = size}
  if not r then return "FAILED " .. why end
  local t = {}
  for _, f in ipairs(r.facts) do
    t[#t + 1] = f.name .. "=" .. f.value .. "/" .. f.per
  end
  return table.concat(t, " ") .. " " .. table.concat(r.frames, ",")
end
"""
NAMES = 'local names = {"%s"}' % '", "'.join(VARIANTS)


def in_image(*evals, **machine):
    """Run Lua text in the image with the lab, where instructions count."""
    options = {"mode": "exact", "harts": 1, "status": 0,
               "kernel": kernel_path("bench")}
    options.update(machine)
    return run(*evals, **options).out


@test(timeout=200)
def I5_2_sheaf_steps_by_60():
    out = in_image("""
        for _, f in ipairs(probe.run("sheaf")) do
          print("FACT", f.name, f.value, f.per)
        end""")
    facts = {name: int(value) / int(per) for name, value, per in re.findall(
        r"^FACT\t(\S+)\t(\d+)\t(\d+)\s*$", out, re.MULTILINE)}
    equal(facts["sheaf.step"], 60, "objects a visit to the barn")
    equal([facts["sheaf.visits.%d" % n] for n in (60, 120, 180, 240, 600)],
          [0, 0, 2, 4, 16], "visits by length of burst")
    # One hart: two sheaves, and ten in the barn.
    equal(facts["sheaf.idle.most"], 720, "bound of idle objects")
    equal(facts["sheaf.idle"], 720, "idle objects after long bursts")
    equal(facts["sheaf.atomics"], 0, "atomic operations of a pair")


@test(timeout=200)
def I5_2_pairs_of_the_general_purpose_rivals_are_fair():
    out = in_image(NAMES + """
        for _, v in ipairs(names) do
          local r = assert(lab.run{bench = "micro/pair", variant = v})
          print("PAIR", v, r.instr_per_op, r.peak_frames, r.frames_after)
        end""")
    found = re.findall(r"^PAIR\t(\S+)\t(\S+)\t(\d+)\t(\d+)\s*$", out,
                       re.MULTILINE)
    equal([row[0] for row in found], list(VARIANTS), "variants")
    for name, per_op, peak, after in found:
        low, high = PAIR[name]
        check(low <= float(per_op) <= high,
              "%s: %s instructions a pair" % (name, per_op))
        # An arena of 8,192 frames is not what 64 bytes are charged.
        check(1 <= int(peak) <= 4, "%s: %s frames" % (name, peak))
        check(int(after) <= int(peak), "%s: %s frames left" % (name, after))


@test(timeout=300)
def I5_2_general_purpose_rivals_repeat_whatever_ran_before():
    out = in_image(DIGITS + NAMES + """
        local first, kept = {}, {}
        local set = {}
        for _, v in ipairs(names) do
          for _, size in ipairs{1, 64, 3000, 131072} do
            set[#set + 1] = {"micro/pair", v, 1, size}
          end
          set[#set + 1] = {"control/turns", v, hart.count()}
        end
        for i, s in ipairs(set) do first[i] = digits(table.unpack(s)) end
        for i = 1, 100 do kept[i] = string.rep("x", i * 37) end
        for i = #set, 1, -1 do
          local s, again = set[i], digits(table.unpack(set[i]))
          print("RUN", s[1], s[2], s[4] or "", again == first[i],
                again:find("FAILED") == nil)
          if again ~= first[i] then print(first[i]) print(again) end
        end""", harts=2)
    rows = re.findall(r"^RUN\t(\S+)\t(\S+)\t(\S*)\t(\S+)\t(\S+?)\s*$", out,
                      re.MULTILINE)
    equal(len(rows), 5 * len(VARIANTS), "runs")
    for row in rows:
        equal(row[3:], ("true", "true"), " ".join(row[:3]))


@test(timeout=200)
def I5_2_general_purpose_rivals_run_on_all_harts_at_once():
    out = in_image(NAMES + """
        local before
        for round = 1, 3 do
          for _, v in ipairs(names) do
            local r = assert(lab.run{bench = "control/turns", variant = v,
                                     harts = hart.count(), time_ms = 1000})
            assert(r.ops > 0)
          end
          collectgarbage()
          -- The first makes the table of frames that all rivals share.
          before = before or frame.free()
        end
        print("DONE", before - frame.free())""", mode="smp", harts=4)
    lost = int(matches(out, r"^DONE\t(-?\d+)\s*$").group(1))
    # Lua's own heap moves a little; one arena would be 8,192 frames.
    check(abs(lost) < 100, "%d frames are missing" % lost)


def I5_2_the_kernel_has_no_malloc():
    def symbols(path):
        text = subprocess.run(
            ["riscv64-unknown-elf-nm", path], stdout=subprocess.PIPE,
            check=True).stdout.decode()
        return set(re.findall(r" [TtWw] (\w+)$", text, re.MULTILINE))
    ours = {"malloc", "free", "sbrk", "memalign", "tlsf_alloc",
            "sheaf_alloc", "firstfit_alloc", "picolibc_alloc"}
    equal(symbols(kernel_path()) & ours, set(), "in the kernel")
    equal(ours - symbols(kernel_path("bench")), set(), "not in the bench")
