# SPDX-License-Identifier: MIT
"""The emulator's process: its output is followed, and it never outlives us.

QEMU gets a session of its own (except on a terminal, where it must stay in the
foreground to read keys) and dies with this process, whatever ends it.
"""
import ctypes
import os
import selectors
import signal
import subprocess
import termios
import time

from quarry.report import LOST, say

QEMU = "qemu-system-riscv64"


def die_with_parent():
    """In the child: be killed when the parent ends, however it ends."""
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    except (OSError, AttributeError):
        pass


class Emulator:
    def __init__(self, command, files, on_terminal, interactive):
        self.on_terminal = on_terminal
        stdin = None if interactive else subprocess.DEVNULL
        # A killed QEMU leaves the terminal raw.
        self.terminal = termios.tcgetattr(0) if on_terminal else None
        self.process = subprocess.Popen(
            command, stdin=stdin, stdout=subprocess.PIPE,
            pass_fds=[f.fileno() for f in files],
            start_new_session=not on_terminal, preexec_fn=die_with_parent)

    def kill(self):
        if self.process.poll() is None:
            try:
                if self.on_terminal:
                    self.process.terminate()
                    self.process.wait(2)
                else:
                    os.killpg(self.process.pid, signal.SIGKILL)
            except subprocess.TimeoutExpired:
                self.process.kill()
            except ProcessLookupError:
                pass
        self.process.wait()
        if self.terminal is not None:
            termios.tcsetattr(0, termios.TCSANOW, self.terminal)

    def follow(self, console, timeout, silence):
        """Copy output until the end: None, or what stopped it early."""
        fd = self.process.stdout.fileno()
        selector = selectors.DefaultSelector()
        selector.register(fd, selectors.EVENT_READ)
        deadline = time.monotonic() + timeout if timeout else None
        quiet_since = time.monotonic()
        while True:
            now = time.monotonic()
            if deadline is not None and now >= deadline:
                return "timeout"
            if (console.code is not None and silence is not None
                    and now - quiet_since >= silence):
                return "silence"
            waits = [0.5]
            if deadline is not None:
                waits.append(deadline - now)
            if not selector.select(min(waits)):
                continue
            data = os.read(fd, 1 << 16)
            if not data:
                return None
            quiet_since = time.monotonic()
            console.feed(data)

    def end_with_signals(self):
        """A signal that ends us ends the emulator first, and is told."""
        def interrupted(number, _frame):
            self.kill()
            say("ended by signal %d; emulator stopped" % number)
            os._exit(LOST)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, interrupted)
