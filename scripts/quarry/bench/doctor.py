# SPDX-License-Identifier: MIT
"""What a run of the benchmarks needs, what of it is here, and what to do.

A line each: ok, a warning (a run works, but something is left out or will be
doubtful), or missing (it does not work). Only the last fails the doctor.
"""
import importlib.util
import os
import shutil
import sys

from quarry.bench import boots, cli, listing, machine
from quarry.options import ROOT

OK, WARN, MISSING = "ok", "warning", "missing"
BUSY = 0.75             # load to processors, above which time is doubtful
DISK_LEAST = 256 << 20  # bytes free: a build and its results
PYTHON_LEAST = (3, 9)
BROWSERS = ("chromium", "chromium-headless-shell", "chrome-headless-shell",
            "google-chrome")


def python():
    version = "%d.%d.%d" % sys.version_info[:3]
    if sys.version_info < PYTHON_LEAST:
        return MISSING, "Python %s; 3.9 or later is needed" % version
    return OK, "Python " + version


def qemu():
    found = machine.emulator()
    if found:
        return OK, found
    return MISSING, "no %s: make setup-run" % machine.QEMU


def image(path):
    if os.path.isfile(path):
        return OK, "image %s, by %s" % (
            os.path.relpath(path), machine.compiler(path) or "?")
    return MISSING, "no image %s: make bench-image image" % os.path.relpath(
        path)


def outdated(path):
    """Whether a source is newer than the image."""
    if not os.path.isfile(path):
        return None
    built, newest = os.path.getmtime(path), (0, "")
    for folder in ("arch", "bench", "console", "kernel", "lua", "mm"):
        for where, _, names in os.walk(os.path.join(ROOT, folder)):
            for name in names:
                if name.endswith((".c", ".h", ".S", ".ld", ".lua")):
                    full = os.path.join(where, name)
                    newest = max(newest, (os.path.getmtime(full), full))
    if newest[0] > built:
        return WARN, "%s is newer than the image: make bench-image image" % (
            os.path.relpath(newest[1]))
    return OK, "the image is newer than all sources"


def firmware(args):
    """(finding, firmware): a boot tells."""
    if not os.path.isfile(args.kernel) or not machine.emulator():
        return None, None
    outcome = boots.catalogue(boots.Qemu(
        args.kernel, "exact", "256M", args.runner or boots.RUN_QEMU),
        args.timeout).run()
    found = machine.firmware(outcome.firmware_lines)
    if outcome.how != "ok":
        return (MISSING, "the image does not boot: %s" % outcome.why), found
    return (OK, "the image boots; %s" % (found or "unknown firmware")), found


def lab(args, boots_well):
    if not boots_well:
        return None
    try:
        found = listing.of_image(args.kernel, args.runner, args.timeout)
    except cli.Ended as e:
        return MISSING, str(e)
    return OK, "%d benchmarks, %d allocators, %d probes" % (
        len(found.benches), len(found.variants), len(found.probes))


def baseline(args, firmware_name):
    """Whether there is one for what is here."""
    if firmware_name is None:
        return None
    from quarry.bench import baseline as kept
    data = {"target": {"kind": "qemu", "mode": "exact", "machine": "virt",
                       "emulator": machine.emulator(),
                       "firmware": firmware_name},
            "code": {"cc": machine.compiler(args.kernel)}}
    name = kept.key(data)
    path = os.path.join(cli.BASELINES, name + ".json")
    if os.path.isfile(path):
        return OK, "baseline " + os.path.relpath(path)
    return WARN, ("no baseline for %s: make bench, then scripts/bench bless "
                  "build/bench.json" % name)


def load():
    busy, cpus = machine.load(), machine.cpus()
    text = "%d processors, load %s" % (cpus, busy)
    if busy is not None and busy > BUSY * cpus:
        return WARN, text + ": time will be noise; instructions are not"
    return OK, text


def disk():
    free = shutil.disk_usage(ROOT).free
    text = "%d MiB free" % (free >> 20)
    return (OK, text) if free >= DISK_LEAST else (
        MISSING, text + ": %d are needed" % (DISK_LEAST >> 20))


def charts():
    from quarry.bench import page
    found = page.find_library()
    if found:
        return OK, "charts by %s" % found
    return WARN, "no Chart.js, the report has tables instead: %s" % (
        page.INSTALL)


def browser():
    for name in BROWSERS:
        if shutil.which(name):
            return OK, "%s, for tests of the report" % name
    return WARN, "no chromium: the report's tests are skipped"


def serial():
    if importlib.util.find_spec("serial"):
        return OK, "python3-serial, for boards"
    return WARN, "no python3-serial: boards on a serial port need it"


def findings(args):
    boot, firmware_name = firmware(args)
    return [found for found in (
        python(), qemu(), image(args.kernel), outdated(args.kernel), boot,
        lab(args, boot and boot[0] == OK), baseline(args, firmware_name),
        load(), disk(), charts(), browser(), serial()) if found]


def run(args):
    found = findings(args)
    for kind, text in found:
        print("%-8s %s" % (kind, text))
    missing = sum(kind == MISSING for kind, _ in found)
    print("%d missing, %d warnings" % (
        missing, sum(kind == WARN for kind, _ in found)))
    return cli.USAGE if missing else cli.OK
