# SPDX-License-Identifier: MIT
"""Lines for the tests of run-board: QEMU behind a TCP port or a pseudo
terminal, and a proxy that does to bytes what a bad cable does.

The proxy draws from a seeded generator, one draw for each byte of a direction:
a byte is lost, doubled, or has one bit flipped. Which bytes suffer depends on
their place in the stream alone.
"""
import os
import random
import re
import select
import socket
import subprocess
import threading

from lib import PATIENCE_S, ROOT, check, kernel_path, run_command

RUN_BOARD = os.path.join(ROOT, "scripts", "run-board")
UBOOT = "/usr/lib/u-boot/qemu-riscv64_smode/uboot.elf"


def listener():
    """A port of our own on this machine, listening."""
    return socket.create_server(("127.0.0.1", 0))


def run_board(target, *options, evals=(), scripts=(), timeout=PATIENCE_S,
              **keywords):
    command = [RUN_BOARD, "--target", target, "--timeout", str(timeout)]
    command += list(options)
    for path in scripts:
        command += ["--script", path]
    for text in evals:
        command += ["--eval", text]
    return run_command(command, timeout=timeout + 60, **keywords)


class Board:
    """QEMU with its console on a line; killed at the end."""

    def __init__(self, *options, kernel=None, pty=False, harts=2,
                 mem="256M", append="", monitor=False):
        command = ["qemu-system-riscv64", "-M", "virt", "-bios", "default",
                   "-m", mem, "-smp", str(harts), "-display", "none",
                   "-kernel", kernel or kernel_path()]
        if append:
            command += ["-append", append]
        command += ["-monitor", "stdio" if monitor else "none"]
        command += list(options)
        if pty:
            self.start(command + ["-serial", "pty"], stdin=subprocess.PIPE,
                       stdout=subprocess.PIPE)
            line = self.process.stdout.readline().decode()
            device = re.search(r"redirected to (\S+)", line)
            check(device, "QEMU does not name its terminal: %r" % line)
            self.target = "serial:" + device.group(1)
        else:
            # QEMU connects to us: no port to guess, none to wait for.
            with listener() as server:
                self.start(command + [
                    "-serial", "tcp:127.0.0.1:%d" % server.getsockname()[1]],
                    stdin=subprocess.PIPE)
                server.settimeout(PATIENCE_S)
                self.far = server.accept()[0]

    def start(self, command, **keywords):
        print("$ " + " ".join(command), flush=True)
        self.process = subprocess.Popen(command, **keywords)

    def monitor(self, text):
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def await_text(self, text):
        """Read the line until the text has come; only without a cable."""
        self.far.settimeout(PATIENCE_S)
        got = b""
        while text not in got:
            got += self.far.recv(1)
        self.far.settimeout(None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                stream.close()


class Cable(threading.Thread):
    """A TCP port whose other end is the board; `rate` of bytes suffer.

    `before` is sent to the host ahead of everything. `watch` is called with
    itself and what the board sent lately, after each piece. `typed` and
    `translate` change what goes to the board and what comes from it.
    """

    def __init__(self, far, rate=0.0, seed=1, before=b"", watch=None,
                 translate=None, typed=None):
        super().__init__(daemon=True)
        self.far = far
        self.rate = rate
        self.random = {"up": random.Random(seed),
                       "down": random.Random(seed + 1)}
        self.before = before
        self.watch = watch
        self.translate = translate or (lambda data: data)
        self.typed = typed or (lambda data: data)
        self.hurt = {"up": 0, "down": 0}
        self.passed = {"up": 0, "down": 0}
        self.server = listener()
        self.target = "tcp:127.0.0.1:%d" % self.server.getsockname()[1]
        self.start()

    def suffer(self, data, way):
        self.passed[way] += len(data)
        if not self.rate:
            return data
        draw = self.random[way]
        out = bytearray()
        for byte in data:
            if draw.random() >= self.rate:
                out.append(byte)
                continue
            self.hurt[way] += 1
            kind = draw.randrange(3)
            if kind == 1:
                out += bytes([byte, byte])
            elif kind == 2:
                out.append(byte ^ 1 << draw.randrange(8))
        return bytes(out)

    def run(self):
        near = self.server.accept()[0]
        try:
            near.sendall(self.before)
            self.copy(near)
        except OSError:
            pass
        finally:
            near.close()
            self.server.close()

    def copy(self, near):
        seen = b""
        while True:
            for ready in select.select([near, self.far], [], [])[0]:
                data = ready.recv(4096)
                if not data:
                    return
                if ready is near:
                    self.far.sendall(self.suffer(self.typed(data), "up"))
                    continue
                near.sendall(self.translate(self.suffer(data, "down")))
                if self.watch:
                    seen = (seen + data)[-65536:]
                    self.watch(self, seen)

    def describe(self):
        print("cable: of %d bytes to the board %d suffered, of %d from it %d"
              % (self.passed["up"], self.hurt["up"], self.passed["down"],
                 self.hurt["down"]))
