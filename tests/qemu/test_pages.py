# SPDX-License-Identifier: MIT
"""The page tables of the running kernel, as QEMU's monitor reads them."""
import json
import os
import re
import socket

from lib import PATIENCE_S, Session, check, equal, folder

IMAGE = 0xffffffff80000000
LINE = re.compile(r"^([0-9a-f]{16}) ([0-9a-f]{16}) ([0-9a-f]{16}) "
                  r"([r-][w-][x-][u-][g-][a-][d-])\s*$", re.MULTILINE)


def monitor(path, command, cpu):
    """What QEMU's monitor answers about a hart, by its machine protocol."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(PATIENCE_S)
        s.connect(path)
        stream = s.makefile("rw", encoding="utf-8")
        check("QMP" in json.loads(stream.readline()), "no greeting")
        for execute, arguments in (
                ("qmp_capabilities", {}),
                ("human-monitor-command", {"command-line": command,
                                           "cpu-index": cpu})):
            stream.write(json.dumps({"execute": execute,
                                     "arguments": arguments}) + "\n")
            stream.flush()
            answer = json.loads(stream.readline())
            while "event" in answer:
                answer = json.loads(stream.readline())
            check("return" in answer, answer)
        return answer["return"]


def mappings(cpu=0, **machine):
    """[(virtual, bytes, attributes)] with all harts running."""
    path = os.path.join(folder(), "qmp")
    with Session(qemu_args=["-qmp", "unix:%s,server=on,wait=off" % path],
                 **machine) as m:
        m.prompt()
        m.lua("run('crosshart', {s = 0.2})")
        text = monitor(path, "info mem", cpu)
    found = [(int(va, 16), int(size, 16), attributes)
             for va, _, size, attributes in LINE.findall(text)]
    check(len(found) >= 10, "only %d mappings in %r" % (len(found), text))
    return found


def I4_3_every_page_is_marked_accessed_and_dirty():
    """Harts that do not set A and D themselves fault on a page without."""
    for machine in ({"harts": 4}, {"harts": 2, "mem": "5G"},
                    {"machine": "icicle", "mem": "2G", "cpu": 1}):
        odd = [m for m in mappings(**machine) if "ad" not in m[2]]
        equal(odd, [], "pages without A or D")


def I4_3_no_page_is_writable_and_executable_and_none_is_the_users():
    for va, size, attributes in mappings(harts=4):
        where = "%#x + %#x %s" % (va, size, attributes)
        check(not ("w" in attributes and "x" in attributes), where)
        check("u" not in attributes, where)
        check("x" not in attributes or va >= IMAGE, where)
        check(va >= 1 << 38, "a low address: " + where)
