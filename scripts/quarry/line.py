# SPDX-License-Identifier: MIT
"""Bytes to and from a board: a serial device, or a TCP port in its place.

Theory of operation

1. Nothing blocks: reading and writing wait in select(), each with a limit of
   its own, and none beyond `line.deadline`, which the owner sets once for the
   whole run. So every wait of every layer above ends in time.
2. What ends a conversation is an exception: `TimeUp` for the deadline, `Lost`
   for a line that is gone or cannot be opened.
3. The device belongs to one program at a time: two readers would each get a
   part of the bytes. For TCP that is up to whoever listens there.
4. `Talk` waits for patterns in what is received. It keeps BUFFER_MAX bytes of
   the past at most, however much garbage comes.
"""
import importlib
import os
import re
import select
import socket
import sys
import time

from quarry.report import usage

BAUD = 115200
BITS_PER_BYTE = 10       # 8N1
CONNECT_S = 10.0
WRITE_S = 30.0           # a line that accepts nothing for so long is dead
BUFFER_MAX = 1 << 16
# Where Debian keeps a pure Python package that an interpreter from elsewhere
# does not look for.
DISTRIBUTION = "/usr/lib/python3/dist-packages"


class Lost(Exception):
    """The line is gone; the text is for the person."""


class TimeUp(Exception):
    """The time for the whole run is over."""


class Line:
    """An open line: a file descriptor, and what keeps it open."""

    def __init__(self, name, fd, holder, bytes_per_s=None):
        self.name = name
        self.fd = fd
        self.holder = holder            # closes the descriptor
        self.bytes_per_s = bytes_per_s  # None: as fast as it goes
        self.deadline = None            # of time.monotonic()
        self.tap = None                 # gets all that is received

    def limit(self, seconds):
        """How long may be waited: `seconds`, or less."""
        if self.deadline is None:
            return seconds
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeUp()
        return min(seconds, left)

    def seconds_for(self, count):
        """What `count` bytes take on the line."""
        return count / self.bytes_per_s if self.bytes_per_s else 0.0

    def read(self, seconds):
        """What has come, b"" when nothing did within the time."""
        if not select.select([self.fd], [], [], self.limit(seconds))[0]:
            return b""
        try:
            data = os.read(self.fd, 1 << 16)
        except BlockingIOError:
            return b""
        except OSError as e:
            raise Lost("%s is gone: %s" % (self.name, e.strerror)) from e
        if not data:
            raise Lost("%s is gone: closed by the other side" % self.name)
        if self.tap:
            self.tap(data)
        return data

    def write(self, data):
        data = memoryview(data)
        give_up = time.monotonic() + WRITE_S + 2 * self.seconds_for(len(data))
        while data:
            if time.monotonic() >= give_up:
                raise Lost("%s accepts no bytes" % self.name)
            if not select.select([], [self.fd], [], self.limit(1.0))[1]:
                continue
            try:
                data = data[os.write(self.fd, data):]
            except BlockingIOError:
                continue
            except OSError as e:
                raise Lost("%s is gone: %s" % (self.name,
                                               e.strerror)) from e

    def close(self):
        self.holder.close()


def serial_module():
    try:
        return importlib.import_module("serial")
    except ImportError:
        pass
    sys.path.append(DISTRIBUTION)
    try:
        return importlib.import_module("serial")
    except ImportError:
        usage("serial lines need python3-serial: "
              "apt-get install python3-serial")
        raise
    finally:
        sys.path.remove(DISTRIBUTION)


def open_serial(device, baud):
    serial = serial_module()
    try:
        port = serial.Serial(device, baud, timeout=0, exclusive=True)
    except ValueError as e:
        usage("--target serial:%s@%d: %s" % (device, baud, e))
    except OSError as e:
        # pyserial wraps the system's error in text of its own.
        why = os.strerror(e.errno) if e.errno else str(e)
        if "exclusively lock" in str(e):
            why = "another program uses it"
        raise Lost("cannot open %s: %s" % (device, why)) from e
    return Line(device, port.fileno(), port, baud / BITS_PER_BYTE)


def open_tcp(host, port):
    name = "%s:%d" % (host, port)
    try:
        connection = socket.create_connection((host, port), CONNECT_S)
    except OSError as e:
        raise Lost("cannot connect to %s: %s" % (
            name, e.strerror or e)) from e
    connection.setblocking(False)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Line(name, connection.fileno(), connection)


def parse_target(text):
    """A function that opens it; a malformed target is a usage error."""
    match = re.fullmatch(r"serial:(.+?)(?:@(\d{1,8}))?", text)
    if match:
        device, baud = match.group(1), int(match.group(2) or BAUD)
        if baud == 0:
            usage("--target %s: 0 is no speed" % text)
        return lambda: open_serial(device, baud)
    match = re.fullmatch(r"tcp:\[?([^\[\]]+)\]?:(\d{1,5})", text)
    if match and 0 < int(match.group(2)) < 65536:
        host, port = match.group(1), int(match.group(2))
        return lambda: open_tcp(host, port)
    usage("--target %s: write serial:DEVICE[@BAUD] or tcp:HOST:PORT" % text)
    raise AssertionError("usage() ends the program")


class Talk:
    """A conversation: send, and wait for one of some patterns."""

    def __init__(self, line):
        self.line = line
        self.text = b""     # received, not yet passed

    def send(self, data):
        self.line.write(data)

    def read_more(self, seconds):
        data = self.line.read(seconds)
        self.text = (self.text + data)[-BUFFER_MAX:]
        return data

    def wait(self, patterns, seconds):
        """The first match of any pattern, else None; passes it."""
        joined = re.compile(b"|".join(b"(?:%s)" % p for p in patterns))
        end = time.monotonic() + seconds
        while True:
            match = joined.search(self.text)
            if match:
                self.text = self.text[match.end():]
                return match
            left = end - time.monotonic()
            if left <= 0:
                return None
            self.read_more(left)

    def drain(self, quiet_s, most_s):
        """Take what comes until nothing has come for quiet_s."""
        end = time.monotonic() + most_s
        while self.read_more(quiet_s) and time.monotonic() < end:
            pass
        text, self.text = self.text, b""
        return text
