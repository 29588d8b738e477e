# SPDX-License-Identifier: MIT
"""How a run on a board ended, on a line that may damage bytes.

Theory of operation

1. `QUARRY-EXIT code=1` becomes `code=0` by one flipped bit. So on a board that
   line alone is never success. Before it, three times, stands a *receipt*:
   `@WORD end N CRC32@`, with a random word of this run. It is printed by
   sys.poweroff and sys.reboot, which receipt.lua wraps, and behind the last
   script. Damage makes a receipt unreadable, not different.
2. What is decidable, then:
       a receipt                  its code is the run's; the exit line, when
                                  intact, must agree, else status 4
       no receipt, code=3         a panic: poweroff(3) would have left one
       no receipt, other code     a script's error in a batch: status 1
       no receipt, code=0         4: either something else than a script's own
                                  state ended the run, or damage did
       neither                    4, or 3 when a panic was seen to begin
3. An exit line counts when nothing follows it, for SILENCE_S; a board that
   restarts instead of going off may follow it with boot text. After a receipt
   the exit line is enough.
4. Lines with the word, or five letters of it in a row, are the tools' own
   talk and are not passed on. A line that begins with @ is therefore held back
   until it ends, and one that begins with a prompt when a comment was typed.
5. Boot text with no end before it means that the board has reset.
"""
import os
import re
import secrets
import time
import zlib

from quarry.console import EXIT_LINE
from quarry.report import FAILED, LOST, OK, PANIC, say
from quarry.uboot import BANNER, Reset

HERE = os.path.dirname(os.path.abspath(__file__))
SILENCE_S = 3.0
TAIL = 64           # bytes that may hold the beginning of boot text
HELD_MAX = 256      # bytes of a line that begins with @
PROMPT = b"quarry> "
LINES = re.compile(rb"[^\n]*\n|[^\n]+")
BANNER_LINES = 3    # of garbage between an exit line and boot text


def lua_source(name, nonce):
    """A Lua file of ours without comments, as few bytes as is simple."""
    with open(os.path.join(HERE, name), encoding="ascii") as f:
        lines = [line.strip() for line in f]
    text = "\n".join(l for l in lines if l and not l.startswith("--"))
    return text.replace("@NONCE@", nonce) + "\n"


def new_nonce():
    return secrets.token_hex(4)


def batch_items(nonce):
    """What stands before and behind the scripts of an initrd."""
    head = lua_source("receipt.lua", nonce).encode()
    return ([("batch/00-receipt.lua", head)],
            [("batch/~receipt.lua", b"sys.poweroff(0)\n")])


def statements(nonce):
    """Finds intact statements of the machine: body, checksum."""
    return re.compile(rb"@(" + nonce.encode() + rb" ([ -?A-~]{1,200})) "
                      rb"([0-9a-f]{8})@")


def is_intact(match):
    return b"%08x" % zlib.crc32(match.group(1)) == match.group(3)


class Output:
    """Passes on what scripts print; knows how the run ended."""

    def __init__(self, console, nonce, mid_line=False):
        self.console = console
        self.skipping = mid_line  # to the end of a line that is not wanted
        nonce = nonce.encode()
        self.ours = [nonce[i:i + 5] for i in range(len(nonce) - 4)]
        self.comment = None     # what was typed to see it echoed
        self.statement = statements(nonce.decode())
        self.held = b""         # a line that begins with @, unfinished
        self.fresh = True       # at the beginning of a line
        self.tail = b"\n"       # of the stream, to find boot text in
        self.restarted = False  # boot text came after the end
        self.receipt = None     # code
        self.interrupted = False  # the script's error was a Ctrl-C
        self.echoed = False     # a prompt has shown a comment of ours
        self.exit_code = None   # of the last exit line
        self.lines_since = 0    # lines that followed it
        self.changed = time.monotonic()

    def feed(self, data):
        if not data:
            return
        self.changed = time.monotonic()
        stream = self.tail + data
        banner = re.search(BANNER, stream)
        if banner:
            data = data[:max(0, banner.start() - len(self.tail))]
        for piece in LINES.findall(data):
            self.feed_piece(piece)
        self.tail = stream[-TAIL:]
        self.echoed = self.echoed or (self.comment is not None
                                      and self.comment in stream)
        if banner:
            if not self.over(restarted=True):
                raise Reset()
            self.restarted = True

    def feed_piece(self, piece):
        """A line or a part of one."""
        ends = piece.endswith(b"\n")
        if self.skipping:
            self.skipping = not ends
            return
        if self.held or (self.fresh and self.is_held(piece)):
            self.held += piece
            if not ends and len(self.held) < HELD_MAX:
                return
            piece, self.held = self.held, b""
        self.fresh = ends
        if any(part in piece for part in self.ours):
            self.hear(piece)
        elif self.receipt is None or EXIT_LINE.fullmatch(
                piece.strip(b"\r\n\0 ")):
            self.pass_on(piece)

    def is_held(self, piece):
        """What may be ours, and after the receipt anything."""
        start = piece[:len(PROMPT)]
        return (start.startswith(b"@") or self.receipt is not None
                or self.comment is not None and PROMPT.startswith(start))

    def hear(self, piece):
        match = self.statement.search(piece)
        if match and is_intact(match):
            end = re.fullmatch(rb"end (\d{1,3})( interrupted)?",
                               match.group(2))
            if end:
                self.receipt = int(end.group(1))
                self.interrupted = end.group(2) is not None

    def pass_on(self, piece):
        had = self.console.code
        self.console.feed(piece)
        if self.console.code is not None:
            self.exit_code, self.lines_since = self.console.code, 0
        elif had is None and piece.endswith(b"\n"):
            self.lines_since += 1

    def over(self, restarted=False):
        """The machine has said its last word."""
        if self.restarted:
            return True
        if self.console.code is not None:
            quiet = time.monotonic() - self.changed >= SILENCE_S
            return quiet or restarted or self.receipt is not None
        if restarted:
            return (self.receipt is not None or self.exit_code is not None
                    and self.lines_since <= BANNER_LINES)
        # A receipt, and the exit line did not come through.
        return (self.receipt is not None
                and time.monotonic() - self.changed >= SILENCE_S)

    def said_end(self):
        return self.receipt is not None or self.exit_code is not None

    def status(self):
        """The exit status, with one line to say why when it must be."""
        code = self.exit_code
        if self.console.code is None and self.lines_since > BANNER_LINES:
            code = None
        if self.receipt is not None:
            if code is not None and code != self.receipt:
                say("the exit line says code=%d, its receipt code=%d"
                    % (code, self.receipt))
                return LOST
            return OK if self.receipt == 0 else FAILED
        if code is None:
            if not self.console.panicked:
                say("the run ended without an exit line")
            return PANIC if self.console.panicked else LOST
        if code == 0:
            say("the exit line says code=0, but no receipt vouches for it "
                "(docs/run-board.md, Noise)")
            return LOST
        return PANIC if code == PANIC else FAILED
