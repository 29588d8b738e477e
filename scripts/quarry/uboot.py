# SPDX-License-Identifier: MIT
"""U-Boot on the other end of a line: stop it, tell it commands, load by it.

Theory of operation

1. Ctrl-C does what is needed in every state: it stops the countdown, ends a
   command, drops a half-typed line. That the prompt is there is known when a
   question has been answered: `echo` of two halves with an empty variable
   between them, so that the answer is not in the echo of the question. How the
   prompt looks does not matter.
2. A command is typed piece by piece, each after the echo of the last: the
   pace suits a UART without interrupts, and the echo proves what arrived. A
   wrong echo is answered by Ctrl-C before the line could run. Carriage return
   follows only a line that is right as a whole.
3. Each command is followed by a question for its status, whose answer ends its
   output. Status and known messages tell whether it worked.
4. What was loaded is compared by its CRC-32 where U-Boot has that command.
5. Boot text in the middle means that the board has reset: `Reset`.
"""
import os
import random
import re
import time
import zlib

from quarry import ymodem
from quarry.line import Lost

CTRL_C = b"\x03"
PIECE = 16              # bytes typed at once: a FIFO's depth
ECHO_S = 2.0
ANSWER_S = 5.0
COMMAND_TRIES = 6
LOAD_TRIES = 3
NETWORK_S = 120.0
LINE_MAX = 400          # bytes; the smallest command buffer in use has 512
FAULTS = re.compile(
    rb"[^\r\n]*(?:\*\* Bad|TIMEOUT|Unknown command|## Error|ERROR"
    rb"|Retry count exceeded|TFTP error|Bad Linux|Wrong Image|not defined"
    rb"|No ethernet)[^\r\n]*")
# At the beginning of a line, as no command prints it.
BANNER = (rb"[\r\n\0](?:U-Boot (?:SPL |TPL )?\d{4}\.\d\d"
          rb"|OpenSBI v\d)")
QUARRY_PROMPT = rb"quarry> "


class Refused(Exception):
    """U-Boot does not do it; the text is for the person."""


class Reset(Exception):
    """The board has started anew."""


def shell_safe(text):
    return all(" " <= c <= "~" for c in text) and "'" not in text


class UBoot:
    def __init__(self, talk):
        self.talk = talk
        self.random = random.SystemRandom()

    def question(self):
        """A command that prints a word, and that word."""
        a, b = (b"%06d" % self.random.randrange(10 ** 6) for _ in range(2))
        return b"echo Q" + a + b"${_}" + b, b"Q" + a + b

    def at_prompt(self):
        """One attempt, shorter than a countdown: Ctrl-C, then a question."""
        self.talk.send(CTRL_C)
        self.talk.drain(0.1, 1.0)
        ask, answer = self.question()
        self.talk.send(ask + b"\r")
        match = self.talk.wait([answer, QUARRY_PROMPT], 0.8)
        if match and match.group() == QUARRY_PROMPT:
            raise Refused(
                "Quarry runs already; U-Boot is reached by a reset "
                "(--reset-cmd, or type sys.reboot() at the prompt)")
        if match:
            self.talk.drain(0.05, 1.0)
        return match is not None

    def catch(self, seconds):
        """Stop the countdown, or find that the prompt is there."""
        end = time.monotonic() + seconds
        turn = 0
        while time.monotonic() < end:
            turn += 1
            self.talk.send(CTRL_C)
            # While text comes it is early for a question, not for a key.
            if self.talk.read_more(0.3) and turn % 3:
                continue
            if self.at_prompt():
                return
        raise Lost("no U-Boot prompt within %g s" % seconds)

    def type_line(self, text):
        """Type without the end of the line; False: the echo is wrong."""
        self.talk.text = b""
        for at in range(0, len(text), PIECE):
            self.talk.send(text[at:at + PIECE])
            wanted = text[:at + PIECE]
            end = time.monotonic() + ECHO_S
            while self.talk.text != wanted:
                got = self.talk.text
                if (not wanted.startswith(got) or time.monotonic() >= end):
                    return False
                self.talk.read_more(max(0, end - time.monotonic()))
        return True

    def enter(self, text):
        """Type a line, with the echo checked, and end it."""
        if len(text) > LINE_MAX:
            raise Refused("a command of %d bytes; U-Boot takes %d: %s…" % (
                len(text), LINE_MAX, text[:40].decode()))
        for _ in range(COMMAND_TRIES):
            if self.type_line(text):
                self.talk.send(b"\r")
                return
            self.recover()
        raise Lost("U-Boot's echo stays damaged: %s" % text.decode())

    def recover(self):
        self.talk.send(CTRL_C)
        if re.search(BANNER, self.talk.drain(0.2, 2.0)):
            raise Reset()

    def result(self, text, answer, seconds):
        """The output up to the answer, when all is well."""
        before = b""
        end = time.monotonic() + seconds
        pattern = re.compile(answer + rb" (\d+)\s")
        while True:
            match = pattern.search(before)
            if match:
                break
            if re.search(BANNER, before):
                raise Reset()
            left = end - time.monotonic()
            if left <= 0:
                raise Lost("U-Boot did not answer within %g s: %s" % (
                    seconds, text.decode()))
            before += self.talk.text + self.talk.line.read(left)
            self.talk.text = b""
        output = before[:match.start()]
        fault = FAULTS.search(output)
        if fault or match.group(1) != b"0":
            why = fault.group().strip() if fault else (
                b"status " + match.group(1))
            raise Refused("U-Boot: %s: %s" % (
                text.decode(), why.decode(errors="replace")))
        self.talk.drain(0.05, 1.0)
        return output

    def command(self, text, seconds=ANSWER_S):
        text = text.encode()
        ask, answer = self.question()
        self.enter(text + b"; " + ask + b" $?")
        return self.result(text, answer, seconds)

    def variable(self, name):
        """The value of a variable that must be a number."""
        output = self.command("echo V${%s}V" % name)
        match = re.search(rb"V(?:0x)?([0-9a-fA-F]{1,16})V", output)
        if not match:
            raise Refused("U-Boot's environment has no %s; set it there"
                          % name)
        return match.group(1).decode()

    def is_loaded(self, address, data):
        """What lies there is the data. True, too, without the command."""
        try:
            output = self.command("crc32 %s %x" % (address, len(data)), 60)
        except Refused:
            return True
        return b"==> %08x" % zlib.crc32(data) in output

    def load_ymodem(self, name, data, address):
        for _ in range(LOAD_TRIES):
            text = b"loady " + address.encode()
            ask, answer = self.question()
            self.enter(text + b"; " + ask + b" $?")
            if not self.talk.wait([rb"bps\.\.\.", rb"\r?\nC"], ANSWER_S):
                self.recover()
                continue
            try:
                ymodem.Sender(self.talk.line).send(name, data)
                self.result(text, answer, 30)
            except ymodem.Failed:
                self.recover()
                continue
            if self.is_loaded(address, data):
                return
        raise Lost("YMODEM: %s did not arrive intact in %d attempts"
                   % (name, LOAD_TRIES))

    def load_tftp(self, name, data, address):
        for _ in range(LOAD_TRIES):
            output = self.command("tftpboot %s %s" % (address, name),
                                  NETWORK_S)
            if (b"= %d (" % len(data) in output
                    and self.is_loaded(address, data)):
                return
        raise Lost("TFTP: %s did not arrive intact in %d attempts"
                   % (name, LOAD_TRIES))

    def network(self, serverip):
        self.command("setenv autoload no")
        self.command("dhcp", NETWORK_S)
        if serverip:
            self.command("setenv serverip %s" % serverip)

    def boot(self, kernel, initrd, initrd_bytes, bootargs):
        """Start what was loaded; returns when U-Boot has let go."""
        if not shell_safe(bootargs):
            raise Refused("--append %r: U-Boot cannot be told a quote or a "
                          "byte that is not printable" % bootargs)
        self.command("setenv bootargs '%s'" % bootargs)
        tree = self.variable("fdtcontroladdr")
        disk = "%s:%x" % (initrd, initrd_bytes) if initrd_bytes else "-"
        text = "booti %s %s %s" % (kernel, disk, tree)
        self.enter(text.encode())
        match = self.talk.wait(
            [rb"Starting kernel \.\.\.\s*?\r?\n", FAULTS.pattern], 30)
        if not match:
            raise Lost("U-Boot did not start the kernel: %s" % text)
        if b"Starting kernel" not in match.group():
            raise Refused("U-Boot: %s: %s" % (text, match.group().strip()
                                              .decode(errors="replace")))


def publish(folder, name, data):
    """A file for the TFTP server, whole or not at all."""
    path = os.path.join(folder, name)
    with open(path + ".new", "wb") as f:
        f.write(data)
    os.chmod(path + ".new", 0o644)
    os.replace(path + ".new", path)
