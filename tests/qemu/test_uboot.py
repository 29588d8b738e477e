# SPDX-License-Identifier: MIT
"""The card, and files over TFTP, under U-Boot in S-mode on virt.

`make test` boots the U-Boot that is installed; `make test-boards` those of the
two Debian releases, fetched for it.
"""
import os
import re
import struct

from lib import BUILD, PATIENCE_S, ROOT, Session, check, contains, equal, \
    folder, kernel_path, matches, run_command, test, write

SCRIPTS = os.path.join(ROOT, "scripts")
IMAGE = kernel_path()[:-4] + ".bin"
SYSTEM = "@@%d" % (16384 * 512)  # where mtools finds the FAT in a card
INSTALLED = "/usr/lib/u-boot/qemu-riscv64_smode/uboot.elf"
VERSIONS = {"bookworm": "2023.01", "trixie": "2025.01"}
# What makes trouble on the way through U-Boot, and words nobody knows.
ODD = """a"b c'd' 'e f' g\\h i\\\\j k\\'l $m ${n} #o p=%q;r&s|t *u? !v (w) ~x"""

BATCH = """
print("HARTS", hart.count())
local c = slab.create("card", 64)
local b = c:alloc_n(1000)
print("LIVE", c:stats().objects_inuse)
b:free()
print("AFTER", c:stats().objects_inuse)
c:destroy()
print("TOKEN", fs.read("token.txt"))
print("ARGS", (sys.dt("/chosen").bootargs:gsub("%z.*", "")))
run("smoke", {s=0.3})
"""


def scripts_folder(token, **files):
    """A folder for --initrd: a batch, and a file that it prints."""
    where = folder()
    write(os.path.join(where, "token.txt"), token)
    write(os.path.join(where, "batch", "01-card.lua"), BATCH)
    for name, text in files.items():
        write(os.path.join(where, "batch", name + ".lua"), text)
    return where


def make_card(append="", initrd=None):
    card = os.path.join(folder(), "card.img")
    command = [os.path.join(SCRIPTS, "make-card"), "--image", IMAGE,
               "--output", card, "--append", append]
    run_command(command + (["--initrd", initrd] if initrd else []), status=0)
    return card


def card_command(*options, uboot=None, timeout=PATIENCE_S):
    return [os.path.join(SCRIPTS, "run-card"), "--timeout", str(timeout),
            "--uboot", uboot or INSTALLED] + list(options)


def boot(card, *options, status=None, **keywords):
    return run_command(card_command("--card", card, *options, **keywords),
                       status, PATIENCE_S + 30)


def check_batch(out, token, append, harts=4):
    out = out.replace("\r", "")
    contains(out, "HARTS\t%d\n" % harts)
    contains(out, "LIVE\t1000\n")
    contains(out, "AFTER\t0\n")
    contains(out, "TOKEN\t%s\n" % token)
    equal(matches(out, r"^ARGS\t(.*)$").group(1), append, "bootargs")
    matches(out, r"^smoke: ok  %d harts" % harts)


def batch_on_a_card(uboot=None, version=""):
    token = os.urandom(8).hex()
    append = "batch=1 term=dumb " + ODD
    card = make_card(append, scripts_folder(token))
    result = boot(card, status=0, uboot=uboot)
    contains(result.out, "U-Boot " + version)
    check_batch(result.out, token, append)
    matches(result.out, r"QUARRY-EXIT code=0\s*\Z")


def I4_2_card_boots_under_uboot():
    """Unattended, 4 harts, scripts from the card, odd boot arguments."""
    batch_on_a_card()


def I4_2_card_without_scripts_gives_the_prompt():
    with Session(tty=True, command=card_command(
            "--card", make_card("loglevel=info"))) as machine:
        machine.prompt()
        contains(machine.lua("6 * 7"), "42")
        machine.send("sys.poweroff(5)\r")
        equal(machine.end(), 1, "exit status")


def I4_2_card_exit_status_is_the_scripts():
    card = make_card("batch=1", scripts_folder("x", **{"02-error":
                                                       "error('boom')"}))
    contains(boot(card, "--harts", "1", status=1).out, "boom")


def damage(card, data):
    """Put another Image on the card."""
    path = write(os.path.join(folder(), "Image"), data)
    run_command(["mcopy", "-o", "-i", card + SYSTEM, path, "::/Image"],
                status=0)


def I4_2_damaged_card_is_no_success():
    """An Image that U-Boot refuses; one that is cut behind its header."""
    with open(IMAGE, "rb") as f:
        data = f.read()
    card = make_card("batch=1")
    damage(card, data[:56] + b"XXXX" + data[60:])
    result = boot(card, status=4)
    contains(result.out, "Bad Linux RISCV Image magic!")
    contains(result.err, "waits at its prompt")
    damage(card, data[:64])
    result = boot(card, status=4)
    contains(result.out, "Starting kernel")


def test_run_card_usage():
    for options in (["--card", "/nowhere"], ["--uboot", "/nowhere"],
                    ["--harts", "0"], ["--mem", "much"], ["--mem", "128M"],
                    ["--timeout", "0"], ["--timeout", "nan"],
                    ["--tftp", "/nowhere"], ["--nonsense"]):
        good = [] if "--card" in options or "--tftp" in options else [
            "--card", IMAGE]
        equal(run_command([os.path.join(SCRIPTS, "run-card")] + good
                          + options).status, 2, " ".join(options))


# ---- At U-Boot's prompt ----

UBOOT_PROMPT = "=> "


def at_prompt(*options, uboot=None):
    """A session with U-Boot, its countdown stopped."""
    machine = Session(command=card_command(*options, uboot=uboot))
    try:
        machine.expect("stop autoboot", plain=True)
        machine.send(" ")
        machine.expect(UBOOT_PROMPT, plain=True)
    except BaseException:
        machine.close()
        raise
    return machine


def command(machine, line):
    """Type a line; what U-Boot says to it."""
    machine.send(line + "\n")
    machine.expect(UBOOT_PROMPT, plain=True)
    return machine.before


def deploy_lines(where, append, initrd, vendor=False):
    """The lines that scripts/deploy prints, with this network's server."""
    out = run_command(
        [os.path.join(SCRIPTS, "deploy"), "--board", "vf2", "--tftp", where,
         "--image", IMAGE, "--initrd", initrd, "--append", append],
        status=0).out
    blocks = re.findall(r"(?:^    .*\n)+", out, re.MULTILINE)
    equal(len(blocks), 2, "blocks of lines")
    text = blocks[vendor].replace("<this machine's address>", "10.0.2.2")
    check("<" not in text, "something else to fill in")
    return [line.strip() for line in text.strip().split("\n")]


def booti_over_tftp(vendor=False, uboot=None):
    token, where = os.urandom(8).hex(), folder()
    append = "batch=1 term=dumb " + ODD
    lines = deploy_lines(where, append, scripts_folder(token), vendor)
    with at_prompt("--tftp", where, uboot=uboot) as machine:
        for line in lines[:-1]:
            said = command(machine, line)
            if line.startswith("tftpboot"):
                contains(said, "Bytes transferred")
        machine.send(lines[-1] + "\n")
        equal(machine.end(), 0, "exit status")
        check_batch(machine.all, token, append)


def I4_2_booti_over_tftp():
    """By the lines that `make deploy TFTP=…` prints."""
    booti_over_tftp()


def fetched(release):
    """U-Boot of a Debian release."""
    where = os.path.join(BUILD, "u-boot", release)
    run_command([os.path.join(SCRIPTS, "fetch-uboot"), release, where],
                status=0, timeout=400)
    return os.path.join(where, "uboot.elf")


@test(boards=True, timeout=600)
def I4_2_card_boots_under_both_releases():
    for release, version in VERSIONS.items():
        batch_on_a_card(fetched(release), version)


@test(boards=True, timeout=600)
def I4_2_booti_over_tftp_under_both_releases():
    """The lines for the vendor's U-Boot, too: only its routine is not here."""
    for release in VERSIONS:
        for vendor in (False, True):
            booti_over_tftp(vendor, fetched(release))


@test(boards=True, timeout=600)
def I4_2_vendor_environment_leads_to_the_card():
    """uEnv.txt as the vendor's U-Boot uses it, with a disk that is here."""
    token = os.urandom(8).hex()
    append = "batch=1 term=dumb"
    card = make_card(append, scripts_folder(token))
    for release in VERSIONS:
        # Standard input goes to U-Boot only where a network is.
        with at_prompt("--card", card, "--tftp", folder(),
                       uboot=fetched(release)) as machine:
            for name, size in (("vf2_uEnv.txt", "${filesize}"),
                               ("uEnv.txt", "17c")):
                contains(command(machine, "load virtio 0:3 84000000 " + name),
                         "1024 bytes read")
                command(machine, "env import -t 84000000 " + size)
            boot2 = matches(command(machine, "printenv boot2").replace(
                "\r", ""), r"^boot2=(.*)$").group(1)
            contains(boot2, "sysboot mmc ${devnum}:3 ")
            command(machine, "setenv devnum 0")
            machine.send(boot2.replace("mmc", "virtio") + "\n")
            equal(machine.end(), 0, "exit status")
            contains(machine.all, "Using Device Tree in place at "
                                  "000000008c000000")
            check_batch(machine.all, token, append)


@test(boards=True)
def test_fetched_uboot_is_kept():
    path = fetched("bookworm")
    before = os.stat(path).st_mtime_ns
    equal(fetched("bookworm"), path, "path")
    equal(os.stat(path).st_mtime_ns, before, "time of the file")
    with open(path, "rb") as f:
        head = f.read(20)
    equal(head[:5], b"\x7fELF\x02", "an ELF of 64 bits")
    equal(struct.unpack_from("<H", head, 18)[0], 243, "for RISC-V")
    equal(sorted(os.listdir(os.path.dirname(path))), ["uboot.elf", "version"],
          "files")
    with open(os.path.join(os.path.dirname(path), "version"),
              encoding="ascii") as f:
        contains(f.read(), VERSIONS["bookworm"])
