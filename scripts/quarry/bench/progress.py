# SPDX-License-Identifier: MIT
"""How far a run is, for a person: a bar on a terminal, else some lines.

All goes to standard error; standard output is for results. A bar is drawn anew
at most ten times a second and never wider than the terminal; lines come after
a tenth of the work, so that a log stays short.
"""
import os
import shutil
import sys
import time

REDRAW_S = 0.1
FULL, EMPTY = "█", "░"
BAR_MAX = 24
NAME_MIN = 12
SLIVER = 60     # columns, below which the bar itself is left out


def clock(seconds):
    seconds = int(seconds + 0.5)
    if seconds >= 3600:
        return "%d:%02d:%02d" % (seconds // 3600, seconds // 60 % 60,
                                 seconds % 60)
    return "%d:%02d" % (seconds // 60, seconds % 60)


def dumb(stream, environ):
    return not stream.isatty() or environ.get("TERM", "dumb") == "dumb"


class Silent:
    """Counts, and says nothing."""

    def __init__(self, total, now=time.monotonic):
        self.total, self.count = max(total, 1), 0
        self.now, self.begin = now, now()

    def eta(self):
        """Seconds left, or None: too early to tell."""
        spent = self.now() - self.begin
        if self.count < 2:
            return None
        return spent * (self.total - self.count) / self.count

    def start(self, key):
        pass

    def done(self, _key):
        self.count = min(self.count + 1, self.total)

    def batch(self, text):
        pass

    def close(self):
        pass


class Plain(Silent):
    """A line whenever a tenth more is done."""

    def __init__(self, total, stream=None, now=time.monotonic):
        super().__init__(total, now)
        self.stream = stream or sys.stderr
        self.tenths = 0

    def done(self, key):
        super().done(key)
        tenths = self.count * 10 // self.total
        if tenths > self.tenths:
            self.tenths = tenths
            write(self.stream, "bench: %d of %d done, %s, last %s\n" % (
                self.count, self.total, clock(self.now() - self.begin), key))


class Bar(Silent):
    """One line that is drawn over itself."""

    def __init__(self, total, stream=None, now=time.monotonic, environ=None):
        super().__init__(total, now)
        environ = os.environ if environ is None else environ
        self.stream = stream or sys.stderr
        self.colour = "NO_COLOR" not in environ
        encoding = getattr(self.stream, "encoding", None) or "ascii"
        self.marks = ((FULL, EMPTY) if encoding.lower().startswith("utf")
                      else ("#", "."))
        self.name = ""
        self.drawn_at = None

    def columns(self):
        try:
            return os.get_terminal_size(self.stream.fileno()).columns or 80
        except (OSError, ValueError, AttributeError):
            return shutil.get_terminal_size().columns

    def text(self, columns):
        """What stands in a terminal of this width."""
        digits = len(str(self.total))
        head = "[%*d/%d] " % (digits, self.count, self.total)
        eta = self.eta()
        tail = "  eta %s" % ("-:--" if eta is None else clock(eta))
        room = columns - 1 - len(head) - len(tail)
        bar = ""
        if columns >= SLIVER:
            width = min(BAR_MAX, room // 3)
            full = width * self.count // self.total
            bar = "  " + self.marks[0] * full + self.marks[1] * (width - full)
            room -= len(bar)
        if room < NAME_MIN:
            return (head + tail)[:max(columns - 1, 0)]
        return head + self.name[:room].ljust(room) + bar + tail

    def draw(self, force=False):
        now = self.now()
        if not force and self.drawn_at is not None \
                and now - self.drawn_at < REDRAW_S:
            return
        self.drawn_at = now
        text = self.text(self.columns())
        if self.colour:
            text = text.replace(self.marks[0], "\x1b[32m" + self.marks[0], 1)
            text = text.replace("  eta", "\x1b[0m  eta")
        write(self.stream, "\r" + text + "\x1b[K")

    def start(self, key):
        self.name = key.replace(",harts=", " h=").replace(",", " ")
        self.draw()

    def done(self, key):
        super().done(key)
        self.draw(force=self.count == self.total)

    def close(self):
        if self.drawn_at is not None:
            write(self.stream, "\r\x1b[K")
            self.drawn_at = None


def write(stream, text):
    try:
        stream.write(text)
        stream.flush()
    except (OSError, ValueError):
        pass    # nobody reads any more; the run still has a result


def make(kind, total, quiet=False):
    """--progress auto|bar|plain|none."""
    if quiet or kind == "none":
        return Silent(total)
    if kind == "auto":
        kind = "plain" if dumb(sys.stderr, os.environ) else "bar"
    return Bar(total) if kind == "bar" else Plain(total)
