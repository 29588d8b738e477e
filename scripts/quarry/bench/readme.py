# SPDX-License-Identifier: MIT
"""The table of results in README.md, made from a result.

Theory of operation

1. The table stands between two marks; nothing else of the file is touched.
   What it shows is the data table below: a row is a text and the figures it
   needs, by key and metric. What a result does not have is `not measured`: a
   row that goes away by itself would not be missed.
2. Below the figures stands where they come from: commit, machine, mode,
   compiler, emulator. The table is stale when its figures are not those of the
   result; that another commit gave the same ones does not make it so.
"""
import collections

from quarry.bench import formats, result, verdict

BEGIN = "<!-- bench: begin -->"
END = "<!-- bench: end -->"
SOURCE = "Measured at "     # begins the line that says where from
ABSENT = "not measured"
BYTES_MAX = 4 << 20

# `form` has a place for each figure; `parts` are (key, metric).
Row = collections.namedtuple("Row", "text form parts")


def _probe(name, metric, harts=1):
    return ("probe/%s,ours,harts=%d" % (name, harts), metric)


def _lab(name, variant, harts, metric="instr_per_op"):
    return ("%s,%s,harts=%d" % (name, variant, harts), metric)


def _growth(name):
    return [_lab(name, "ours", 1), _lab(name, "ours", 8)]


ROWS = [
    Row("alloc + free, callees with their rets, interrupts on", "{}",
        [_probe("pair", "pair.callees")]),
    Row("the same inlined, for a cache known at build time", "{}",
        [_probe("inline", "inline.pair")]),
    Row("atomics, LR/SC, fences, CSR accesses on that path", "{}",
        [_probe("disassembly", "sensitive")]),
    Row("10,000 allocated, then freed: per pair, net", "{}",
        [_probe("batch", "fifo.net")]),
    Row("made on one hart, freed on another: per pair, net", "{}",
        [_probe("handover", "handover.1.net", 8)]),
    Row("32 at once: per pair, copied; whole magazines", "{}; {}",
        [_probe("bulk", "bulk.net"), _probe("bulk", "magazine.net")]),
    Row("alloc + free, `checked` (each free verified, each call counted); "
        "the free alone", "{}; {}",
        [_probe("checked", "checked.callees"),
         _probe("checked", "checked.free")]),
    Row("create; destroy a cache, 64 alive", "{}; {}",
        [_probe("create", "create"), _probe("create", "destroy")]),
    Row("a frame, pair; a run of 8", "{}; {}",
        [_probe("frames", "frame.callees"), _probe("frames", "run8.callees")]),
    Row("kernel entry to prompt; for each more hart", "{}; {}",
        [_lab("system/boot", "ours", 1, "boot_instructions"),
         _lab("system/boot", "ours", 8, "per_hart")]),
    Row("memory taken for 200,000 objects, by what they ask", "{}",
        [_probe("memory", "memory.ratio")]),
    Row("a pair on 1 hart → on each of 8: one object; batches of 256",
        "{} → {}; {} → {}", _growth("smp/scale") + _growth("smp/scale-batch")),
    Row("cache misses per walked object, colouring off → on", "{} → {}",
        [_lab("memory/colour", name, 1, "misses_first")
         for name in ("nocolour", "ours")]),
]
# The same loads on other designs: a row each.
ALLOCATORS = [
    ("ours", "ours"),
    ("sheaf", "Linux 7's sheaves"),
    ("linux24", "Linux 2.4's slabs"),
    ("seed2006", "HelenOS 2006"),
    ("nomag", "ours without magazines"),
    ("picolibc", "picolibc's malloc, locked"),
    ("tlsf", "TLSF"),
    ("firstfit", "first fit"),
]
LOADS = [
    ("a pair, hot", "micro/pair", 1),
    ("1,000, then freed", "micro/burst", 1),
    ("larson, 8 harts", "smp/larson", 8),
]


def short(metric):
    """A figure in three or four digits; a quotient keeps its third place."""
    figure = float(result.value(metric))
    size = abs(figure)
    if size >= 999500:
        return "%.3g M" % (figure / 1e6)
    if size >= 1000:
        return "%.3g k" % (figure / 1e3)
    if metric["unit"] in verdict.UNITLESS:
        return verdict.number(round(figure, 3))
    return verdict.number(round(figure, 1 if size >= 10 else 2))


def _table(figures):
    """Lines of both tables."""
    def cell(part):
        return short(figures[part]) if part in figures else ABSENT

    lines = ["| figure | instructions |", "|---|---|"]
    for row in ROWS:
        cells = [cell(part) for part in row.parts]
        text = row.form.format(*cells)
        if all(c == ABSENT for c in cells):
            text = ABSENT
        lines.append("| %s | %s |" % (row.text, text))
    lines += ["", "| instructions of a pair | %s |" % " | ".join(
        title for title, _, _ in LOADS), "|---|" + "---|" * len(LOADS)]
    for variant, title in ALLOCATORS:
        lines.append("| %s | %s |" % (title, " | ".join(
            cell(_lab(name, variant, harts)) for _, name, harts in LOADS)))
    return lines


def lines(data):
    """What stands between the marks."""
    figures = {(entry["key"], name): metric for entry in data["results"]
               if entry["status"] == "ok"
               for name, metric in entry["metrics"].items()}
    source = SOURCE + formats.provenance(data) + "."
    return [""] + _table(figures) + ["", source, ""]


def _split(path):
    """The lines before, between and after the marks."""
    try:
        with open(path, "rb") as f:
            text = f.read(BYTES_MAX).decode()
    except OSError as error:
        raise result.Bad("%s: %s" % (result.plain(path),
                                     error.strerror or error)) from None
    except UnicodeDecodeError:
        raise result.Bad("%s: not a text in UTF-8" % result.plain(path)) \
            from None
    all_lines = text.split("\n")
    bare = [line.strip() for line in all_lines]
    if bare.count(BEGIN) != 1 or bare.count(END) != 1:
        raise result.Bad("%s: needs one line %s and one line %s" % (
            result.plain(path), BEGIN, END))
    begin, end = bare.index(BEGIN), bare.index(END)
    if end < begin:
        raise result.Bad("%s: %s stands before %s" % (
            result.plain(path), END, BEGIN))
    return (all_lines[:begin + 1], all_lines[begin + 1:end],
            all_lines[end:])


def _figures_of(block):
    return [line.strip() for line in block
            if line.strip() and not line.startswith(SOURCE)]


def _require(data):
    """Bad when a result cannot stand for a commit."""
    run, mode = data["run"], data["target"]["mode"]
    if run["status"] != "ok" or run["noisy"] or mode != "exact":
        raise result.Bad("the table needs a complete run in mode exact; this "
                         "one is %s%s, mode %s" % (
                             run["status"], ", noisy" * run["noisy"], mode))


def stale(path, data):
    """Lines that are not those of the result; [] when the table is current.

    Bad when the file has no place for a table, or the result is not one for
    it.
    """
    _require(data)
    there = _figures_of(_split(path)[1])
    new = _figures_of(lines(data))
    differ = [line for line in new if line not in there]
    differ += ["no longer: " + line for line in there if line not in new]
    if not differ and there != new:
        differ = ["the order of the lines"]
    return differ


def update(path, data, check=False):
    """Put the table of a result into a README; with `check` write nothing.

    Whether the table was current before. Bad as for `stale`.
    """
    current = not stale(path, data)
    before, block, after = _split(path)
    new = lines(data)
    if not check and block != new:
        try:
            result.replace(path, "\n".join(before + new + after))
        except OSError as error:
            raise result.Bad("%s: %s" % (result.plain(path), error.strerror
                                         or error)) from None
    return current
