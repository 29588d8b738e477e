# SPDX-License-Identifier: MIT
"""docs/features.md and tests/mutants agree with the tree and each other.

`make mutants` tries the planted faults; this only sees, quickly, that each
still fits the sources and that the table names nothing that is not there.
"""
import glob
import os
import re

from lib import ROOT, check, equal, run_command

FEATURES = os.path.join(ROOT, "docs", "features.md")
MUTANTS = os.path.join(ROOT, "tests", "mutants")
ROWS = (["A%d" % n for n in range(1, 19)] +
        ["A19/T%d" % n for n in range(1, 28)] +
        ["B%d" % n for n in range(1, 16) if n != 12] +
        ["B16/G%d" % n for n in range(1, 23)] +
        ["C%d" % n for n in range(1, 5)] +
        ["D%d" % n for n in range(1, 5)])
COLUMNS = ["row", "feature", "where", "tests", "planted faults"]
NAME = re.compile(r"`([^`]+)`")


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def table():
    """{row: [cell, …]} of every table line of docs/features.md."""
    rows = {}
    for line in read(FEATURES).split("\n"):
        if not line.startswith("| ") or line.startswith("| row |"):
            continue
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        equal(len(cells), len(COLUMNS), "cells of: " + line[:60])
        check(cells[0] not in rows, "row twice:", cells[0])
        rows[cells[0]] = cells
    return rows


def tests_of_the_tree():
    """Names of all test functions, in C and in Python."""
    names = set()
    for path in glob.glob(os.path.join(ROOT, "tests", "*", "*.c")):
        names.update(re.findall(r"_test\w*\(\s*(\w+)", read(path)))
    for path in glob.glob(os.path.join(ROOT, "tests", "*", "test_*.py")):
        names.update(re.findall(r"^def (\w+)\(", read(path), re.MULTILINE))
    return names


def killer(head):
    """As the table names it: a test, or a scene of the simulator."""
    program, _, function = head["Killed-by"].partition(" ")
    return "sim " + function if program == "sim" else function


def scenes():
    """"sim NAME" of every scene of the simulator."""
    names = set()
    for path in glob.glob(os.path.join(ROOT, "tests", "host", "sim_*.c")):
        names.update(re.findall(r'struct sim_scene scene_\w+ = \{\s*"([\w-]+)"',
                                read(path)))
    return {"sim " + name for name in names}


def heads():
    """{mutant: {key: value}}"""
    out = {}
    for path in glob.glob(os.path.join(MUTANTS, "*.patch")):
        name = os.path.basename(path)[:-len(".patch")]
        out[name] = dict(re.findall(r"^([A-Z][\w-]*): (.*)$",
                                    read(path).partition("\n--- ")[0],
                                    re.MULTILINE))
    return out


def shows(test, row):
    """Does the test bear the row's number? A19_T4_B16_G14_x: both."""
    words = test.split("_")
    group, _, defect = row.partition("/")
    if not defect:
        return row in words
    at = [i for i, w in enumerate(words) if w == defect]
    return group in words and any(words.index(group) < i for i in at)


def test_every_planted_fault_applies():
    done = run_command([os.path.join(ROOT, "scripts", "mutants"), "--check"])
    equal(done.status, 0, done.out)


def test_the_table_of_features_has_every_row_and_no_empty_cell():
    rows = table()
    equal(sorted(rows), sorted(ROWS), "rows")
    for row, cells in rows.items():
        for column, cell in zip(COLUMNS, cells):
            check(cell not in ("", "-", "…", "?"),
                  "row %s: nothing under '%s'" % (row, column))


def test_the_table_of_features_names_what_is_there():
    tests = tests_of_the_tree() | scenes()
    for row, (_, _, where, shown, faults) in table().items():
        for path in NAME.findall(where):
            check(glob.glob(os.path.join(ROOT, path)),
                  "row %s: no file %s" % (row, path))
        names = NAME.findall(shown)
        for name in names:
            check(name in tests, "row %s: no test %s" % (row, name))
        check(any(shows(name, row) for name in names),
              "row %s: no test named after it" % row)
        for name in NAME.findall(faults):
            check(os.path.isfile(os.path.join(MUTANTS, name + ".patch")),
                  "row %s: no patch %s" % (row, name))


def test_every_row_has_a_fault_that_its_test_finds():
    planted = heads()
    named = set()
    for row, (_, _, _, shown, faults) in table().items():
        names = NAME.findall(shown)
        good = 0
        for fault in NAME.findall(faults):
            found_by = killer(planted[fault])
            check(found_by in names, "row %s: %s is found by %s, which the "
                  "row does not name" % (row, fault, found_by))
            good += row in re.split(r",\s*", planted[fault]["Row"])
            named.add(fault)
        check(good > 0, "row %s: no fault planted for it" % row)
    equal(sorted(set(planted) - named), [], "faults that no row names")


def test_the_worked_example_is_the_one_that_is_tested():
    block = re.search(r"^```c\n(.*?)^```", read(FEATURES),
                      re.MULTILINE | re.DOTALL)
    check(block, "no C example in docs/features.md")
    tested = read(os.path.join(ROOT, "tests", "unit", "test_rows_b.c"))
    part = re.search(r"/\* example begins \*/\n(.*?)/\* example ends \*/",
                     tested, re.DOTALL)
    equal(block.group(1).strip(), part.group(1).strip(), "example")
