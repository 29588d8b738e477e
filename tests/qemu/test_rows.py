# SPDX-License-Identifier: MIT
"""Rows of docs/features.md that show at the prompt."""
import os
import re

from lib import ROOT, Session, check, equal, run


def example(path, heading):
    """The lines of the first Lua block under a heading."""
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        found = re.search(r"^## %s\n.*?^```lua\n(.*?)^```" % heading,
                          f.read(), re.MULTILINE | re.DOTALL)
    check(found, "no Lua block under", heading)
    return found.group(1).splitlines()


def C4_the_worked_example_of_the_documents_at_the_prompt():
    answers = 0
    with Session(harts=1, mem="64M") as machine:
        machine.prompt()
        for line in example("docs/lua-slab.md", "A task cache, start to end"):
            text, _, wanted = line.partition("--> ")
            machine.send(text.split(" -- ")[0].rstrip() + "\r")
            if wanted:
                # At the begin of a line: not what was typed, but the answer.
                words = [re.escape(w) for w in wanted.split()]
                machine.expect(r"^%s\s*?$" % r"\s+".join(words))
                answers += 1
        machine.send("print('all', 'done')\r")
        machine.expect(r"^all\tdone\s*?$")
        check("traceback" not in machine.all, "an error on the way")
    check(answers >= 2, "the example shows no answers")


def C4_the_example_of_the_machine_itself_runs():
    """examples(n) has one with a cache like task_struct."""
    out = run("for i = 1, 99 do local ok, t = pcall(examples, i) "
              "if not ok or not t then break end "
              "if t:find('task_struct', 1, true) then "
              "print('FOUND', i) assert(load(t))() end end",
              harts=1, mem="64M", status=0).out
    equal(len(re.findall(r"^FOUND", out, re.MULTILINE)), 1, "examples")
    # Stride, objects per slab, and the address on a cache line.
    found = re.search(r"^(\d+)\t(\d+)\t0\r?$", out, re.MULTILINE)
    check(found, "no line of the example in", out)
    check(int(found.group(1)) >= 1680 and int(found.group(1)) % 64 == 0,
          "stride", found.group(1))
