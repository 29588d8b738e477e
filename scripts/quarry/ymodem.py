# SPDX-License-Identifier: MIT
"""YMODEM, the sending side: one file to a receiver such as U-Boot's loady.

Theory of operation

1. The receiver leads. It asks with C, and gets a header block (name and size),
   then blocks of 1,024 or 128 bytes, each with its number, the complement of
   it, and a CRC16; it answers ACK or NAK. EOT ends the file, an empty header
   ends the session.
2. A block without ACK is sent again, at most RETRIES times in a row; then, or
   when the receiver cancels (two CAN), the transfer fails. Both sides are
   told: the sender cancels with eight CAN and as many backspaces.
3. Bytes other than ACK, NAK, CAN and C are noise and are passed over. A NAK
   or a stale C says the same: again. Since several may have been waiting, what
   has come is thrown away before a block is repeated, so that one lost ACK
   does not set off a chain of answers to answers.
4. A damaged answer can be lost both ways. A repeated block carries the number
   it had, and a receiver acknowledges and drops the second copy.
"""
import time

SOH, STX, EOT, ACK, NAK, CAN, ASK = (
    b"\x01", b"\x02", b"\x04", b"\x06", b"\x15", b"\x18", b"C")
RETRIES = 12
ANSWER_S = 6.0      # for one answer, beside the time on the line
SMALL, LARGE = 128, 1024
NAME_MAX = 80


class Failed(Exception):
    """The transfer did not succeed; the text is for the person."""


def crc16(data):
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ (0x1021 if crc & 0x8000 else 0)) & 0xffff
    return crc


CRC_TABLE = [crc16(bytes([n])) for n in range(256)]


def crc16_fast(data):
    crc = 0
    for byte in data:
        crc = (crc << 8 & 0xffff) ^ CRC_TABLE[crc >> 8 ^ byte]
    return crc


def block(number, data, fill=b"\x1a"):
    size = SMALL if len(data) <= SMALL else LARGE
    data = data + fill * (size - len(data))
    head = SOH if size == SMALL else STX
    return (head + bytes([number & 0xff, ~number & 0xff]) + data
            + crc16_fast(data).to_bytes(2, "big"))


class Sender:
    def __init__(self, line, retries=RETRIES, answer_s=ANSWER_S):
        self.line = line
        self.retries = retries
        self.answer_s = answer_s
        self.cancels = 0        # CAN in a row

    def answer(self, wanted, seconds):
        """The next byte of `wanted`; None when none comes in time."""
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            if left <= 0:
                return None
            for value in self.line.read(left):
                byte = bytes([value])
                self.cancels = self.cancels + 1 if byte == CAN else 0
                if self.cancels >= 2:
                    raise Failed("the receiver cancelled the transfer")
                if byte in wanted:
                    return byte

    def forget(self):
        """Throw away what has come, up to a bound."""
        for _ in range(64):
            if not self.line.read(0):
                return

    def deliver(self, data, what):
        """Send until it is acknowledged."""
        for attempt in range(self.retries):
            if attempt:
                self.forget()
            self.line.write(data)
            got = self.answer(ACK + NAK, self.answer_s
                              + 2 * self.line.seconds_for(len(data)))
            if got == ACK:
                return
        raise Failed("%s was not acknowledged in %d attempts"
                     % (what, self.retries))

    def wait_for_receiver(self):
        for _ in range(self.retries):
            if self.answer(ASK, self.answer_s):
                return
        raise Failed("the receiver does not ask for a file")

    def send(self, name, data):
        try:
            self.wait_for_receiver()
            header = name.encode()[:NAME_MAX] + b"\0%d\0" % len(data)
            self.deliver(block(0, header, b"\0"), "the header block")
            # It asks again here and below; that byte may be lost.
            self.answer(ASK, self.answer_s)
            for i, at in enumerate(range(0, len(data), LARGE), 1):
                self.deliver(block(i, data[at:at + LARGE]), "block %d" % i)
            self.deliver(EOT, "the end of the file")
            self.answer(ASK, self.answer_s)
            self.deliver(block(0, b"", b"\0"), "the end of the session")
        except Failed:
            self.line.write(CAN * 8 + b"\b" * 8)
            raise
