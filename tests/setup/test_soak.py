# SPDX-License-Identifier: MIT
"""scripts/soak-boot tells a right boot from a wrong one."""
import os

from lib import ROOT, check, contains, equal, folder, run_command, write

SOAK = os.path.join(ROOT, "scripts", "soak-boot")
RIGHT = r"echo 'booting'; printf 'SOAK\t1\nQUARRY-EXIT code=0\n'"


def soak(body, *options):
    """With a shell script in QEMU's place; the result and the kept logs."""
    where = folder()
    path = write(os.path.join(where, "qemu-system-riscv64"),
                 "#!/bin/bash\n" + body + "\n")
    os.chmod(path, 0o755)
    write(os.path.join(where, "quarry.bin"), b"\0")
    env = dict(os.environ, PATH=where + ":" + os.environ["PATH"])
    result = run_command(
        [SOAK, "--build-dir", where, "--only", "^virt-1$", "--boots", "2"]
        + list(options), env=env)
    logs = os.path.join(where, "soak")
    return result, sorted(os.listdir(logs)) if os.path.isdir(logs) else []


def I4_soak_right_boots_are_right():
    result, logs = soak(RIGHT)
    equal(result.status, 0, "status")
    contains(result.out, "2 boots of virt-1: 0 wrong")
    equal(logs, [], "kept logs")


def wrong(body, why):
    result, logs = soak(body)
    equal(result.status, 1, "status")
    contains(result.out, why)
    contains(result.out, "2 boots of virt-1: 2 wrong")
    equal(logs, ["virt-1-1.log", "virt-1-2.log"], "kept logs")


def I4_soak_finds_what_is_wrong():
    wrong(RIGHT.replace("code=0", "code=1"), "status 1")
    wrong("echo booting", "status 4")
    wrong(RIGHT.replace(r"\t1", r"\t2"), "not all 1 harts")
    wrong("echo '[    0.1] warning: smp: hartid 3 skipped'; " + RIGHT,
          "warning: smp: hartid 3 skipped")


def I4_soak_refuses_nonsense():
    for options in (["--boots", "0"], ["--jobs", "0"], ["--only", "nothing"]):
        result, _ = soak(RIGHT, *options)
        equal(result.status, 2, "status")
        check(len(result.err.splitlines()) == 1, result.err)
