# SPDX-License-Identifier: MIT
"""One boot of a machine that measures: a process, watched from its first line.

Theory of operation

1. A target is something that starts a process, scripts/run-qemu or
   scripts/run-board, which runs Lua on a machine and passes its output on.
   Nothing below this file knows which it is.
2. The records tell where the machine is. When none comes for a while it hangs,
   and the last `start` names the benchmark that does. The process is ended by
   signal; its emulator dies with it.
3. How a boot ended is in its outcome, whatever happened: results that arrived
   before are good.
"""
import collections
import os
import select
import signal
import subprocess
import time

from quarry.bench import plan, wire
from quarry.options import ROOT

RUN_QEMU = os.path.join(ROOT, "scripts", "run-qemu")
RUN_BOARD = os.path.join(ROOT, "scripts", "run-board")
SUITE = os.path.join(ROOT, "bench", "suite.lua")
CATALOGUE = os.path.join(ROOT, "bench", "catalogue.lua")
POLL_S = 0.2
GRACE_S = 5.0         # for a runner to end its machine
AFTER_S = 20.0        # for a machine to switch itself off
FOREVER_S = 86400     # the runner's own limit: the watchdog is ours
BOARD_SPARE_S = 600   # to load a board and see its prompt
STDERR_MAX = 4000

# Exit statuses of the runners.
RAN, RAISED, MISUSED, PANICKED = 0, 1, 2, 3

# how: "ok", "raised" (the suite's Lua did), "lost", "panic", "hang", "usage",
# "stopped" (by us). `current` is the item that had started and not ended.
Outcome = collections.namedtuple(
    "Outcome", "how why results malformed damaged ready firmware_lines "
    "current tail seconds records takes")


class Qemu:
    """The machine `virt`, in mode exact or smp."""
    spare_s = 0
    reboots = True

    def __init__(self, kernel, mode, mem, runner=RUN_QEMU):
        self.kernel, self.mode, self.mem = kernel, mode, mem
        self.runner = runner
        self.trace = None   # folder with the person's, for the initrd

    def command(self, harts, evals, scripts):
        return ([self.runner, "--kernel", self.kernel, "--mode", self.mode,
                 "--harts", str(harts), "--mem", self.mem, "--timeout",
                 str(FOREVER_S)] + words(evals, scripts))


class Board:
    """A machine at the end of a line."""
    spare_s = BOARD_SPARE_S

    def __init__(self, target, more, runner=RUN_BOARD):
        self.target, self.more, self.runner = target, more, runner
        # After its scripts a board is off; who can start it again?
        self.reboots = any(w.startswith("--reset-cmd") for w in more)

    def command(self, _harts, evals, scripts):
        return ([self.runner, "--target", self.target, "--timeout",
                 str(FOREVER_S)] + self.more + words(evals, scripts))


def words(evals, scripts):
    return (["--eval=" + text for text in evals]
            + [word for path in scripts for word in ("--script", path)])


class Boot:
    """Runs in whatever thread calls run(); stop() comes from another."""

    def __init__(self, command, keys, limit_s, spare_s=0, tell=None):
        self.command = command
        self.keys = set(keys)
        self.limit_s = limit_s
        self.spare_s = spare_s  # more, for the first record
        self.tell = tell or (lambda what, key: None)
        self.reader = wire.Reader()
        self.results, self.malformed, self.records = {}, {}, []
        self.takes = []     # every result, where an item has several
        self.ready = self.current = None
        self.ended = False
        self.stopping = False
        self.process = None

    def stop(self):
        self.stopping = True

    def run(self):
        begin = time.monotonic()
        try:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                start_new_session=True)
        except OSError as e:
            return self.outcome("usage", "cannot run %s: %s" % (
                self.command[0], e.strerror), begin)
        errors, hung = [], True
        try:
            hung = self.follow(errors)
        finally:
            self.end(early=hung or self.stopping)
        return self.outcome(*self.judge(hung, b"".join(errors)), begin)

    def follow(self, errors):
        """Until the output ends; true: we gave it up."""
        out, err = self.process.stdout, self.process.stderr
        streams = [out, err]
        patience = self.limit_s + self.spare_s
        last = time.monotonic()
        while streams:
            found = select.select(streams, [], [], POLL_S)[0]
            for stream in found:
                data = os.read(stream.fileno(), 1 << 16)
                if not data:
                    streams.remove(stream)
                elif stream is err:
                    if sum(map(len, errors)) < STDERR_MAX:
                        errors.append(data)
                elif self.take(data):
                    last = time.monotonic()
                    patience = AFTER_S if self.ended else self.limit_s
            if self.stopping:
                return False
            if time.monotonic() - last > patience:
                return True
            if not found and self.process.poll() is not None:
                # Somebody it left behind holds the stream open.
                return False
        return False

    def take(self, data):
        """True: a record was among the bytes."""
        records = self.reader.feed(data)
        for record in records:
            self.record(record)
        return bool(records)

    def record(self, record):
        (what, data), = record.items()
        if what == "ready" and isinstance(data, dict):
            self.ready = data
        elif what == "start" and data in self.keys:
            self.current = data
            self.tell("start", data)
        elif what == "result":
            self.result(data)
        elif what == "end":
            self.ended = True
            self.current = None
            self.records.append(record)
        else:
            self.records.append(record)

    def result(self, data):
        key = data.get("key") if isinstance(data, dict) else None
        if key not in self.keys:
            self.reader.damaged += 1
            return
        try:
            self.results[key] = wire.result(data)
            self.takes.append(self.results[key])
        except wire.Malformed as e:
            self.malformed[key] = str(e)
        if key == self.current:
            self.current = None
        self.tell("result", key)

    def end(self, early):
        """See to it that the process ends: by itself, unless it is early."""
        process = self.process
        for number in (None, signal.SIGTERM, signal.SIGKILL):
            if number is None and early:
                continue
            try:
                if number is not None:
                    os.killpg(process.pid, number)
                process.wait(GRACE_S)
                break
            except ProcessLookupError:
                process.wait()
                break
            except subprocess.TimeoutExpired:
                pass
        process.stdout.close()
        process.stderr.close()

    def judge(self, hung, errors):
        """(how, why) of the end."""
        status = self.process.returncode
        said = errors.decode(errors="replace").strip().split("\n")[-1]
        at = " in %s" % self.current if self.current else ""
        if self.stopping:
            return "stopped", "stopped"
        if self.ended and status != PANICKED:
            return "ok", None
        if hung:
            if not at and not self.results:
                at = ", before any benchmark began"
            return "hang", "no word from the machine for %g s%s" % (
                self.limit_s, at)
        if status == MISUSED:
            return "usage", said or "the machine could not be started"
        if status == PANICKED:
            return "panic", "the kernel panicked" + at
        if status == RAISED:
            return "raised", "the suite ended early" + at
        return "lost", "the machine was lost%s%s" % (
            at, ": " + said if said else "")

    def outcome(self, how, why, begin):
        return Outcome(how, why, self.results, self.malformed,
                       self.reader.damaged, self.ready, self.reader.head,
                       self.current, list(self.reader.tail),
                       time.monotonic() - begin, self.records, self.takes)


def suite(target, items, mode, seed, time_ms, limit_s, harts, tell=None):
    """A boot that measures these items."""
    command = target.command(
        harts, [plan.lua(items, mode, seed, time_ms)], [SUITE])
    if any(item.id == plan.TRACE for item in items):
        command += ["--initrd", target.trace]
    return Boot(command, [item.key for item in items], limit_s,
                target.spare_s, tell)


def catalogue(target, limit_s):
    """A boot that only tells what there is."""
    return Boot(target.command(1, [], [CATALOGUE]), [], limit_s,
                target.spare_s)
