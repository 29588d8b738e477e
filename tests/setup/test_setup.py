# SPDX-License-Identifier: MIT
"""scripts/setup: asks apt for what is missing, and for nothing else."""
import os

from lib import ROOT, check, contains, equal, folder, run_command, write

SETUP = os.path.join(ROOT, "scripts", "setup")
TOOLS = ("sh", "grep", "cat", "env", "tail")


class Box:
    """A PATH of our own: basic tools, and fakes that note their calls."""

    def __init__(self, uid=0, known=()):
        self.bin = folder()
        self.notes = os.path.join(self.bin, "notes")
        for tool in TOOLS:
            os.symlink("/bin/" + tool, os.path.join(self.bin, tool))
        self.fake("id", "echo %d" % uid)
        self.fake("apt-cache", 'for n; do :; done; case " %s " in *" $n "*) '
                  'echo "Package: $n";; esac' % " ".join(known))

    def fake(self, name, body=""):
        path = write(os.path.join(self.bin, name),
                     '#!/bin/sh\necho "%s $*" >>%s\n%s\n' % (
                         name, self.notes, body))
        os.chmod(path, 0o755)

    def setup(self, target):
        return run_command(["/bin/sh", SETUP, target],
                           env={"PATH": self.bin})

    def called(self):
        if not os.path.exists(self.notes):
            return []
        with open(self.notes, encoding="utf-8") as f:
            return [line.strip() for line in f
                    if line.startswith(("apt-get", "sudo"))]


def one_line(result):
    equal(len(result.err.strip().splitlines()), 1, "lines of the message")
    return result.err


def test_setup_without_rights_prints_list_and_command():
    box = Box(uid=1000, known=["qemu-system-misc"])
    box.fake("apt-get")
    result = box.setup("run")
    equal(result.status, 2, "status")
    line = one_line(result)
    contains(line, "apt-get install")
    for name in ("gcc-riscv64-unknown-elf", "picolibc-riscv64-unknown-elf",
                 "qemu-system-misc", "device-tree-compiler"):
        contains(line, name)
    check("qemu-system-riscv " not in line, "names a package apt knows not")
    equal(box.called(), [], "calls")


def test_setup_takes_the_first_name_apt_knows():
    box = Box(uid=1000, known=["qemu-system-misc", "qemu-system-riscv"])
    box.fake("apt-get")
    line = one_line(box.setup("run"))
    contains(line, "qemu-system-riscv")
    check("qemu-system-misc" not in line, "takes the second name")


def test_setup_without_apt_says_what_to_install():
    box = Box()
    result = box.setup("build")
    equal(result.status, 2, "status")
    contains(one_line(result), "gcc-riscv64-unknown-elf")


def test_setup_root_updates_and_installs_once():
    box = Box(uid=0, known=["qemu-system-misc"])
    box.fake("apt-get")
    result = box.setup("run")
    calls = box.called()
    equal(len(calls), 2, "calls of apt-get")
    check("update" in calls[0], "no update first")
    contains(calls[1], "install")
    contains(calls[1], "qemu-system-misc")
    # The fake installed nothing, and that is noticed.
    equal(result.status, 2, "status")
    contains(result.err, "still missing")


def test_setup_uses_sudo_when_not_root():
    box = Box(uid=1000)
    box.fake("apt-get")
    box.fake("sudo", 'exec "$@"')
    box.setup("build")
    check(any(c.startswith("sudo apt-get") for c in box.called()), "no sudo")


def test_setup_update_fails():
    box = Box(uid=0)
    box.fake("apt-get", "exit 100")
    result = box.setup("build")
    equal(result.status, 2, "status")
    contains(one_line(result), "apt-get update failed")


def test_setup_nothing_missing_touches_nothing():
    box = Box(uid=0)
    box.fake("apt-get")
    box.fake("riscv64-unknown-elf-gcc", "echo /specs/picolibc.specs")
    box.fake("riscv64-unknown-elf-ld")
    box.fake("qemu-system-riscv64")
    box.fake("dtc")
    result = box.setup("run")
    equal((result.status, result.out, result.err), (0, "", ""), "result")
    equal(box.called(), [], "calls")


def test_setup_unknown_set():
    equal(Box().setup("everything").status, 2, "status")


def test_setup_card_names_its_packages():
    box = Box(uid=1000)
    box.fake("apt-get")
    box.fake("riscv64-unknown-elf-gcc", "echo /specs/picolibc.specs")
    box.fake("riscv64-unknown-elf-ld")
    line = one_line(box.setup("card"))
    contains(line, "mtools")
    for name in ("qemu", "cmocka", "u-boot"):
        check(name not in line, "names", name)
    box.fake("mcopy")
    for name in ("sfdisk", "mkfs.vfat"):
        # Found where only root's PATH leads, too.
        check(os.path.exists("/usr/sbin/" + name), "no", name)
    equal(box.setup("card").status, 0, "status with all of it there")


def I5_5_setup_names_a_browser_for_tests_and_charts_for_reports():
    box = Box(uid=1000, known=["chromium"])
    box.fake("apt-get")
    line = one_line(box.setup("test"))
    contains(line, " chromium")
    check("chromium-headless-shell" not in line, "a name apt knows not")
    here = any(os.path.exists("/usr/share/" + path) for path in (
        "javascript/chart.js/chart.min.js", "javascript/chart.js/chart.umd.js",
        "nodejs/chart.js/dist/chart.umd.js"))
    equal("libjs-chart.js" in line, not here, "libjs-chart.js")
    equal(box.setup("report").status, 0 if here else 2, "status")
    box.fake("chromium")
    check("chromium" not in one_line(box.setup("test")), "asks for it again")


def test_setup_test_set_has_what_boards_need():
    box = Box(uid=1000)
    box.fake("apt-get")
    line = one_line(box.setup("test"))
    for path, name in (("/usr/lib/python3/dist-packages/serial",
                        "python3-serial"),
                       ("/usr/lib/python3/dist-packages/jsonschema",
                        "python3-jsonschema"),
                       ("/usr/lib/u-boot/qemu-riscv64_smode/uboot.elf",
                        "u-boot-qemu")):
        equal(name in line, not os.path.exists(path), name)
