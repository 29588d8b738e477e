# SPDX-License-Identifier: MIT
"""A run on a board: reset, load, boot, scripts, end.

Theory of operation

1. There are two ways for scripts. In an initrd, as with QEMU, where U-Boot
   loads it (--load ymodem, tftp): the kernel runs them by itself, and we only
   watch. Typed at the prompt, where Quarry is already there (card, none).
   Either way the machine leaves receipts (receipt.py).
2. Nothing is taken as sent or received because it was sent or received once:
   ymodem.py, uboot.py and deliver.py each check what they carry. Here remains
   what a check cannot mend: a board that resets. Before the scripts have
   started all is done once more; afterwards it ends the run with status 4.
3. One clock, the line's deadline, ends every wait. Without --timeout the time
   for loading is bounded by the bounds of its steps, and the scripts have
   DEFAULT_TIMEOUT_S from their start.
4. Typed scripts: the end is known by the receipt, and when a damaged one is
   followed by silence, by asking. Then the machine is told to power off.
"""
import io
import os
import re
import tarfile
import time

from quarry import initrd
from quarry.console import Console, write_log
from quarry.deliver import Delivery
from quarry.hooks import run_hook
from quarry.line import Lost, Talk, TimeUp, parse_target
from quarry.options import DEFAULT_TIMEOUT_S
from quarry.receipt import SILENCE_S, Output, batch_items, new_nonce
from quarry.report import LOST, OK, PANIC, say, usage
from quarry.terminal import interactive
from quarry.uboot import BANNER, Refused, Reset, UBoot, publish

KERNEL_NAME, INITRD_NAME = "quarry-image", "quarry-initrd"
# Of silence, then the prompt is asked for. A firmware that is at work may be
# silent for longer, and a Ctrl-C would stop it.
QUIET_S = {"card": 4.0, "none": 1.0}
BOOTING_QUIET_S = 25.0
ASK_AFTER_S = 3.0       # of silence, whether scripts still run; then doubled
ASK_MOST_S = 60.0
OFF_S = 1.0             # for the exit line, before it is asked for again
OFF_TRIES = 5
PROMPT = b"quarry> "
HURT = ("the line is too bad: a Ctrl-C meant for a damaged line has met the "
        "scripts")
NAME_MAX = 255          # bytes, the kernel's


def plain_script(data):
    """As the kernel takes it from a file: no mark, no first # line."""
    data = data[3:] if data.startswith(b"\xef\xbb\xbf") else data
    if data.startswith(b"#"):
        data = data[data.index(b"\n"):] if b"\n" in data else b""
    return data


def files_to_type(args):
    """[(name, bytes, is_script)] for a machine that is there already."""
    out = []
    if args.initrd:
        data = initrd.own_archive(args)
        try:
            with tarfile.open(fileobj=io.BytesIO(data)) as tar:
                for member in tar:
                    name = os.path.normpath(member.name)
                    if not member.isfile():
                        continue
                    if len(os.fsencode(name)) > NAME_MAX:
                        usage("--initrd %s: a name of more than %d bytes: %s"
                              % (args.initrd, NAME_MAX, name))
                    out.append((name, tar.extractfile(member).read(), False))
        except tarfile.TarError:
            usage("--initrd %s: --load %s takes a folder or a tar archive"
                  % (args.initrd, args.load))
    for name, data in initrd.batch_files(args.items):
        out.append((name, plain_script(data), True))
    return out


class Run:
    def __init__(self, args):
        self.args = args
        self.log = None
        self.line = self.talk = self.output = None
        self.console = None
        self.hurt = False       # a Ctrl-C of ours ended a script
        # Before the board is touched: the person's files may be refused.
        self.files = (files_to_type(args)
                      if args.items and args.load in ("card", "none") else [])

    # ---- the ways to load ----

    def uboot_images(self, nonce):
        args = self.args
        with open(args.kernel, "rb") as f:
            kernel = f.read()
        disk = initrd.build_initrd(args, *(batch_items(nonce)
                                           if args.items else ((), ())))
        words = args.append.split()
        if args.items:
            words.append("batch=1")
            if not any(w.startswith("term=") for w in words):
                words.append("term=dumb")
        return kernel, disk, " ".join(words)

    def load_by_uboot(self):
        args, nonce = self.args, new_nonce()
        kernel, disk, bootargs = self.uboot_images(nonce)
        uboot = UBoot(self.talk)
        uboot.catch(args.uboot_timeout)
        at_kernel = uboot.variable("kernel_addr_r")
        at_disk = uboot.variable("ramdisk_addr_r")
        load = uboot.load_ymodem
        if args.load == "tftp":
            publish(args.tftp_dir, KERNEL_NAME, kernel)
            publish(args.tftp_dir, INITRD_NAME, disk or b"")
            uboot.network(args.serverip)
            load = uboot.load_tftp
        load(KERNEL_NAME, kernel, at_kernel)
        if disk:
            load(INITRD_NAME, disk, at_disk)
        self.expect_scripts()
        uboot.boot(at_kernel, at_disk, len(disk or b""), bootargs)
        return nonce

    def find_prompt(self, delivery):
        """Listen until the prompt comes, or nothing; then ask."""
        limit = self.args.uboot_timeout
        end = time.monotonic() + limit
        quiet = QUIET_S[self.args.load]
        while time.monotonic() < end:
            if (self.args.load == "card"
                    and re.search(BANNER, self.talk.text)):
                quiet = BOOTING_QUIET_S
            if self.talk.read_more(quiet) and PROMPT not in self.talk.text:
                continue
            self.talk.text = b""
            try:
                if delivery.sync(3):
                    return
            except Reset:
                continue    # it is only starting
        raise Lost("no Quarry prompt within %g s" % limit)

    def deliver(self):
        delivery = Delivery(self.talk)
        self.find_prompt(delivery)
        delivery.install()
        for name, data, is_script in self.files:
            delivery.send_file(name, data, is_script)
        self.expect_scripts()
        delivery.start()
        return delivery

    def expect_scripts(self):
        """From here on the time is that of the scripts."""
        if self.args.timeout is None and self.args.items:
            self.line.deadline = time.monotonic() + DEFAULT_TIMEOUT_S

    # ---- the scripts ----

    def begin(self):
        """Bring the scripts to the point where they run."""
        for last in (False, True):
            self.line.deadline = self.deadline
            try:
                if self.args.load in ("card", "none"):
                    delivery = self.deliver()
                    self.output = Output(self.console, delivery.nonce, True)
                    return delivery
                self.output = Output(self.console, self.load_by_uboot())
                return None
            except Reset as e:
                if last:
                    raise Lost("the board has reset again before the "
                               "scripts ran") from e
                say("the board has reset before the scripts ran; once more")
        raise AssertionError("the loop returns or raises")

    def watch(self, delivery):
        ask_at, wait = time.monotonic() + ASK_AFTER_S, ASK_AFTER_S
        self.output.feed(self.talk.text)
        self.talk.text = b""
        while self.output.receipt is None and not self.output.over():
            data = self.line.read(0.25)
            self.output.feed(data)
            now = time.monotonic()
            if data:
                ask_at, wait = now + ASK_AFTER_S, ASK_AFTER_S
            if self.output.echoed:
                self.ask_for_the_end(delivery)
            elif delivery and now >= ask_at:
                self.output.comment = delivery.comment()
                self.talk.send(b"\r" + self.output.comment + b"\r")
                wait = min(2 * wait, ASK_MOST_S)
                ask_at = now + wait
        self.finish(delivery)
        self.hurt = (delivery is not None and delivery.endangered
                     and self.output.interrupted)

    def ask_for_the_end(self, delivery):
        """A prompt has echoed: no script runs any more, or none ever did."""
        self.output.echoed = False
        state = delivery.state_at_prompt()
        if state is None:
            raise Lost("the machine no longer knows of the run")
        end = re.fullmatch(r"end (\d+)( interrupted)?", state)
        if state == "idle":
            self.output.skipping = True
            delivery.start()
        elif end:
            self.output.receipt = int(end.group(1))
            self.output.interrupted = end.group(2) is not None
        else:
            # The Ctrl-C met the receiver beside a script.
            raise Lost(HURT)

    def finish(self, delivery):
        """The exit line after the receipt; typed scripts: asked for."""
        tries, ask_at = 0, time.monotonic() + OFF_S
        while not self.output.over():
            self.output.feed(self.line.read(0.25))
            now = time.monotonic()
            if delivery and now >= ask_at and tries < OFF_TRIES:
                delivery.power_off(self.output.receipt or 0)
                tries, ask_at = tries + 1, now + OFF_S

    def run_scripts(self):
        try:
            self.watch(self.begin())
        except TimeUp:
            if self.output is None or self.output.receipt is None:
                say("no end within %g s" % (self.args.timeout
                                            or DEFAULT_TIMEOUT_S))
                return PANIC if self.console.panicked else LOST
        except Reset:
            say("the board has reset while scripts ran")
            return PANIC if self.console.panicked else LOST
        except Lost:
            # A machine may be switched off with its line.
            if self.output is None or not self.output.said_end():
                raise
        if self.hurt:
            say(HURT)
            return LOST
        return self.output.status()

    def run_terminal(self):
        if self.args.load in ("ymodem", "tftp"):
            self.load_by_uboot()
        if os.isatty(0):
            say("Ctrl-] leaves; Ctrl-C goes to the machine")
        self.console.translate = False
        self.console.feed(self.talk.text)
        try:
            interactive(self.line, self.console, SILENCE_S)
        except TimeUp:
            say("no end within %g s" % self.args.timeout)
            return LOST
        return OK if self.console.code is None else self.console.status()

    # ---- the whole ----

    def conduct(self):
        args = self.args
        if args.log:
            self.log = open(args.log, "wb", buffering=0)
        self.line = parse_target(args.target)()
        self.line.tap = self.write_log
        self.deadline = (time.monotonic() + args.timeout
                         if args.timeout else None)
        self.line.deadline = self.deadline
        self.talk = Talk(self.line)
        self.console = Console(None, translate=True)
        run_hook("--reset-cmd", args.reset_cmd)
        try:
            return self.run_scripts() if args.items else self.run_terminal()
        finally:
            self.console.finish()
            self.line.close()

    def write_log(self, data):
        self.log = write_log(self.log, data)


def conduct(args):
    """The exit status; every failure is one line."""
    run_it = Run(args)      # may refuse: then the board was not touched
    try:
        return run_it.conduct()
    except (Lost, Refused) as e:
        say(str(e))
    except Reset:
        say("the board has reset while it was loaded")
    except TimeUp:
        say("no end within %g s" % args.timeout)
    return LOST


def power_off(args):
    """False, after a line, when the hook fails."""
    try:
        run_hook("--power-cmd", args.power_cmd)
    except Lost as e:
        say(str(e))
        return False
    return True


def run(args):
    try:
        status = conduct(args)
    except KeyboardInterrupt:
        power_off(args)
        raise
    return status if power_off(args) else LOST
