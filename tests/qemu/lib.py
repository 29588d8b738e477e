# SPDX-License-Identifier: MIT
"""What the QEMU tests use: run scripts, hold a conversation, check.

A test is a function of a file tests/qemu/test_*.py whose name begins with
`test_` or with the number of a requirement (`A19_…`, `I2_3_…`). It passes when
it returns. Nothing here sleeps: waiting is always for a text or an end, with a
limit.
"""
import collections
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import tty

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("QUARRY_BUILD",
                                       os.path.join(ROOT, "build")))
RUN_QEMU = os.path.join(ROOT, "scripts", "run-qemu")
PROMPT = "quarry> "

# The tests share the machine; a limit tells a hang from a slow run.
PATIENCE_S = float(os.environ.get("QUARRY_PATIENCE", "60"))


class Failed(Exception):
    """The thing under test did not do what it must."""


class Skipped(Exception):
    """This machine cannot show it; the reason is the text."""


def skip(reason):
    raise Skipped(reason)


def test(timeout=120, alone=False, boards=False):
    """Decorator: more time, no other test at the same time, or a test that
    only `make test-boards` runs (boards=True) or runs, too (boards="too")."""
    def mark(function):
        function.quarry_timeout = timeout
        function.quarry_alone = alone
        function.quarry_boards = boards
        return function
    return mark


def kernel_path(variant=None):
    path = os.path.join(BUILD, *([variant] if variant else []), "quarry.elf")
    check(os.path.isfile(path), "no kernel %s: the build failed" % path)
    return path


def check(condition, *what):
    if not condition:
        raise Failed(" ".join(str(w) for w in what) or "check failed")


def equal(got, wanted, what=""):
    check(got == wanted, "%s: got %r, wanted %r" % (what or "value", got,
                                                    wanted))


def contains(text, part, what="output"):
    check(part in text, "%s lacks %r" % (what, part))


def matches(text, pattern, what="output"):
    found = re.search(pattern, text, re.MULTILINE)
    check(found, "%s lacks a match of %r" % (what, pattern))
    return found


# ---- Batch runs ----

Result = collections.namedtuple("Result", "status out err seconds command")


def start_options(harts=4, mem="256M", mode="smp", append="", initrd=None,
                  kernel=None, machine="virt", qemu_args=()):
    options = ["--machine", machine, "--harts", str(harts), "--mem", mem,
               "--mode", mode, "--kernel", kernel or kernel_path()]
    if append:
        options += ["--append", append]
    if initrd:
        options += ["--initrd", initrd]
    for arg in qemu_args:
        options += ["--qemu-arg", arg]
    return options


def run(*evals, scripts=(), status=None, timeout=PATIENCE_S, **machine):
    """Run Lua text (and files) to its end; the output goes to the log too.

    With `status` any other exit status fails the test.
    """
    command = [RUN_QEMU] + start_options(**machine)
    for path in scripts:
        command += ["--script", path]
    for text in evals:
        command += ["--eval", text]
    return run_command(command + ["--timeout", str(timeout)], status,
                       timeout + 30)


def run_command(command, status=None, timeout=PATIENCE_S, **keywords):
    print("$ " + " ".join(shlex.quote(c) for c in command), flush=True)
    begin = time.monotonic()
    done = subprocess.run(command, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=timeout, check=False, **keywords)
    result = Result(done.returncode, done.stdout.decode(errors="replace"),
                    done.stderr.decode(errors="replace"),
                    time.monotonic() - begin, command)
    sys.stdout.write(result.out + result.err)
    print("[status %d after %.1f s]" % (result.status, result.seconds),
          flush=True)
    if status is not None:
        equal(result.status, status, "exit status")
    return result


def lua_value(expression, **machine):
    """The one line that `print(expression)` gives in a fresh machine."""
    result = run("print('VALUE', %s)" % expression, status=0, **machine)
    return matches(result.out, r"^VALUE\t(.*)$").group(1).strip()


# ---- Conversations ----

class Session:
    """An interactive machine: send text, wait for text.

    With tty=True it sits behind a pseudo terminal (QEMU's Ctrl-A then is
    special, and the kernel may use escape sequences); otherwise behind pipes.
    With a command it is that one's machine, not run-qemu's.
    """

    def __init__(self, tty=False, timeout=PATIENCE_S, options=(), command=(),
                 **machine):
        self.timeout = timeout
        self.text = ""     # received and not yet passed by expect()
        self.all = ""      # everything received
        command = list(command) or (
            [RUN_QEMU] + start_options(**machine) + list(options))
        print("$ " + " ".join(shlex.quote(c) for c in command), flush=True)
        if tty:
            self.reader = self.open_terminal(command)
        else:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, start_new_session=True)
            self.files = [self.process.stdin, self.process.stdout]
            self.reader = self.process.stdout.fileno()
            self.writer = self.process.stdin.fileno()

    def open_terminal(self, command):
        ours, theirs = pty.openpty()
        tty.setraw(theirs)
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs,
            start_new_session=True)
        os.close(theirs)
        self.files = [os.fdopen(ours, "rb", buffering=0)]
        self.writer = ours
        return ours

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, text):
        """Type text; a line needs its "\\r" or "\\n"."""
        data = text.encode() if isinstance(text, str) else text
        while data:
            data = data[os.write(self.writer, data):]

    def read_more(self, deadline):
        left = deadline - time.monotonic()
        ready = left > 0 and select.select([self.reader], [], [], left)[0]
        if not ready:
            return None
        try:
            data = os.read(self.reader, 1 << 16)
        except OSError:
            data = b""
        text = data.decode(errors="replace")
        sys.stdout.write(text)
        sys.stdout.flush()
        self.text += text
        self.all += text
        return text

    def expect(self, pattern, timeout=None, plain=False):
        """Wait for a match of pattern; what came before it is .before."""
        regex = re.compile(re.escape(pattern) if plain else pattern,
                           re.MULTILINE)
        limit = self.timeout if timeout is None else timeout
        deadline = time.monotonic() + limit
        while True:
            found = regex.search(self.text)
            if found:
                self.before = self.text[:found.start()]
                self.text = self.text[found.end():]
                return found
            more = self.read_more(deadline)
            if more is None:
                raise Failed("%g s passed without %r; last text: %r"
                             % (limit, pattern, self.text[-400:]))
            if more == "":
                raise Failed("the machine ended without %r; last text: %r"
                             % (pattern, self.text[-400:]))

    def prompt(self, timeout=None):
        """Wait for the prompt; return the text in front of it."""
        self.expect(PROMPT, timeout, plain=True)
        return self.before.replace("\r", "")

    def lua(self, line, timeout=None):
        """Enter a line at the prompt; the output up to the next prompt."""
        self.send(line + "\r")
        out = self.prompt(timeout)
        echo, _, rest = out.partition("\n")
        return rest if line[:20] in echo else out

    def end(self, timeout=None):
        """Wait for the end of the machine; the exit status."""
        deadline = time.monotonic() + (timeout or self.timeout)
        while True:
            more = self.read_more(deadline)
            if more is None:
                raise Failed("the machine did not end")
            if more == "":
                return self.process.wait(max(1, deadline - time.monotonic()))

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        # Their owners close the descriptors: a number closed twice may by then
        # be another session's. Nothing is buffered; a broken pipe says nothing.
        for file in self.files:
            file.close()


# ---- Files ----

def folder():
    """A folder of this test's own; the runner removes it."""
    return tempfile.mkdtemp(dir=os.environ.get("QUARRY_SCRATCH"))


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data.encode() if isinstance(data, str) else data)
    return path


def compile_dts(source):
    """Compile device tree source (a path or text) and return the blob."""
    where = folder()
    if "\n" in source:
        source = write(os.path.join(where, "t.dts"), source)
    blob = os.path.join(where, "t.dtb")
    run_command(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", blob, source],
                status=0)
    return blob
