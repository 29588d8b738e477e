# SPDX-License-Identifier: MIT
"""scripts/fetch-uboot against an apt that misbehaves: fakes on the PATH."""
import os

from lib import ROOT, check, contains, equal, folder, run_command, skip, write

FETCH = os.path.join(ROOT, "scripts", "fetch-uboot")
MIRROR = "http://127.0.0.1:9/debian"
# The last word of a download decides what it leaves.
APT = """#!/bin/sh
echo "$*" >>%(notes)s
case "$*" in
indextargets*) echo '%(mirrors)s' ;;
*' update') %(update)s ;;
*' download '*) %(download)s ;;
esac
"""


class Box:
    def __init__(self, mirrors=MIRROR, update="", download=""):
        if not os.path.exists("/usr/bin/dpkg-deb"):
            skip("no dpkg here")
        self.bin, self.out = folder(), os.path.join(folder(), "out")
        self.notes = os.path.join(self.bin, "notes")
        path = write(os.path.join(self.bin, "apt-get"), APT % {
            "notes": self.notes, "mirrors": mirrors, "update": update,
            "download": download})
        os.chmod(path, 0o755)

    def fetch(self, release="trixie", **keywords):
        return run_command(
            [FETCH, release, self.out],
            env=dict(os.environ, PATH=self.bin + ":" + os.environ["PATH"]),
            **keywords)

    def refused(self, what, **keywords):
        result = self.fetch(**keywords)
        equal(result.status, 2, "status")
        equal(len(result.err.strip().split("\n")), 1, "lines of the message")
        contains(result.err, what)
        check(not os.path.exists(self.out), "something was left")

    def calls(self):
        with open(self.notes, encoding="utf-8") as f:
            return f.read().strip().split("\n")


def package(inside="usr/lib/u-boot/qemu-riscv64_smode/uboot.elf"):
    """A Debian package with one file, as Debian's tool makes it."""
    top = folder()
    write(os.path.join(top, inside), b"the loader")
    write(os.path.join(top, "DEBIAN", "control"),
          "Package: u-boot-qemu\nVersion: 2099.01-1\nArchitecture: all\n"
          "Maintainer: nobody <nobody@localhost>\nDescription: a test\n")
    out = os.path.join(folder(), "u-boot-qemu_2099.01-1_all.deb")
    run_command(["dpkg-deb", "--root-owner-group", "-b", top, out], status=0)
    return out


def I4_2_fetch_uboot_and_keep_it():
    box = Box(download="cp %s ." % package())
    equal(box.fetch(status=0).out.strip(), "2099.01-1", "version")
    with open(os.path.join(box.out, "uboot.elf"), "rb") as f:
        equal(f.read(), b"the loader", "uboot.elf")
    equal(sorted(os.listdir(box.out)), ["uboot.elf", "version"], "files")
    calls = box.calls()
    # Nothing of this machine's own apt is read or changed.
    for call in calls[1:]:
        for word in ("Dir::Etc::sourcelist=", "Dir::Etc::sourceparts=/dev/null",
                     "Dir::State=", "Dir::State::status=", "Dir::Cache="):
            contains(call, word)
        check("unauthenticated" not in call.lower(), call)
        check(" install" not in call, call)
    equal(box.fetch(status=0).out.strip(), "2099.01-1", "version again")
    equal(box.calls(), calls, "calls of apt-get")


def I4_2_fetch_uboot_next_mirror():
    box = Box(mirrors="http://127.0.0.1:9/a\nhttp://127.0.0.1:9/b",
              download="cp %s ." % package(),
              update="for w; do case $w in *sourcelist=*) f=${w#*=};; esac; "
              "done; grep -q :9/b $f || { echo E: no such suite; exit 100; }")
    equal(box.fetch(status=0).out.strip(), "2099.01-1", "version")


def I4_2_fetch_uboot_fails_in_one_line():
    Box(update="echo noise; echo 'E: no network'; exit 100").refused(
        "of trixie: E: no network")
    Box(download="echo 'E: no such package'; exit 100").refused(
        "E: no such package")
    Box().refused("downloaded no")
    Box(download="echo junk >u-boot-qemu_1_all.deb").refused("dpkg-deb")
    Box(download="cp %s ." % package("usr/other")).refused("uboot.elf")
    Box(mirrors="").refused("no mirrors")
    Box().refused("is no release", release="../etc")
    Box().refused("is no release", release="a b")
