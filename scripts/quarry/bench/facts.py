# SPDX-License-Identifier: MIT
"""What the facts of the probes are: unit, and which way is better.

Theory of operation

1. A probe (bench/metal/probe*.c) tells names and integers. What a name means
   is the table below, the first pattern that fits the whole of `probe/fact`;
   a pattern may only be as wide as its family, so that a new fact is missing
   here, and a test says so, rather than taken for something that it is not.
2. Lower is better for what the allocator costs. Neither: a size of the
   measurement itself, what a rival costs (records.FAIR holds it), a control.
3. Without this a pair that costs one instruction more were a change, and no
   regression.
"""
import re

PLAIN = ("1", "neither")        # what no pattern knows
WORDS = PLAIN                   # a fact that is a text
LOWER, NEITHER = "lower", "neither"

TABLE = [(re.compile(pattern), unit, better) for pattern, unit, better in (
    (r"(rivals|sheaf)/\w+\.net", "instr", NEITHER),
    # A loop: callees beyond their rets, callees, all of it.
    (r"[a-z]+/[a-z0-9.]+\.(net|callees|gross)", "instr", LOWER),
    # A text about a fact, where there is no figure.
    (r"worst/(alloc|free)\..+\.is", *WORDS),
    (r"worst/worst\.(alloc|free)\.\d+\.did", *WORDS),
    (r"irqoff/max\.in", *WORDS),
    (r"disassembly/sensitive", "1", LOWER),
    (r"inline/inline\.pair", "instr", LOWER),
    (r"bulk/magazine\.rounds", "1", NEITHER),
    (r"checked/checked\.(alloc|free)", "instr", LOWER),
    (r"construct/construct\.ctors", "1", LOWER),
    (r"create/(create|destroy)(\.worst)?", "instr", LOWER),
    (r"spread/destroy\.(harts|each)\.\d+", "instr", LOWER),
    (r"frames/lock\.(hot|random|batch)", "%", LOWER),
    (r"handover/handover\.\d+\.footprint", "ratio", LOWER),
    (r"handover/footprint\.\d+", "ratio", LOWER),
    (r"handover/handover\.\d+\.frames", "frame", LOWER),
    (r"handover/handover\.bound", "byte", NEITHER),
    (r"irqoff/max\.ns", "ns", LOWER),
    (r"irqoff/[a-z0-9-]+\.ticks", "tick", LOWER),
    (r"irqoff/[a-z0-9-]+\.instr", "instr", LOWER),
    (r"irqoff/shots", "1", NEITHER),
    (r"lines/lines\.shared", "1", LOWER),
    (r"lines/lines\.(taken|control)", "1", NEITHER),
    (r"memory/memory\.ratio", "ratio", LOWER),
    (r"memory/memory\.frames", "frame", LOWER),
    (r"reclaim/slabs\.frame", "instr", LOWER),
    (r"reclaim/(depot\.\w+|hart\.object)", "instr", LOWER),
    (r"reclaim/all\.of_allowed", "ratio", LOWER),
    (r"reclaim/(slabs\.frames|all\.frames)", "frame", NEITHER),
    (r"reclaim/(slabs\.empty|hart\.objects|all\.objects)", "1", NEITHER),
    (r"replace/replace\.ratio", "ratio", LOWER),
    (r"scale/(pair|batch)\.growth", "instr", LOWER),
    (r"worst/worst\.(alloc|free)\.\d+", "instr", LOWER),
    (r"worst/(alloc|free)", "instr", LOWER),
    (r"worst/(alloc|free)\..+", "instr", LOWER),
    (r"(rivals|sheaf)/\w+\.atomics", "1", NEITHER),
    (r"sheaf/sheaf\.(visits|step|idle)(\.\w+)?", "1", NEITHER),
    (r"rivals/seed2006\.worst\.(alloc|free)", "instr", NEITHER),
    (r"rivals/\w+\.fifo", "instr", NEITHER),
)]


def describe(fact):
    """(unit, better) of a fact `probe/name`, or None."""
    for pattern, unit, better in TABLE:
        if pattern.fullmatch(fact):
            return unit, better
    return None


def annotate(result):
    """Give the metrics of a probe's result their units and directions."""
    if not result["id"].startswith("probe/"):
        return result
    probe = result["id"].split("/", 1)[1]
    for name, metric in result["metrics"].items():
        if (metric["unit"], metric["better"]) == PLAIN:
            metric["unit"], metric["better"] = describe(
                "%s/%s" % (probe, name)) or PLAIN
    return result
