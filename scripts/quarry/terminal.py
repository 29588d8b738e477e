# SPDX-License-Identifier: MIT
"""A person's terminal joined to a line, until the escape key.

What is typed goes to the board as it is, Ctrl-C too. The terminal is restored
whatever ends the conversation.
"""
import os
import select
import termios
import time
import tty

from quarry.line import Lost

ESCAPE = b"\x1d"        # Ctrl-], as telnet's


class Raw:
    """Standard input as a raw terminal, when it is one."""

    def __enter__(self):
        self.saved = None
        if os.isatty(0):
            self.saved = termios.tcgetattr(0)
            tty.setraw(0)
        return self

    def __exit__(self, *_):
        if self.saved is not None:
            termios.tcsetattr(0, termios.TCSADRAIN, self.saved)


def converse(line, output):
    """Until the escape key, or output.over(); input may end before that."""
    escape = ESCAPE if os.isatty(0) else None
    watched = [line.fd, 0]
    while not output.over():
        ready = select.select(watched, [], [], line.limit(0.5))[0]
        if line.fd in ready:
            output.feed(line.read(0))
        if 0 not in ready:
            continue
        typed = os.read(0, 1024)
        if not typed:
            watched.remove(0)
        if escape and escape in typed:
            line.write(typed[:typed.index(escape)])
            return
        line.write(typed)


class Shown:
    """What a person sees: everything. Over when the machine said so."""

    def __init__(self, console, silence_s):
        self.console = console
        self.silence_s = silence_s
        self.changed = time.monotonic()

    def feed(self, data):
        if data:
            self.changed = time.monotonic()
            self.console.feed(data)

    def over(self):
        return (self.console.code is not None and not os.isatty(0)
                and time.monotonic() - self.changed >= self.silence_s)


def interactive(line, console, silence_s):
    shown = Shown(console, silence_s)
    with Raw():
        try:
            converse(line, shown)
        except Lost:
            if console.code is None:
                raise
