# SPDX-License-Identifier: MIT
"""The console: paste, keys, Ctrl-C, Ctrl-D, terminals, output of many harts."""
import gc
import os
import random
import re
import time
import zlib

from lib import (Session, check, contains, equal, folder, matches, run, test,
                 write)

ESC = "\x1b"
# The one question that `auto` asks, and what wipes it off a dumb screen.
PROBE = ESC + "[c\r    \r"
# A prompt that begins a row; a line drawn again after a key has no newline.
NEW_PROMPT = r"\n(\x1b[^\r\n]*(\r    \r)?)?quarry> "


def ready(machine, timeout=None):
    """Wait for a new prompt; the text in front of it."""
    machine.expect(NEW_PROMPT, timeout)
    return machine.before.replace("\r", "")


def enter(machine, line, timeout=None):
    """Type a line; everything up to the next new prompt."""
    machine.send(line + "\r")
    return ready(machine, timeout)


def at_prompt(**options):
    machine = Session(**options)
    ready(machine)
    return machine


# ---- Prompt ----

def I2_5_prompt_continuation_and_values():
    with at_prompt() as machine:
        contains(enter(machine, "1 + 1"), "2")
        contains(enter(machine, "=7 * 6"), "42")
        machine.send("for i = 1, 2 do\r")
        machine.expect("   ...> ", plain=True)
        machine.send("print('round', i)\r")
        machine.expect("   ...> ", plain=True)
        out = enter(machine, "end")
        contains(out, "round\t1")
        contains(out, "round\t2")


def I2_5_error_shows_message_and_traceback():
    with at_prompt() as machine:
        enter(machine, "function broken() error('on purpose') end")
        out = enter(machine, "broken()")
        contains(out, "on purpose")
        contains(out, "stack traceback")
        contains(enter(machine, "1 + 1"), "2")


def I2_5_cr_lf_and_crlf_end_one_line():
    with at_prompt() as machine:
        for end in ("\r", "\n", "\r\n"):
            machine.send("print('x' .. 'y')" + end)
            machine.expect("xy\r\nquarry> ", plain=True)
            # No second prompt comes: the next thing seen is our own echo.
            machine.send("1")
            equal(machine.expect("(?s).").group(0), "1", "after %r" % end)
            contains(enter(machine, " + 4"), "5")


def test_sessions_close_each_descriptor_once():
    """One that is collected late must not close a later one's pipe."""
    first = at_prompt(harts=1)
    first.close()
    with at_prompt(harts=1) as second:
        del first
        gc.collect()
        contains(enter(second, "1 + 1"), "2")


# ---- Keys ----

def I2_5_arrows_edit_the_line():
    with at_prompt() as machine:
        contains(enter(machine, "prnt('e' .. 'd')" + (ESC + "[D") * 14 + "i"
                             + ESC + "[F"), "\ned")
        contains(enter(machine, "'wrong' .. 1\x17\x15'ri' .. 'ght'"), "right")


def I2_5_history_recalls_lines_and_chunks():
    with at_prompt() as machine:
        enter(machine, "x = 5")
        machine.send("for i = 1, 2 do\r")
        machine.expect("   ...> ", plain=True)
        machine.send("x = x + i\r")
        machine.expect("   ...> ", plain=True)
        enter(machine, "end")
        contains(enter(machine, "x"), "8")
        # One step back is `x`, two are the whole loop, as one entry.
        enter(machine, ESC + "[A" + ESC + "[A")
        contains(enter(machine, "x"), "11")
        enter(machine, "\x10\x10\x10\x10")
        contains(enter(machine, "x"), "14")


def I2_5_history_survives_a_new_state():
    with at_prompt() as machine:
        enter(machine, "print('kept' .. 1)")
        machine.send("\x04")
        ready(machine)
        contains(enter(machine, ESC + "[A"), "kept1")


def I2_5_ctrl_d_makes_a_new_state():
    with at_prompt() as machine:
        enter(machine, "global = 'old'")
        machine.send("\x04")
        ready(machine)
        contains(enter(machine, "global"), "nil")


def I2_5_ctrl_c_drops_the_line_and_the_chunk():
    with at_prompt() as machine:
        machine.send("this is no Lua\x03")
        contains(ready(machine), "this is no Lua^C")
        machine.send("for i = 1, 2 do\r")
        machine.expect("   ...> ", plain=True)
        machine.send("\x03")
        ready(machine)
        contains(enter(machine, "'a' .. 'b'"), "ab")


# ---- Ctrl-C while something runs ----

ENDLESS = ["while true do end",
           "repeat pcall(function() while true do end end) until false",
           "coroutine.wrap(function() while true do end end)()",
           "repeat coroutine.wrap(function() pcall(function() "
           "while true do end end) end)() until false"]


@test(timeout=180)
def I2_5_ctrl_c_stops_endless_loops():
    with at_prompt() as machine:
        for line in ENDLESS:
            machine.send("print('ru' .. 'ns') " + line + "\r")
            machine.expect(r"runs\r+\n")
            machine.send("\x03")
            ready(machine)
            contains(enter(machine, "20 + 3"), "23")


def I2_5_ctrl_c_typed_ahead_stops_the_line_before_it():
    with at_prompt() as machine:
        machine.send("while true do end\r\x03")
        ready(machine)
        contains(enter(machine, "20 + 3"), "23")


@test(timeout=180)
def I2_5_ctrl_c_during_compilation_is_not_lost():
    """One Ctrl-C at ever later moments of compiling a chunk of 25 KiB."""
    filler = "local _ = {" + "1, " * 1000 + "}\r"
    late = 0
    with at_prompt(harts=1) as machine:
        for step in range(12):
            machine.send("do\r" + filler * 8)
            for _ in range(9):
                machine.expect("   ...> ", plain=True)
            machine.send("print('co' .. 'mpiled') while true do end end\r")
            machine.expect(r"end end\r\n")
            # Not a wait for anything: it chooses the moment.
            time.sleep(step * 0.001)
            machine.send("\x03")
            late += "compiled" in ready(machine, timeout=10)
        contains(enter(machine, "20 + 3"), "23")
    check(late < 12, "no Ctrl-C came before the chunk ran")


def I2_5_ctrl_c_behind_an_unfinished_chunk_drops_it():
    with at_prompt() as machine:
        for _ in range(20):
            machine.send("for i = 1, 2 do\r\x03")
            ready(machine)
            # Would be a syntax error, or silent, in the chunk.
            contains(enter(machine, "20 + 3"), "23")


def I2_5_ctrl_c_works_without_an_interrupt_controller():
    # This machine's emulator has one mailbox for both directions. A key that
    # comes before the firmware has asked for one jams it for good, and the
    # first question leaves no trace. So nothing is typed at the prompt: a
    # script runs long enough to have been polled, says so, and spins.
    where = folder()
    write(os.path.join(where, "init.lua"),
          b"local t = sys.uptime() + 3e8 while sys.uptime() < t do end "
          b"print('spinning') while true do end")
    with Session(machine="spike", initrd=where, append="term=dumb") as m:
        m.expect(r"spinning\r+\n")
        m.send("\x03")
        contains(ready(m), "interrupted")


# ---- Paste ----

def pasted_lines(count, width, seed):
    chance = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyz0123456789 +-*/#%^<>=~(){}[];:,."
    return ["".join(chance.choice(letters) for _ in range(width)) + "\u20ac"
            for _ in range(count)]


# CRC-32, so that host and machine agree on every byte.
CRC = ("t = {} for i = 0, 255 do local c = i for _ = 1, 8 do "
       "c = (c & 1) == 1 and (c >> 1) ~ 0xedb88320 or c >> 1 end t[i] = c end "
       "function crc(s) local c = 0xffffffff for i = 1, #s do "
       "c = t[(c ~ s:byte(i)) & 255] ~ (c >> 8) end return c ~ 0xffffffff end")


def paste(machine, lines, begin="", end=""):
    """Paste the lines as one long string; its length and CRC in the machine."""
    enter(machine, CRC)
    text = "s = [==[\r" + "\r".join(lines) + "\r]==]\r"
    machine.send(begin + text + end)
    machine.send("print('SUM', #s, crc(s))\r")
    machine.expect(r"SUM\t(\d+)\t(\d+)\r\n", timeout=120)


def check_paste(machine, lines):
    wanted = ("\n".join(lines) + "\n").encode()
    found = re.search(r"SUM\t(\d+)\t(\d+)\r\n", machine.all)
    equal((int(found.group(1)), int(found.group(2))),
          (len(wanted), zlib.crc32(wanted)), "length and CRC")
    check("bytes lost" not in machine.all, "bytes were lost")


@test(timeout=240)
def I2_5_paste_of_a_thousand_lines_arrives_exactly():
    lines = pasted_lines(1000, 27, 1)
    with at_prompt() as machine:
        paste(machine, lines)
        check_paste(machine, lines)


@test(timeout=240)
def I2_5_pasted_statements_are_executed_one_by_one():
    with at_prompt() as machine:
        enter(machine, "sum = 0")
        machine.send("".join("sum = sum + %d -- %s\r" % (i, "x" * 20)
                             for i in range(1000)))
        machine.send("print('SUM' .. '=', sum)\r")
        machine.expect(r"SUM=\t(\d+)\r", timeout=120)
        matches(machine.all, r"SUM=\t499500")
        check("bytes lost" not in machine.all, "bytes were lost")


@test(timeout=240)
def I2_5_paste_is_exact_while_other_harts_work():
    lines = pasted_lines(500, 37, 2)
    with at_prompt() as machine:
        enter(machine, "hart.run('others', function() "
                    "return bench.run('pair', {time_ms=20000}).ops end)")
        paste(machine, lines)
        check_paste(machine, lines)


def I2_5_bracketed_paste_is_exact():
    lines = pasted_lines(100, 37, 3)
    with at_prompt(append="term=ansi") as machine:
        paste(machine, lines, ESC + "[200~", ESC + "[201~")
        check_paste(machine, lines)


def paste_on(name):
    lines = pasted_lines(300, 37, 5)
    with at_prompt(machine=name) as machine:
        paste(machine, lines)
        check_paste(machine, lines)


@test(timeout=240)
def I2_5_paste_is_exact_on_sifive_uart():
    paste_on("sifive_u")


@test(timeout=240)
def I2_5_paste_is_exact_with_reg_shift_and_32_bit_registers():
    paste_on("icicle")


def refused_paste(machine, begin="", end=""):
    """A function of 40 KiB whose last lines, alone, would do harm."""
    machine.send(begin + "function big()\r" +
                 ("local x = '" + "y" * 1000 + "'\r") * 40 +
                 "harm = 1\rend\rharm = 2\rprint('HA' .. 'RM')\r" + end)
    machine.expect("chunk longer than 32 KiB dropped", plain=True)
    machine.expect(r"rest of the paste refused, \d+ bytes\]", timeout=30)
    ready(machine)
    contains(enter(machine, "print('VALUES', harm, big)"), "VALUES\tnil\tnil")
    check("HARM" not in machine.all, "the rest of the paste was executed")


def I2_5_rest_of_a_paste_is_refused_with_its_chunk():
    with at_prompt() as machine:
        refused_paste(machine)
        refused_paste(machine)


def I2_5_rest_of_a_bracketed_paste_is_refused_to_its_end():
    with at_prompt(append="term=ansi") as machine:
        refused_paste(machine, ESC + "[200~", ESC + "[201~")
        # Without its end mark Ctrl-C leaves it.
        machine.send(ESC + "[200~" + ("x = { -- " + "y" * 1000 + "\r") * 40)
        machine.expect("chunk longer than 32 KiB dropped", plain=True)
        machine.send("harm = 3\r\x03")
        ready(machine)
        contains(enter(machine, "print('VALUES', harm)"), "VALUES\tnil")


def I2_bad_line_too_long_is_refused_with_the_rest_of_its_chunk():
    with at_prompt() as machine:
        machine.send("for i = 1, 2 do\r--" + "y" * 5000 +
                     "\rharm = 1\rend\r")
        machine.expect("rest of the paste refused, 13 bytes]", plain=True)
        ready(machine)
        contains(enter(machine, "print('VALUES', harm)"), "VALUES\tnil")


def I2_bad_line_too_long_is_refused_not_executed():
    with at_prompt() as machine:
        machine.send("x = 1 --" + "y" * 5000 + "\r")
        machine.expect("line too long", plain=True)
        ready(machine)
        contains(enter(machine, "x"), "nil")
        contains(enter(machine, "#'" + "z" * 3000 + "'"), "3000")


def I2_bad_garbage_bytes_leave_a_living_prompt():
    chance = random.Random(4)
    noise = bytes(chance.choice([b for b in range(256)
                                 if b not in (1, 4)])  # Ctrl-A is QEMU's
                  for _ in range(20000))
    with at_prompt() as machine:
        for at in range(0, len(noise), 500):
            machine.send(noise[at:at + 500])
            machine.send("\x03")
            ready(machine)
        machine.send("\x03\r")
        ready(machine)
        machine.send("print('al' .. 'ive')\r")
        machine.expect("alive\r\n", plain=True)


# ---- Losses ----

def I2_5_lost_bytes_are_told_and_the_line_is_not_executed():
    """A ring of 4 KiB (8 MiB machine) and 20 KiB while a loop runs."""
    with at_prompt(mem="8M", harts=1) as machine:
        machine.send("print('ru' .. 'ns') t = sys.uptime() "
                     "while sys.uptime() - t < 3e9 do end\r")
        machine.expect(r"runs\r+\n")
        machine.send("a = 1\rb = '" + "x" * 6000 + "' c = 3\r")
        machine.expect(r"\[console: \d+ bytes lost\]")
        machine.send("' d = 4\r")  # the end of the line was lost, too
        ready(machine)
        out = enter(machine, "print('VALUES', a, b, c, d)")
        contains(out, "VALUES\t1\tnil\tnil\tnil")


# ---- Terminals ----

def I2_5_dumb_terminal_sees_no_escape_byte():
    with at_prompt(append="term=dumb") as machine:
        enter(machine, "1 + 1")
        enter(machine, ESC + "[A" + ESC + "[D" + "\x0b\x15\x0c")
        enter(machine, "con.spark{1, 2, 3}")
        check(ESC not in machine.all, "an escape byte")


def I2_5_silent_terminal_gets_one_question_and_no_more():
    with at_prompt(tty=True) as machine:
        enter(machine, "1 + 1")
        enter(machine, ESC + "[A" + ESC + "[D")
        equal(machine.all.count(PROBE), 1, "questions")
        check(ESC not in machine.all.replace(PROBE, ""), "an escape byte")


def I2_5_batch_output_has_no_escape_byte():
    out = run("print(1)", "error('x')", status=1).out
    check(ESC not in out, "an escape byte")


def I2_5_terminal_that_answers_is_used_and_its_answer_is_no_text():
    with Session(tty=True) as machine:
        machine.expect(PROBE + "quarry> ", plain=True)
        machine.send(ESC + "[?62;4c")
        machine.expect(ESC + "[6n", plain=True)
        machine.send(ESC + "[40;100R")
        machine.send("print(con.term())\r")
        machine.expect(r"ansi\r+\n")
        machine.send("print(con.size())\r")
        machine.expect(r"100\t40\r+\n")


# ---- Many harts ----

@test(timeout=240)
def I2_5_lines_of_harts_do_not_mix():
    count = 3000
    out = run(
        "js = {} for h = 1, hart.count() - 1 do "
        "js[h] = hart.run(h, function(h) for i = 1, %d do "
        "print('hart', h, 'line', i, ('x'):rep(i %% 50)) end end, h) end "
        "for i = 1, %d do print('hart', 0, 'line', i, ('x'):rep(i %% 50)) end "
        "for h = 1, #js do assert(js[h]:wait()) end" % (count, count),
        status=0, timeout=120).out
    seen = {}
    for line in out.replace("\r", "").split("\n"):
        if "hart" not in line or "line" not in line:
            continue
        found = re.fullmatch(r"hart\t(\d)\tline\t(\d+)\t(x*)", line)
        check(found, "a mixed line: %r" % line)
        h, i = int(found.group(1)), int(found.group(2))
        equal(len(found.group(3)), i % 50, "length of %r" % line)
        equal(i, seen.get(h, 0) + 1, "order of hart %d" % h)
        seen[h] = i
    equal(seen, {h: count for h in range(4)}, "last lines")


def I2_5_output_of_a_job_goes_above_the_edit_line():
    with at_prompt() as machine:
        enter(machine, "hart.run(1, function() local t = sys.uptime() "
                    "while sys.uptime() - t < 1e9 do end "
                    "print('from' .. ' afar') end)")
        machine.send("40 + ")
        machine.expect("from afar\r\n", plain=True)
        machine.expect("quarry> 40 + ", plain=True)
        machine.send("2\r")
        machine.expect("42\r\n", plain=True)


def I2_5_hart_that_prints_for_ever_leaves_the_prompt_usable():
    with at_prompt() as machine:
        enter(machine, "j = hart.run(1, function() while true do "
                    "print('noise') end end)")
        machine.send("j:kill() done = 1\r")
        begin = time.monotonic()
        machine.expect(r"(?s)done = 1.*quarry> ", timeout=30)
        check(time.monotonic() - begin < 30, "the prompt came late")
        contains(enter(machine, "done"), "1")
