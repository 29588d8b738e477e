# SPDX-License-Identifier: MIT
"""How long interrupts are off: the probe irqoff of the image of benchmarks."""
from lib import check, equal, kernel_path, run, test

GOAL_NS = 500000  # half of a UART's FIFO at 115,200 baud: reference goal
OPERATIONS = ("base", "burst", "create", "reap", "shrink", "stats", "frames")

FACTS = """
for _, f in ipairs(assert(probe.run("irqoff"))) do
  print("FACT", f.name, f.value, f.per, f.text)
end
"""


def facts(**machine):
    result = run(FACTS, status=0, kernel=kernel_path("bench"), **machine)
    lines = [line.rstrip("\r").split("\t")
             for line in result.out.split("\n") if line.startswith("FACT")]
    return {field[1]: int(field[2]) / int(field[3]) for field in lines}


@test(timeout=200)
def I5_5_interrupts_are_never_off_for_long():
    fact = facts(harts=1, mode="exact")
    equal(facts(harts=1, mode="exact"), fact, "second run")
    check(fact["shots"] > 5000, "too few interrupts came")
    for name in OPERATIONS:
        check(fact[name + ".instr"] > 0, "nothing interrupted " + name)
        # Both count the same time; a tick is 100 instructions.
        check(abs(fact[name + ".instr"] - 100 * fact[name + ".ticks"]) <= 200,
              "ticks and instructions of %s do not agree" % name)
    # Called from an idle loop it is not late; from the allocator it can be.
    check(fact["base.instr"] < fact["max.instr"], "the probe is blind")
    equal(fact["max.instr"], max(fact[n + ".instr"] for n in OPERATIONS))
    check(fact["max.ns"] <= GOAL_NS,
          "interrupts were off for %d ns" % fact["max.ns"])


@test(timeout=200)
def I5_5_irqoff_counts_ticks_where_instructions_are_not_exact():
    fact = facts(harts=1, mode="smp")
    check("max.instr" not in fact, "instructions without a counter of them")
    check(fact["shots"] > 500, "too few interrupts came")
