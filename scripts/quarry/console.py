# SPDX-License-Identifier: MIT
"""What a machine prints, passed on as it comes, and what it means for the run.

The truth about a run is the line `QUARRY-EXIT code=N`, the last one the
machine prints. A script may print such a line too: it counts only when nothing
follows it. Output is never collected: only the current line is remembered, and
no more than LINE_MAX bytes of it.
"""
import os
import re
import selectors
import sys

from quarry.report import FAILED, LOST, OK, PANIC, say

LINE_MAX = 4096   # bytes of the current line that are remembered
LINE_END = re.compile(rb"\r{1,2}\n")
EXIT_LINE = re.compile(rb"QUARRY-EXIT code=(\d{1,10})")
# A panic, or a boot that had to stop: what tells code 3 from poweroff(3).
PANIC_LINE = re.compile(rb"PANIC\b|\[ *[\d.]+\] error: boot: ")


def write_log(log, data):
    """The log for the next bytes: None, after a line, when it is full."""
    if log:
        try:
            log.write(data)  # it has no buffer: closing it cannot fail
        except OSError as e:
            say("--log: %s; the log ends here" % e.strerror)
            return None
    return log


class Console:
    """Passes output on and remembers what the last lines said."""

    def __init__(self, log, translate):
        self.out = sys.stdout.fileno() if sys.stdout else -1
        self.log = log
        self.translate = translate  # CR LF becomes LF
        self.held = b""             # CRs whose successor is not there yet
        self.line = b""
        self.code = None            # of the exit line, if it was the last
        self.panicked = False

    def feed(self, data):
        self.log = write_log(self.log, data)
        self.watch(data)
        if self.translate:
            # Firmware that adds a CR of its own makes it CR CR LF.
            data = self.held + data
            self.held = data[len(data.rstrip(b"\r")):][-2:]
            data = LINE_END.sub(
                b"\n", data[:len(data) - len(self.held)])
        self.write(data)

    def finish(self):
        self.write(self.held)
        self.held = b""

    def write(self, data):
        view = memoryview(data)
        while view and self.out >= 0:
            try:
                view = view[os.write(self.out, view):]
            except BlockingIOError:
                selector = selectors.DefaultSelector()
                selector.register(self.out, selectors.EVENT_WRITE)
                selector.select()
            except OSError:
                # Nobody reads any more; the run still has a result.
                self.out = -1

    def watch(self, data):
        for i, piece in enumerate(data.split(b"\n")):
            if i > 0:
                self.end_line()
            self.line = (self.line + piece)[:LINE_MAX]
        if self.line.strip(b"\r\0 "):
            self.code = None

    def end_line(self):
        line = self.line.strip(b"\r\0 ")
        self.line = b""
        if not line:
            return
        match = EXIT_LINE.fullmatch(line)
        self.code = int(match.group(1)) if match else None
        if PANIC_LINE.match(line):
            self.panicked = True

    def status(self):
        """The exit status by what was printed."""
        if self.code is None:
            return PANIC if self.panicked else LOST
        if self.code == 0:
            return OK
        if self.code == PANIC and self.panicked:
            return PANIC
        return FAILED
