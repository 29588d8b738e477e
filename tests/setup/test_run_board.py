# SPDX-License-Identifier: MIT
"""scripts/run-board and its layers, without a machine: fakes on a socket."""
import os
import pty
import random
import re
import select
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
import zlib

from lib import ROOT, check, contains, equal, folder, run_command, write

sys.path.insert(0, os.path.join(ROOT, "scripts"))
from quarry import line as lines
from quarry import board, deliver, receipt, uboot, ymodem
from quarry.console import Console

RUN = os.path.join(ROOT, "scripts", "run-board")
NONCE = "0badcafe"


def run_board(*options, **keywords):
    return run_command([RUN] + list(options), **keywords)


def one_line(result, part):
    equal(len(result.err.strip().splitlines()), 1, "lines of the message")
    contains(result.err, part, "message")


class Far(threading.Thread):
    """What is on the other end of a socket: talk(socket) in a thread."""

    def __init__(self, talk):
        super().__init__(daemon=True)
        self.talk = talk
        near, self.far = socket.socketpair()
        near.setblocking(False)
        self.line = lines.Line("fake", near.fileno(), near)
        self.start()

    def run(self):
        try:
            self.talk(self.far)
        except OSError:
            pass
        finally:
            self.far.close()


class Served:
    """The same behind a TCP port, for the whole program."""

    def __init__(self, talk):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.target = "tcp:127.0.0.1:%d" % self.server.getsockname()[1]
        self.talk = talk
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        near = self.server.accept()[0]
        try:
            self.talk(near)
        except OSError:
            pass
        finally:
            near.close()


def read_until(far, text, limit=20):
    """Everything up to the text, or up to the end of the conversation."""
    got = b""
    far.settimeout(limit)
    while text not in got:
        data = far.recv(1)
        if not data:
            raise OSError("closed")
        got += data
    return got


# ---- arguments ----

def I4_4_usage_is_2():
    target = ["--target", "tcp:127.0.0.1:1", "--eval", "1"]
    for options in (
            [], ["--target", "what"], ["--target", "tcp:host"],
            ["--target", "tcp:host:0"], ["--target", "serial:"],
            ["--target", "tcp:h:99999"], ["--target", "serial:/dev/x@0"],
            target + ["--load", "pigeon"], target + ["--timeout", "0"],
            target + ["--timeout", "-1"], target + ["--timeout", "nan"],
            target + ["--uboot-timeout", "0"], target + ["--nonsense"],
            target + ["--script", "/nowhere.lua"],
            target + ["--append", "x=1"], ["--target", "tcp:127.0.0.1:1",
                                           "--initrd", "/tmp"],
            target + ["--load", "ymodem", "--append", "it's"],
            target + ["--load", "tftp"], target + ["--initrd", "/nowhere"],
            target + ["--initrd", "/bin/true"],
            target + ["--load", "tftp", "--tftp-dir", "/nowhere"],
            target + ["--load", "ymodem", "--kernel", "/nowhere"]):
        result = run_board(*options)
        equal(result.status, 2, " ".join(options))
        check("Traceback" not in result.err, result.err)


def I4_4_target_that_is_not_there_is_4():
    result = run_board("--target", "tcp:127.0.0.1:1", "--eval", "1")
    equal(result.status, 4, "status")
    one_line(result, "cannot connect to 127.0.0.1:1")
    result = run_board("--target", "serial:/dev/nowhere", "--eval", "1")
    equal(result.status, 4, "status")
    one_line(result, "cannot open /dev/nowhere")


def I4_4_missing_python3_serial_is_said():
    where = folder()
    # What an interpreter without the package would say.
    write(os.path.join(where, "serial.py"), "raise ImportError('no')\n")
    code = ("import sys; sys.path.insert(0, %r); sys.path.insert(0, %r)\n"
            "from quarry import line\nline.DISTRIBUTION = '/nowhere'\n"
            "line.parse_target('serial:/dev/null@9600')()\n"
            % (os.path.join(ROOT, "scripts"), where))
    result = run_command([sys.executable, "-c", code])
    equal(result.status, 2, "status")
    one_line(result, "apt-get install python3-serial")


def I4_4_device_in_use_is_said():
    ours, theirs = pty.openpty()
    name = os.ttyname(theirs)
    first = lines.open_serial(name, 115200)
    result = run_board("--target", "serial:" + name, "--eval", "1")
    first.close()
    os.close(ours)
    os.close(theirs)
    equal(result.status, 4, "status")
    one_line(result, "another program uses it")


# ---- boards that misbehave ----

def I4_4_silent_board_is_4():
    served = Served(lambda far: far.recv(1) and time.sleep(30))
    result = run_board("--target", served.target, "--eval", "1",
                       "--timeout", "3")
    equal(result.status, 4, "status")
    one_line(result, "no end within 3 s")


def I4_4_board_that_never_shows_a_prompt_is_4():
    def babble(far):
        while True:
            far.sendall(b"\xff\x00garbage\x1b[7m\r\n")
            far.recv(1 << 16, socket.MSG_DONTWAIT) if select.select(
                [far], [], [], 0.01)[0] else None

    for load in ("none", "card", "ymodem"):
        kernel = write(os.path.join(folder(), "kernel"), "k")
        result = run_board("--target", Served(babble).target, "--eval", "1",
                           "--load", load, "--uboot-timeout", "3",
                           "--kernel", kernel)
        equal(result.status, 4, "status with --load " + load)
        one_line(result, "prompt within 3 s")


def I4_4_board_that_hangs_up_is_4():
    served = Served(lambda far: far.sendall(b"quarry> "))
    result = run_board("--target", served.target, "--eval", "1")
    equal(result.status, 4, "status")
    one_line(result, "is gone")


def I4_4_failing_hooks_are_4():
    served = Served(lambda far: far.recv(1))
    result = run_board("--target", served.target, "--eval", "1",
                       "--reset-cmd", "exit 3")
    equal(result.status, 4, "reset")
    one_line(result, "--reset-cmd 'exit 3' failed with status 3")
    served = Served(lambda far: None)
    result = run_board("--target", served.target, "--power-cmd", "exit 5")
    equal(result.status, 4, "power")
    contains(result.err, "--power-cmd 'exit 5' failed with status 5")


def I4_4_power_is_cut_after_a_signal():
    asked = threading.Event()

    def silent(far):
        far.recv(1)
        asked.set()
        far.recv(1 << 16)
        time.sleep(60)

    path = os.path.join(folder(), "off")
    process = subprocess.Popen(
        [RUN, "--target", Served(silent).target, "--eval", "1",
         "--power-cmd", "echo off >" + path], stderr=subprocess.PIPE)
    check(asked.wait(30), "the board is not asked")
    process.send_signal(signal.SIGTERM)
    equal(process.wait(30), 4, "status")
    contains(process.stderr.read().decode(), "ended by signal 15")
    check(os.path.exists(path), "the power is still on")


def I4_4_board_at_uboots_prompt_is_said():
    served = Served(FakeUBoot())
    result = run_board("--target", served.target, "--eval", "1")
    equal(result.status, 4, "status")
    one_line(result, "the board is at U-Boot's prompt")


# ---- the terminal ----

class Person:
    """run-board on a pseudo terminal, joined to a fake board."""

    def __init__(self, talk):
        self.ours, theirs = pty.openpty()
        self.before = termios.tcgetattr(self.ours)
        self.process = subprocess.Popen(
            [RUN, "--target", Served(talk).target], stdin=theirs,
            stdout=theirs, stderr=theirs, start_new_session=True)
        os.close(theirs)
        self.seen = b""

    def expect(self, text):
        deadline = time.monotonic() + 30
        while text not in self.seen:
            left = deadline - time.monotonic()
            check(left > 0, "no %r in %r" % (text, self.seen))
            if select.select([self.ours], [], [], left)[0]:
                self.seen += os.read(self.ours, 4096)

    def end(self, status):
        equal(self.process.wait(30), status, "status")
        equal(termios.tcgetattr(self.ours), self.before, "terminal settings")
        os.close(self.ours)


def echo_board(far):
    far.sendall(b"hello\r\nquarry> ")
    while True:
        data = far.recv(100)
        if not data:
            return
        far.sendall(b"<" + data + b">")


def I4_4_terminal_passes_everything_and_leaves_by_its_key():
    person = Person(echo_board)
    person.expect(b"hello\r\nquarry> ")
    os.write(person.ours, b"\x03")
    person.expect(b"<\x03>")
    os.write(person.ours, b"\x1d")
    person.end(0)


def I4_4_terminal_is_restored_by_a_signal():
    person = Person(echo_board)
    person.expect(b"hello")
    person.process.send_signal(signal.SIGTERM)
    person.end(4)
    person = Person(lambda far: far.sendall(b"bye"))
    person.end(4)


def I4_4_standard_input_is_typed():
    served = Served(echo_board)
    done = subprocess.run(
        [RUN, "--target", served.target, "--timeout", "2"], input=b"1+1\n",
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
        check=False)
    contains(done.stdout.decode(), "<1+1\n>")
    equal(done.returncode, 4, "status after the time")


# ---- how a run ended ----

def statement(body, times=1, nonce=NONCE):
    text = ("%s %s" % (nonce, body)).encode()
    return b"@%s %08x@\r\n" % (text, zlib.crc32(text)) * times


def heard(*pieces):
    """The output's end after these bytes, and what was passed on."""
    reader, writer = os.pipe()
    console = Console(None, translate=True)
    console.out = writer
    output = receipt.Output(console, NONCE)
    for piece in pieces:
        output.feed(piece)
    output.changed -= 10    # it has been quiet for long
    over, status = output.over(), output.status()
    os.close(writer)
    with os.fdopen(reader, "rb") as f:
        return over, status, f.read()


def exit_line(code):
    return b"QUARRY-EXIT code=%d\r\n" % code


def I4_4_receipt_and_exit_line_are_success():
    text = b"out\r\n" + statement("end 0", 3) + exit_line(0)
    equal(heard(text), (True, 0, b"out\nQUARRY-EXIT code=0\n"), "at once")
    single = [bytes([b]) for b in text]
    equal(heard(*single), (True, 0, b"out\nQUARRY-EXIT code=0\n"),
          "byte by byte")


def I4_4_exit_line_alone_is_never_success():
    equal(heard(b"x\r\n", exit_line(0))[:2], (True, 4), "code 0")
    equal(heard(b"x\r\n", exit_line(1))[:2], (True, 1), "code 1")
    equal(heard(b"PANIC hart 0: x\r\n", exit_line(3))[:2], (True, 3), "panic")
    equal(heard(b"PAMIC hart 0: x\r\n", exit_line(3))[:2], (True, 3),
          "damaged panic")
    equal(heard(b"x\r\n", exit_line(0), b"more\r\n")[0], False, "goes on")


def I4_4_damage_never_makes_success():
    """Every single damaged byte of an end with code 1."""
    text = statement("end 1") + exit_line(1)
    for at in range(len(text)):
        for bit in range(8):
            hurt = bytearray(text)
            hurt[at] ^= 1 << bit
            status = heard(bytes(hurt))[1]
            check(status in (1, 4), "byte %d, bit %d: %d" % (at, bit, status))
        for hurt in (text[:at] + text[at + 1:],
                     text[:at] + text[at:at + 1] + text[at:]):
            status = heard(hurt)[1]
            check(status in (1, 4), "byte %d: %d" % (at, status))


def I4_4_damaged_receipt_is_none():
    hurt = statement("end 1").replace(b"end 1", b"end 0")
    equal(heard(hurt)[1], 4, "alone")
    equal(heard(hurt, exit_line(0))[1], 4, "with an exit line")


def I4_4_receipt_counts_without_the_exit_line():
    equal(heard(statement("end 0"), b"QUARRY-EXHT code=0\r\n")[:2],
          (True, 0), "0")
    equal(heard(statement("end 9"), b"QUARRY-EXHT code=9\r\n")[:2],
          (True, 1), "9")


def I4_4_receipt_and_exit_line_must_agree():
    equal(heard(statement("end 0"), exit_line(1))[1], 4, "0, 1")
    equal(heard(statement("end 1"), exit_line(0))[1], 4, "1, 0")


def I4_4_receipt_of_another_run_is_nothing():
    equal(heard(statement("end 0", nonce="feedbeef"), exit_line(0))[1], 4,
          "status")


def I4_4_board_that_restarts_after_the_end():
    boot = b"\0\r\n\r\nU-Boot SPL 2021.10 (Jan 1 2022)\r\nDDR version\r\n"
    equal(heard(statement("end 0"), exit_line(0) + boot)[:2], (True, 0), "0")
    equal(heard(exit_line(1) + boot)[:2], (True, 1), "error in a batch")
    for before in (b"running\r\n", exit_line(0) + b"1\r\n2\r\n3\r\n4\r\n"):
        try:
            heard(before + boot)
        except uboot.Reset:
            continue
        check(False, "a reset was not seen after %r" % before)


def I4_4_own_lines_are_held_back_output_is_not():
    out = heard(b"a@b\r\n@x\r\n@\r\npart", b"ly\r\n", b"@",
                statement("1 run")[1:], statement("end 0"), b"quarry> Q(1)",
                b"\r\n", exit_line(0))[2]
    equal(out, b"a@b\n@x\n@\npartly\nQUARRY-EXIT code=0\n", "output")


# ---- typed scripts ----

def I4_4_quoted_bytes_are_a_lua_string():
    equal(deliver.quoted(b'a"\\\n\xff~'), '"a\\034\\092\\010\\255~"', "text")
    for byte in range(256):
        text = deliver.quoted(bytes([byte, 0x31]))
        check(re.fullmatch(r'"[ -~]+"', text), text)


def I4_4_scripts_are_what_the_kernel_would_take():
    equal(board.plain_script(b"\xef\xbb\xbfx=1"), b"x=1", "mark")
    equal(board.plain_script(b"#!lua\nx"), b"\nx", "first line")
    equal(board.plain_script(b"# alone"), b"", "only line")
    equal(board.plain_script(b"#"), b"", "shortest")
    equal(board.plain_script(b""), b"", "empty")


# ---- YMODEM ----

class Receiver:
    """As U-Boot's: strict about numbers and checksums. `answers` says what to
    do with the n-th block instead: a callable on the socket."""

    def __init__(self, odd=None):
        self.odd = odd or {}
        self.got = b""
        self.name = self.size = None
        self.blocks = 0
        self.done = False

    def receive(self, far, count):
        data = b""
        far.settimeout(20)
        while len(data) < count:
            more = far.recv(count - len(data))
            if not more:
                raise OSError("closed")
            data += more
        return data

    def __call__(self, far):
        far.sendall(b"C")
        wanted = 0
        ended = False
        while True:
            head = self.receive(far, 1)
            if head == ymodem.EOT:
                ended = True
                far.sendall(ymodem.ACK + b"C")
                continue
            if head not in (ymodem.SOH, ymodem.STX):
                continue
            size = 128 if head == ymodem.SOH else 1024
            body = self.receive(far, size + 4)
            self.blocks += 1
            odd = self.odd.pop(self.blocks, None)
            if odd:
                odd(far)
                continue
            number, data, crc = body[0], body[2:-2], body[-2:]
            if (body[1] != number ^ 0xff
                    or ymodem.crc16(data).to_bytes(2, "big") != crc):
                far.sendall(ymodem.NAK)
                continue
            if ended:
                self.done = number == 0 and not data.strip(b"\0")
                far.sendall(ymodem.ACK)
                return
            far.sendall(ymodem.ACK)
            if number == wanted & 0xff:
                self.take(far, number, wanted, data)
                wanted += 1

    def take(self, far, number, wanted, data):
        if wanted == 0:
            self.name, rest = data.split(b"\0", 1)
            self.size = int(rest.split(b"\0")[0].split()[0])
            far.sendall(b"C")
        else:
            self.got += data


def transfer(data, odd=None, receiver=None):
    receiver = receiver or Receiver(odd)
    far = Far(receiver)
    ymodem.Sender(far.line, retries=5, answer_s=0.5).send("name", data)
    far.join(10)
    check(receiver.done, "the session did not end")
    equal(receiver.name, b"name", "name")
    equal(receiver.size, len(data), "size")
    equal(receiver.got[:len(data)], data, "data")
    return receiver


def some(count):
    return random.Random(count).randbytes(count)


def I4_4_ymodem_sizes():
    equal(ymodem.crc16(b"123456789"), 0x31c3, "CRC16 of the standard's text")
    equal(ymodem.crc16_fast(some(500)), ymodem.crc16(some(500)), "by table")
    for count in (0, 1, 127, 128, 129, 1023, 1024, 1025, 300 * 1024 + 5):
        transfer(some(count))


def I4_4_ymodem_survives_naks_and_losses():
    nak = lambda far: far.sendall(ymodem.NAK)
    lost = lambda far: None
    noise = lambda far: far.sendall(b"\xff?\x18" + ymodem.NAK)
    transfer(some(5000), {1: nak, 3: nak, 4: nak, 7: lost, 9: noise})


def I4_4_ymodem_lost_acknowledgement():
    class Forgets(Receiver):
        """Takes block 2, and its ACK does not come through."""

        def __call__(self, far):
            lossy = Lossy(far, 3)
            super().__call__(lossy)

    class Lossy:
        def __init__(self, far, drop):
            self.far, self.left = far, drop
            self.settimeout, self.recv = far.settimeout, far.recv

        def sendall(self, data):
            if data == ymodem.ACK:
                self.left -= 1
                if self.left == 0:
                    return
            self.far.sendall(data)

    transfer(some(4000), receiver=Forgets())


def I4_4_ymodem_gives_up():
    cancel = lambda far: far.sendall(ymodem.CAN * 2)
    silent = Far(lambda far: far.recv(1) and None)
    for odd, part in (({2: cancel}, "cancelled"),
                      ({n: (lambda far: None) for n in range(2, 9)},
                       "block 1 was not acknowledged in 5 attempts")):
        far = Far(Receiver(odd))
        try:
            ymodem.Sender(far.line, retries=5, answer_s=0.2).send("n", b"x")
        except ymodem.Failed as e:
            contains(str(e), part)
        else:
            check(False, "no failure: " + part)
    try:
        ymodem.Sender(silent.line, retries=2, answer_s=0.1).send("n", b"x")
    except ymodem.Failed as e:
        contains(str(e), "does not ask")
    else:
        check(False, "sent to nobody")


# ---- U-Boot ----

class FakeUBoot:
    """Countdown, echo, and as many commands as the loader needs."""

    def __init__(self, rate=0.0, seed=1, variables=None):
        self.random = random.Random(seed)
        self.rate = rate
        self.ran = []
        self.variables = variables or {}

    def send(self, far, data):
        for byte in data:
            far.sendall(self.hurt(bytes([byte])))

    def hurt(self, byte):
        """What becomes of a byte: itself, nothing, or another."""
        draw = self.random.random()
        if draw < self.rate / 2:
            return b""
        if draw < self.rate:
            return bytes([byte[0] ^ 1 << self.random.randrange(8)])
        return byte

    def __call__(self, far):
        self.send(far, b"\0U-Boot 2023.01\r\nHit any key to stop autoboot: 2")
        far.recv(1)
        self.send(far, b"\r\n=> ")
        text = b""
        while True:
            byte = far.recv(1)
            if not byte:
                return
            byte = self.hurt(byte)
            if byte == b"\x03":
                text = b""
                self.send(far, b"<INTERRUPT>\r\n=> ")
            elif byte == b"\r":
                self.send(far, b"\r\n" + self.answer(text.decode(
                    errors="replace")) + b"=> ")
                text = b""
            else:
                text += byte
                self.send(far, byte)

    def answer(self, text):
        status, out = 0, ""
        for command in text.split("; "):
            command = re.sub(r"\$\{(\w+)\}", lambda m: self.variables.get(
                m.group(1), ""), command).replace("$?", str(status))
            if command.startswith("echo "):
                out += command[5:] + "\r\n"
                continue
            self.ran.append(command)
            known = command.split()[0] in ("setenv", "true", "fail")
            status = 1 if command.startswith("fail") else 0
            if not known:
                status = 1
                out += "Unknown command '%s' - try 'help'\r\n" % command
        return out.encode()


def fake_uboot(**keywords):
    fake = FakeUBoot(**keywords)
    boot = uboot.UBoot(lines.Talk(Far(fake).line))
    boot.catch(20)
    return fake, boot


def refused(call, part, kind=uboot.Refused):
    try:
        call()
    except kind as e:
        contains(str(e), part)
    else:
        check(False, "not refused: " + part)


def I4_4_uboot_commands_and_faults():
    fake, boot = fake_uboot(variables={"kernel_addr_r": "0x84000000"})
    boot.command("true")
    boot.command("setenv bootargs 'a=1 b=2'")
    equal(fake.ran, ["true", "setenv bootargs 'a=1 b=2'"], "what ran")
    equal(boot.variable("kernel_addr_r"), "84000000", "variable")
    refused(lambda: boot.variable("ramdisk_addr_r"), "no ramdisk_addr_r")
    refused(lambda: boot.command("fail"), "U-Boot: fail: status 1")
    refused(lambda: boot.command("loady 1"), "Unknown command")
    refused(lambda: boot.command("true " + "x" * 500), "U-Boot takes 400")
    refused(lambda: boot.boot("1", "2", 3, "it's"), "--append")


def I4_4_uboot_damaged_echo_runs_nothing_wrong():
    uboot.ECHO_S = 0.2
    fake, boot = fake_uboot(rate=0.02, seed=11)
    for n in range(20):
        try:
            boot.command("setenv v%d %s" % (n, "0123456789" * 3), 1)
        except (lines.Lost, uboot.Refused):
            pass
    whole = [command for command in fake.ran if len(command) > 35]
    check(whole, "nothing ran")
    for command in whole:
        check(re.fullmatch(r"setenv v\d+ (0123456789){3}", command),
              "a damaged command ran: %r" % command)


def I4_4_uboot_reset_is_seen():
    def resets(far):
        fake = FakeUBoot()
        fake.answer = lambda text: (
            b"\r\nU-Boot SPL 2021.10\r\n" if "true" in text
            else FakeUBoot.answer(fake, text))
        fake(far)

    boot = uboot.UBoot(lines.Talk(Far(resets).line))
    boot.catch(20)
    try:
        boot.command("true")
    except uboot.Reset:
        return
    check(False, "the reset was not seen")


def I4_4_uboot_quarry_at_the_prompt_is_said():
    def quarry(far):
        while far.recv(100):
            far.sendall(b"\r\nquarry> ")

    boot = uboot.UBoot(lines.Talk(Far(quarry).line))
    refused(lambda: boot.catch(20), "Quarry runs already")
