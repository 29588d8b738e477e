# SPDX-License-Identifier: MIT
"""Files and scripts into a running Quarry, typed at its prompt.

Theory of operation

1. Nothing in the kernel helps: what receives is Lua, typed first. It has to
   arrive over the same bad line, so it comes in three steps, each checked
   before the next: a function that computes CRC-32 (right when it gives the
   right number for a random word), a function that stores a piece of text only
   when its CRC-32 fits, and with it receipt.lua and receiver.lua.
2. Then every call is one line, `Q(CRC32, "name", …)`. The machine does nothing
   unless the checksum over the arguments fits, and its answer, too, has one,
   and says which call it answers. A call without an answer is made again, at
   most TRIES times. So calls may be made twice, and are made so that this
   changes nothing: data says where it belongs, a file that is complete stays
   complete, a run begins once.
3. The prompt is found by asking: Ctrl-C, then a sum whose result does not
   stand in the question. A damaged line may leave the prompt waiting for the
   rest of a chunk, or the console refusing a paste; Ctrl-C ends both.
4. While scripts run Ctrl-C would hurt them. Whether they still run is seen by
   typing a comment: a prompt echoes it, a running machine does not, and runs
   it as nothing later. So Ctrl-C is sent only at a prompt that has echoed.
   A hole remains: the call that starts the scripts may have lost its end, and
   the comment's end then starts them. So the comment has an end before it,
   too; and a script that ends with "interrupted" after a Ctrl-C of ours
   (`endangered`) is nobody's error: status 4.
5. Lines are short where the line is bad: a call that fails halves the size of
   the next pieces, one that works adds to it.
"""
import os
import random
import re
import time
import zlib

from quarry.line import Lost
from quarry.receipt import is_intact, lua_source, new_nonce, statements
from quarry.uboot import BANNER, Refused, Reset

TRIES = 25
ANSWER_S = 1.0          # for the first attempt, beside the time on the line
ANSWER_MAX_S = 4.0
PIECE_MIN, PIECE_START, PIECE_MAX = 24, 192, 512
ECHO_S = 2.0
CTRL_C = b"\x03"
# Signs that a line was damaged: no need to wait for the answer. What we type
# has no ends of lines in it, so its echo matches none of these.
PROMPT = rb"\nquarry> "
TROUBLE = [rb"\nstdin:\d+:", rb"\n   \.\.\.> ",
           rb"[\r\n]\[console: "]
PROMPT_S = 0.3          # for a prompt, or for an answer after one
GONE = rb"\nQUARRY-EXIT code=\d"

CRC = ("function QC(s)local c=~0&0xffffffff for i=1,#s do c=c~s:byte(i)"
       "for _=1,8 do c=c>>1~(c&1)*0xedb88320 end end return c~0xffffffff end")
STORE = ('QT={}function QP(k,s,c)if QC(k..":"..s)==c then QT[k]=s '
         'print("@"..k.." "..QC(c.."").."@")end end')


def crc(text):
    return zlib.crc32(text.encode() if isinstance(text, str) else text)


def quoted(data):
    """Bytes as a Lua string of printable ASCII."""
    out = []
    for byte in data:
        if byte in b'"\\' or not 32 <= byte < 127:
            out.append("\\%03d" % byte)
        else:
            out.append(chr(byte))
    return '"%s"' % "".join(out)


class Delivery:
    def __init__(self, talk):
        self.talk = talk
        self.nonce = new_nonce()
        self.statement = statements(self.nonce)
        self.random = random.SystemRandom()
        self.piece = PIECE_START
        self.endangered = False     # a Ctrl-C may have met a script

    # ---- one line, one answer ----

    def take(self, quiet_s, most_s):
        """What still comes is of no interest, unless the board started."""
        text = self.talk.drain(quiet_s, most_s)
        if re.search(BANNER, text):
            raise Reset()
        if re.search(GONE, text):
            raise Lost("the machine ended before the scripts ran")

    def recover(self, attempt=0):
        """Back to an empty prompt: only where no script can be running."""
        self.talk.send(CTRL_C)
        self.pass_prompt()
        # A console that refuses a paste needs a moment after the Ctrl-C.
        self.take(0.02 * (1 + attempt % 8), 1.0)

    def pass_prompt(self):
        """So that the next prompt is that after the next line."""
        match = self.talk.wait([PROMPT, BANNER], PROMPT_S)
        if match and re.fullmatch(BANNER, match.group()):
            raise Reset()

    def hear(self, patterns, seconds):
        """What answers a line; None: nothing, or a sign of trouble.

        A prompt without an answer is trouble, but it may be an older one, so
        the answer has PROMPT_S left.
        """
        end = time.monotonic() + seconds
        while True:
            match = self.talk.wait(
                patterns + TROUBLE + [PROMPT, BANNER],
                max(0, end - time.monotonic()))
            if match is None:
                return None
            text = match.group()
            if any(re.fullmatch(p, text) for p in patterns):
                return text
            if re.fullmatch(BANNER, text):
                raise Reset()
            if not re.fullmatch(PROMPT, text):
                return None
            end = min(end, time.monotonic() + PROMPT_S)

    def patience(self, line, attempt):
        """For an answer; the echo of a long line is up to thrice as long."""
        return (min(ANSWER_S * 1.3 ** attempt, ANSWER_MAX_S)
                + 4 * self.talk.line.seconds_for(len(line)))

    def ask(self, line, answers, tries=TRIES):
        """Type a line until one of the patterns answers it."""
        for attempt in range(tries):
            self.talk.text = b""
            self.talk.send(line.encode() + b"\r")
            text = self.hear(answers, self.patience(line, attempt))
            if text is not None:
                self.pass_prompt()
                return text
            self.recover(attempt)
        return None

    def sync(self, tries=TRIES):
        """Find the prompt: a machine that computes."""
        a, b = (self.random.randrange(10 ** 8) for _ in range(2))
        self.recover()
        answer = self.ask("print(%d+%d)" % (a, b), [
            rb"\n%d[\r\n]" % (a + b), rb"\nUnknown command"], tries)
        if answer and b"Unknown" in answer:
            raise Refused("the board is at U-Boot's prompt, and does not "
                          "boot Quarry by itself; see --load")
        return answer is not None

    def must(self, line, answers, what):
        if self.ask(line, answers) is None:
            raise Lost("the line is too bad: %s failed in %d attempts"
                       % (what, TRIES))

    # ---- the receiver ----

    def define(self, line, check, answer, what):
        """A line that says nothing, and one that shows it has worked."""
        for _ in range(TRIES):
            self.talk.send(line.encode() + b"\r")
            self.take(0.03, 2.0)
            if self.ask(check, [re.escape(answer)], 2) is not None:
                return
            self.recover()
        raise Lost("the line is too bad: %s failed in %d attempts"
                   % (what, TRIES))

    def install(self):
        """Make the function Q, which takes calls."""
        word = "%08x" % self.random.randrange(1 << 32)
        self.define(CRC, 'print("@"..QC("%s").."@")' % word,
                    b"@%d@" % crc(word), "the checksum's definition")
        self.define(STORE, self.store(0, b""), self.stored(0, b""),
                    "the receiver's first line")
        text = (lua_source("receipt.lua", self.nonce)
                + lua_source("receiver.lua", self.nonce)).encode()
        at = number = 0
        while at < len(text):
            number += 1
            at += self.install_piece(number, text[at:at + self.piece])
        self.must('print("@"..QC(table.concat(QT)).."@")',
                  [b"@%d@" % crc(text)], "the receiver's transfer")
        for _ in range(TRIES):
            self.talk.send(b'load(table.concat(QT),"=receiver")()\r')
            self.take(0.05, 2.0)
            if self.call("state", tries=2) == "idle":
                return
        raise Lost("the line is too bad: the receiver does not answer")

    def store(self, number, data):
        return "QP(%d,%s,%d)" % (number, quoted(data),
                                 crc(b"%d:" % number + data))

    def stored(self, number, data):
        return b"@%d %d@" % (number, crc("%d" % crc(b"%d:" % number + data)))

    def install_piece(self, number, data):
        """Bytes that were stored: fewer than given where lines fail."""
        for _ in range(TRIES):
            answer = [re.escape(self.stored(number, data))]
            if self.ask(self.store(number, data), answer, 1) is not None:
                self.piece = min(self.piece + 16, PIECE_MAX)
                return len(data)
            self.piece = max(self.piece // 2, PIECE_MIN)
            data = data[:self.piece]
        raise Lost("the line is too bad: no piece of the receiver arrived "
                   "in %d attempts" % TRIES)

    # ---- calls ----

    def call_line(self, name, *args):
        """The line, and the pattern of its answers."""
        parts = [name.encode()] + [a if isinstance(a, bytes) else
                                   b"%d" % a for a in args]
        number = crc(b"\1".join(parts))
        words = [quoted(name.encode())] + [
            quoted(a) if isinstance(a, bytes) else "%d" % a for a in args]
        return number, "Q(%d,%s)" % (number, ",".join(words))

    def call(self, name, *args, tries=TRIES):
        """The answer's text, None without one."""
        number, line = self.call_line(name, *args)
        for attempt in range(tries):
            match = self.try_call(number, line, attempt)
            if match is not None:
                return match
        return None

    def try_call(self, number, line, attempt):
        self.talk.text = b""
        self.talk.send(line.encode() + b"\r")
        while True:
            text = self.hear([self.statement.pattern],
                             self.patience(line, attempt))
            if text is None:
                break
            found = self.statement.fullmatch(text)
            body = found.group(2).decode()
            if is_intact(found) and body.startswith("%d " % number):
                self.pass_prompt()
                return body.split(" ", 1)[1]
            if body == "again":
                break
        self.recover(attempt)
        return None

    def must_call(self, name, *args):
        answer = self.call(name, *args)
        if answer is None:
            raise Lost("the line is too bad: no answer to %s in %d attempts"
                       % (name, TRIES))
        return answer

    def send_data(self, data):
        at = failures = 0
        while at < len(data):
            piece = data[at:at + self.piece]
            answer = self.call("data", at, piece, tries=1)
            if answer is None:
                failures += 1
                self.piece = max(self.piece // 2, PIECE_MIN)
                if failures == TRIES:
                    raise Lost("the line is too bad: byte %d of %d was "
                               "reached" % (at, len(data)))
                continue
            failures = 0
            self.piece = min(self.piece + 16, PIECE_MAX)
            at = int(answer)

    def send_file(self, name, data, is_script):
        for _ in range(3):
            self.send_data(data)
            answer = self.must_call("file", os.fsencode(name), crc(data),
                                    1 if is_script else 0)
            if answer == "ok":
                return
            if answer.startswith("no "):
                raise Lost("the machine cannot keep %s: %s"
                           % (name, answer[3:]))
        raise Lost("%s did not arrive intact in 3 attempts" % name)

    # ---- the run ----

    def start(self):
        """Let the scripts run; what they print is still to be read."""
        number, line = self.call_line("run")
        for _ in range(TRIES):
            self.talk.text = b""
            self.talk.send(line.encode() + b"\r")
            if self.has_started(number):
                return
            if not self.is_at_prompt():
                return      # it runs, and its first words were damaged
            if self.state_at_prompt() != "idle":
                return      # it ran, and its end will be asked for
        raise Lost("the line is too bad: the scripts could not be started")

    def has_started(self, number):
        end = time.monotonic() + ANSWER_S
        while time.monotonic() < end:
            match = self.talk.wait([self.statement.pattern],
                                   max(0, end - time.monotonic()))
            found = match and self.statement.fullmatch(match.group())
            if (found and is_intact(found)
                    and found.group(2) == b"%d run" % number):
                return True
        return False

    def comment(self):
        """Nothing to a machine, and a word to know its echo by."""
        return b"--%s%08x" % (self.nonce.encode(),
                              self.random.randrange(1 << 32))

    def is_at_prompt(self, tries=3):
        """A prompt, finished or not, echoes a comment; a script does not."""
        for _ in range(tries):
            word = self.comment()
            self.talk.send(b"\r" + word + b"\r")
            if self.talk.wait([re.escape(word)], ECHO_S):
                return True
        return False

    def state_at_prompt(self):
        """Only when a prompt has echoed: "idle", "end N…", None: no answer."""
        self.recover()
        state = self.call("state", tries=8)
        self.endangered = state != "idle"
        return state

    def power_off(self, code):
        """Only when the run is over. Says nothing back: the machine ends."""
        self.talk.send(CTRL_C)
        self.talk.send(self.call_line("off", code)[1].encode() + b"\r")
