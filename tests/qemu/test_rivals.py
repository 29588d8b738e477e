# SPDX-License-Identifier: MIT
"""The rivals in the image: fair, exact, and on all harts at once."""
import re
import subprocess

from lib import check, equal, kernel_path, matches, run, test

# HelenOS's allocator of 2006, measured: instructions of a hot pair beyond two
# callees that only return, and atomic operations in it.
SEED_NET = 137
SEED_ATOMICS = 6
TOLERANCE = 0.05
# Bursts of 1,000, oldest freed first, with magazines of 4 and of 62 rounds.
SEED_FIFO = 202
SEED62_FIFO = 143


def in_image(*evals, **machine):
    """Run Lua text in the image with the lab, where instructions count."""
    options = {"mode": "exact", "harts": 1, "status": 0,
               "kernel": kernel_path("bench")}
    options.update(machine)
    return run(*evals, **options).out


def near(value, wanted, what):
    print("%s: %s, the original %s" % (what, value, wanted))
    check(abs(value - wanted) <= wanted * TOLERANCE,
          "%s is %s, not within 5 %% of %s" % (what, value, wanted))


def probe_facts():
    out = in_image("""
        for _, f in ipairs(probe.run("rivals")) do
          print("FACT", f.name, f.value, f.per)
        end""")
    found = re.findall(r"^FACT\t(\S+)\t(\d+)\t(\d+)\s*$", out, re.MULTILINE)
    return {name: int(value) / int(per) for name, value, per in found}


@test(timeout=200)
def I5_2_seed2006_is_a_fair_rival():
    # net is what the original's figure is: noop's two rets are not in it.
    facts = probe_facts()
    near(facts["seed2006.net"], SEED_NET, "hot pair")
    equal(facts["seed2006.atomics"], SEED_ATOMICS, "atomics of a pair")
    near(facts["seed2006.fifo"], SEED_FIFO, "pair in bursts")
    near(facts["seed62.fifo"], SEED62_FIFO, "the same, 62 rounds")
    out = in_image('print("PAIR", lab.run{bench = "micro/pair", '
                   'variant = "seed2006"}.instr_per_op)')
    per_op = float(matches(out, r"^PAIR\t(\S+?)\s*$").group(1))
    # instr_per_op counts the two rets.
    near(per_op - 2, SEED_NET, "hot pair in the lab")


def I5_2_an_unlock_is_no_atomic_operation():
    # gcc 12 would make an amoswap to the zero register of an atomic store.
    text = subprocess.run(
        ["riscv64-unknown-elf-objdump", "-d", "--no-show-raw-insn",
         kernel_path("bench")], stdout=subprocess.PIPE,
        check=True).stdout.decode()
    code = re.findall(r"^\S+ <((?:seed2006|linux24)_[^>]*)>:\n(.*?)\n\n",
                      text, re.MULTILINE | re.DOTALL)
    locks = 0
    for name, body in code:
        locks += len(re.findall(r"amoswap", body))
        check(re.search(r"amoswap\S*\s+zero", body) is None,
              "%s unlocks by an amoswap" % name)
    check(locks >= 6, "found %d locks in %d functions" % (locks, len(code)))


@test(timeout=200)
def I5_2_rivals_repeat_whatever_ran_before():
    out = in_image("""
        local H, all = hart.count(), {"seed2006", "seed62", "linux24"}
        local first = {}
        local function digits(v, bench, harts)
          local r, why = lab.run{bench = bench, variant = v, harts = harts}
          if not r then return "FAILED " .. why end
          local t = {}
          for _, f in ipairs(r.facts) do
            t[#t + 1] = f.name .. "=" .. f.value .. "/" .. f.per
          end
          return table.concat(t, " ") .. " " .. table.concat(r.frames, ",")
        end
        for round = 1, 3 do
          for i = 1, #all do
            local v = all[round == 2 and #all + 1 - i or i]
            for _, b in ipairs{"micro/pair", "control/turns"} do
              local key = v .. b
              local now = digits(v, b, b == "micro/pair" and 1 or H)
              first[key] = first[key] or now
              print(now == first[key] and not now:find("FAILED") and "SAME"
                or "DIFFERS", key, first[key], now)
            end
          end
          lab.run{bench = "micro/pair", variant = "ours"}
        end""", harts=2)
    print(out[-2000:])
    equal(len(re.findall(r"^SAME\t", out, re.MULTILINE)), 18, "equal runs")


@test(timeout=200)
def I5_2_rivals_run_on_all_harts_at_once():
    out = in_image("""
        for _, v in ipairs{"seed2006", "seed62", "linux24"} do
          local r, why = lab.run{bench = "control/turns", variant = v,
            harts = 4, time_ms = 20}
          print("RAN", v, r and r.ops > 0 and #r.per_hart or why)
        end""", harts=4, mode="smp")
    equal(len(re.findall(r"^RAN\t\S+\t4\s*$", out, re.MULTILINE)), 3,
          "runs on four harts: " + out[-600:])
