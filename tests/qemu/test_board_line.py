# SPDX-License-Identifier: MIT
"""scripts/run-board against QEMU on a line: good, bad, reset in between."""
import json
import os
import random
import sys
import zlib

from board_line import UBOOT, Board, Cable, run_board
from lib import PATIENCE_S, ROOT, check, contains, equal, folder, \
    kernel_path, run_command, skip, test, write

sys.path.insert(0, os.path.join(ROOT, "scripts"))
from quarry import line as lines, uboot

SENTINEL = "QUARRY-EXIT code=%d\n"
HELLO = "print('hello from', hart.count())"


def on_clean_line(*options, evals=(), append="", **keywords):
    with Board(append=append) as board:
        cable = Cable(board.far)
        return run_board(cable.target, *options, evals=evals, **keywords)


def one_line(result, part):
    equal(len(result.err.strip().splitlines()), 1, "lines of the message")
    contains(result.err, part, "message")


# ---- the statuses ----

@test(timeout=200)
def I4_4_output_is_as_with_run_qemu():
    result = on_clean_line(evals=["x = 'one'  io = nil", HELLO,
                                  "print(x)  assert(x == 'one')"])
    equal(result.status, 0, "status")
    equal(result.out, "hello from\t2\none\n" + SENTINEL % 0, "output")
    equal(result.err, "", "messages")


@test(timeout=200)
def I4_4_status_1_error_with_traceback():
    result = on_clean_line(evals=[
        "local function deep() error('boom') end deep()", "print('on')"])
    equal(result.status, 1, "status")
    equal(result.out, "01-eval.lua:1: boom\nstack traceback:\n"
          "\t[C]: in function 'error'\n"
          "\t01-eval.lua:1: in local 'deep'\n"
          "\t01-eval.lua:1: in main chunk\n" + SENTINEL % 1, "output")


@test(timeout=300)
def I4_4_status_1_syntax_and_code():
    result = on_clean_line(evals=["local = 3"])
    equal(result.status, 1, "syntax error")
    contains(result.out, "01-eval.lua:1:")
    result = on_clean_line(evals=["sys.poweroff(7)"])
    equal((result.status, result.out), (1, SENTINEL % 7), "poweroff(7)")
    result = on_clean_line(evals=["sys.poweroff(3)"])
    equal(result.status, 1, "poweroff(3) is no panic")


@test(timeout=200)
def I4_4_status_0_poweroff_by_the_script():
    result = on_clean_line(evals=["print('so far') sys.poweroff()"])
    equal((result.status, result.out), (0, "so far\n" + SENTINEL % 0), "end")


@test(timeout=200)
def I4_4_status_3_panic():
    result = on_clean_line(evals=["unsafe.crash()"], append="unsafe=1")
    equal(result.status, 3, "status")
    contains(result.out, "PANIC hart 0")
    check(result.out.endswith(SENTINEL % 3), "last line")


@test(timeout=200)
def I4_4_status_4_hang():
    result = on_clean_line(evals=["print('going') while true do end"],
                           timeout=PATIENCE_S / 4)
    equal((result.status, result.out), (4, "going\n"), "end")
    one_line(result, "no end within %g s" % (PATIENCE_S / 4))


@test(timeout=200)
def I4_4_status_4_exit_line_of_a_script():
    result = on_clean_line(evals=[
        "print('QUARRY-EXIT code=0') while true do end"])
    equal(result.status, 4, "status")
    one_line(result, "receipt")


@test(timeout=200)
def I4_4_status_4_line_lost_while_scripts_run():
    def cut(cable, seen):
        if b"\ngoing" in seen:
            raise OSError("the cable is cut")

    with Board() as board:
        cable = Cable(board.far, watch=cut)
        result = run_board(cable.target, evals=[
            "print('going') while true do end"])
    equal(result.status, 4, "status")
    one_line(result, "closed by the other side")


# ---- what is delivered ----

@test(timeout=200)
def I4_4_scripts_and_files_arrive_as_they_are():
    own = folder()
    data = bytes(range(256)) * 9 + b"\x1b[A'\"\\\r\n"
    write(os.path.join(own, "sub", "data.bin"), data)
    write(os.path.join(own, "empty"), "")
    write(os.path.join(own, "helper.lua"), "return ...\n")
    script = write(os.path.join(folder(), "a script.lua"),
                   "#!/usr/bin/lua\nassert(helped == 5)\nerror('line 3')\n")
    result = on_clean_line(
        "--initrd", own, "--eval", "helped = run('helper.lua', 5)",
        "--eval", "local d = fs.read('sub/data.bin') print(#d) local c = "
        "0xffffffff for i = 1, #d do c = c ~ d:byte(i) for _ = 1, 8 do c = "
        "c >> 1 ~ (c & 1) * 0xedb88320 end end print(c ~ 0xffffffff)",
        "--eval", "assert(fs.read('empty') == '')", scripts=[script])
    equal(result.status, 1, "status")
    begin = "%d\n%d\n04-a_script.lua:3: line 3\n" % (
        len(data), zlib.crc32(data))
    equal(result.out[:len(begin)], begin, "what arrived")


@test(timeout=200)
def I4_4_silence_of_a_script_is_waited_for():
    # Longer than the first questions whether it still runs.
    result = on_clean_line(evals=[
        "print('begin') bench.run('noop', {time_ms = 8000}) print('end')"])
    equal((result.status, result.out),
          (0, "begin\nend\n" + SENTINEL % 0), "end")


# ---- a bad line ----

def noisy(rate, seed, evals, *options, **keywords):
    with Board() as board:
        cable = Cable(board.far, rate, seed)
        result = run_board(cable.target, *options, evals=evals, **keywords)
        cable.describe()
        check(cable.hurt["up"] and cable.hurt["down"], "no noise at all")
        return result


def proof(seed):
    """A script that fails unless it arrived to the letter."""
    text = "".join(random.Random(seed).choices(
        "abcdefghijklmnopqrstuvwxyz ", k=1500))
    total = sum(i * ord(c) for i, c in enumerate(text, 1))
    return ("local t, n = '%s', 0\nfor i = 1, #t do n = n + i * t:byte(i) end"
            "\nassert(n == %d)\n" % (text, total))


@test(timeout=400)
def I4_4_noise_scripts_arrive_intact():
    for seed in (1, 2):
        result = noisy(0.003, seed, [proof(seed), "assert(true)"],
                       timeout=180)
        equal(result.status, 0, "status with seed %d" % seed)


@test(timeout=400)
def I4_4_noise_statuses_are_right():
    equal(noisy(0.003, 3, ["x = 1", "error('boom')"], timeout=180).status, 1,
          "error")
    equal(noisy(0.003, 4, ["sys.poweroff(9)"], timeout=180).status, 1,
          "poweroff(9)")


def loses(*losses):
    """Each (before, lost) once, in order: a byte that does not arrive."""
    left = list(losses)

    def typed(data):
        while left and left[0][0] + left[0][1] in data:
            kept, lost = left.pop(0)
            data = data.replace(kept + lost, kept, 1)
        return data
    return typed, left


def with_losses(losses, evals):
    typed, left = loses(*losses)
    with Board() as board:
        result = run_board(Cable(board.far, typed=typed).target, evals=evals)
    check(not left, "not lost: %r" % left)
    return result


RUN_LINE = (b'"run")', b"\r")


@test(timeout=300)
def I4_4_start_that_lost_its_end():
    """The question whether it runs starts it."""
    for text, status in (("assert(true)", 0), ("error('boom')", 1)):
        equal(with_losses([RUN_LINE], [text]).status, status, text)


@test(timeout=200)
def I4_4_own_interrupt_is_no_error_of_the_script():
    """The question's end starts it, and the Ctrl-C after the echo meets it.

    On a slow machine the echo is not awaited, and nothing is interrupted.
    """
    typed, left = loses(RUN_LINE, (b"", b"\r--"))

    def without_its_end(data):
        waited = len(left) == 1
        out = typed(data)
        return b"--" + out if waited and not left else out

    with Board() as board:
        result = run_board(Cable(board.far, typed=without_its_end).target,
                           evals=["bench.run('noop', {time_ms = 20000})"])
    check(not left, "nothing was lost")
    check(result.status in (0, 4), "the script is blamed")
    if result.status == 4:
        one_line(result, "run-board: the ")


@test(timeout=300)
def I4_4_heavy_noise_is_4_in_one_line():
    result = noisy(0.25, 5, ["print(1)"], "--uboot-timeout", "10",
                   timeout=60)
    equal(result.status, 4, "status")
    one_line(result, "run-board: ")
    result = noisy(0.05, 6, [proof(6)], timeout=30)
    equal(result.status, 4, "status")
    one_line(result, "run-board: ")


@test(timeout=200)
def I4_4_garbage_before_the_prompt():
    before = (b"\x00\xfe\x80U-Boot SPL 2021.10 (Jan 01 2022)\r\n"
              b"OpenSBI v1.2\r\nHit any key to stop autoboot:  2 \b\b\b 1\r\n"
              + bytes(random.Random(7).choices(range(256), k=3000))
              + b"\x1b[2J\x1b[31mred\r\nquarry> \r\nQUARRY-EXIT code=0\r\n")
    with Board() as board:
        cable = Cable(board.far, before=before)
        result = run_board(cable.target, evals=[HELLO])
    equal((result.status, result.out),
          (0, "hello from\t2\n" + SENTINEL % 0), "end")


@test(timeout=200)
def I4_4_lines_may_end_in_lf_alone():
    with Board() as board:
        cable = Cable(board.far,
                      translate=lambda data: data.replace(b"\r", b""))
        result = run_board(cable.target, evals=[HELLO])
    equal((result.status, result.out),
          (0, "hello from\t2\n" + SENTINEL % 0), "end")


@test(timeout=200)
def I4_4_prompt_in_any_state_is_found():
    """A half-typed line, an unfinished chunk, a script that runs."""
    for typed in (b"error('never run", b"while true do\r", b"x = [[\r",
                  b"while true do end\r", b"x" * 5000 + b"\r"):
        with Board() as board:
            cable = Cable(board.far, before=b"")
            board.far.sendall(typed)
            result = run_board(cable.target, evals=[HELLO])
        equal((result.status, result.out),
              (0, "hello from\t2\n" + SENTINEL % 0), repr(typed[:20]))


# ---- resets ----

def reset_at(text):
    """Reset the board once, when it has sent the text."""
    board = Board(monitor=True)
    done = []

    def watch(_cable, seen):
        if text in seen and not done:
            done.append(True)
            board.monitor("system_reset")
    return board, Cable(board.far, watch=watch), done


@test(timeout=200)
def I4_4_reset_before_the_scripts_starts_over():
    board, cable, done = reset_at(b"QP(2,")
    with board:
        result = run_board(cable.target, evals=[HELLO])
    check(done, "no reset")
    equal((result.status, result.out),
          (0, "hello from\t2\n" + SENTINEL % 0), "end")
    one_line(result, "has reset before the scripts ran; once more")


@test(timeout=200)
def I4_4_reset_while_scripts_run_is_4():
    board, cable, done = reset_at(b"\ngoing")
    with board:
        result = run_board(cable.target, evals=[
            "print('going') while true do end"])
    check(done, "no reset")
    equal(result.status, 4, "status")
    check(result.out.startswith("going\n"), "output")
    one_line(result, "has reset while scripts ran")


# ---- a serial device, interactively ----

@test(timeout=200)
def I4_4_serial_device():
    with Board(pty=True) as board:
        result = run_board(board.target, evals=[HELLO])
    equal((result.status, result.out),
          (0, "hello from\t2\n" + SENTINEL % 0), "end")


@test(timeout=200)
def I4_4_hooks_run_first_and_last():
    where = folder()
    with Board() as board:
        cable = Cable(board.far)
        result = run_board(
            cable.target, "--load", "card", "--reset-cmd",
            "echo reset >>%s/order" % where, "--power-cmd",
            "echo power >>%s/order" % where, evals=["error('x')"])
    equal(result.status, 1, "status")
    with open(os.path.join(where, "order"), encoding="ascii") as f:
        equal(f.read(), "reset\npower\n", "hooks")


RESET = """
import socket
s = socket.socket(socket.AF_UNIX)
s.connect(%r)
s.recv(100)
s.sendall(b"system_reset\\n")
s.recv(1000)
"""


@test(timeout=200)
def I4_4_card_waits_for_the_boot_after_the_reset():
    where = folder()
    door = os.path.join(where, "monitor")
    hook = write(os.path.join(where, "reset.py"), RESET % door)
    boots = []

    def watch(_cable, seen):
        boots[:] = [seen.count(b"\nOpenSBI v")]

    with Board("-monitor", "unix:%s,server=on,wait=off" % door) as board:
        board.await_text(b"quarry> ")
        board.far.sendall(b"before = true\r")
        board.await_text(b"\nquarry> ")
        cable = Cable(board.far, watch=watch)
        result = run_board(cable.target, "--load", "card", "--reset-cmd",
                           "%s %s" % (sys.executable, hook),
                           evals=["assert(not before)", HELLO])
    equal((result.status, result.out),
          (0, "hello from\t2\n" + SENTINEL % 0), "end")
    equal(boots, [1], "boots after the reset")


# ---- U-Boot ----

def uboot_board(*options):
    if not os.path.isfile(UBOOT):
        skip("no %s: scripts/setup test" % UBOOT)
    return Board(*options, kernel=UBOOT, mem="512M")


@test(timeout=300)
def I4_4_load_by_tftp():
    where = folder()
    with uboot_board("-netdev", "user,id=n,tftp=" + where, "-device",
                     "virtio-net-device,netdev=n") as board:
        cable = Cable(board.far)
        result = run_board(cable.target, "--load", "tftp", "--tftp-dir",
                           where, "--append", "maxharts=1 unsafe=1", evals=[
                               HELLO, "assert(unsafe)"], timeout=150)
    equal(result.status, 0, "status")
    check(result.out.endswith("hello from\t1\n" + SENTINEL % 0), "output")
    check(" end 0 " not in result.out, "receipts in the output")


@test(timeout=300)
def I4_4_load_by_tftp_error_and_panic():
    where = folder()
    for text, status in (("error('boom')", 1), ("unsafe.crash()", 3)):
        with uboot_board("-netdev", "user,id=n,tftp=" + where, "-device",
                         "virtio-net-device,netdev=n") as board:
            cable = Cable(board.far)
            result = run_board(cable.target, "--load", "tftp", "--tftp-dir",
                               where, "--append", "unsafe=1", evals=[text],
                               timeout=150)
        equal(result.status, status, text)


@test(timeout=200)
def I4_4_uboot_fault_is_one_line():
    with uboot_board() as board:        # without a network device
        cable = Cable(board.far)
        result = run_board(cable.target, "--load", "tftp", "--tftp-dir",
                           folder(), evals=[HELLO], timeout=100)
    equal(result.status, 4, "status")
    one_line(result, "U-Boot: dhcp: ")


# 446 KB through an emulated 16550 at 3 KB/s: some minutes.
@test(timeout=1500, boards=True)
def I4_4_load_by_ymodem():
    with uboot_board() as board:
        cable = Cable(board.far)
        result = run_board(cable.target, "--load", "ymodem", evals=[HELLO],
                           timeout=1200)
    equal(result.status, 0, "status")
    check(result.out.endswith("hello from\t2\n" + SENTINEL % 0), "output")


# A small file by the real loady; what arrived is compared by U-Boot's CRC-32.
@test(timeout=300)
def I4_4_ymodem_to_the_real_loady():
    with uboot_board() as board:
        cable = Cable(board.far, rate=0.0)
        talk = lines.Talk(lines.parse_target(cable.target)())
        boot = uboot.UBoot(talk)
        boot.catch(60)
        data = random.Random(1).randbytes(5000)
        boot.load_ymodem("some", data, "84000000")
        check(boot.is_loaded("84000000", data), "what arrived")
        check(not boot.is_loaded("84000000", data[:-1] + b"?"), "the check")
        talk.line.close()


# ---- scripts/bench ----

BENCH = os.path.join(ROOT, "scripts", "bench")


def bench_on(board, *options, status=0):
    """A run of the suite on a board, and its result."""
    path = os.path.join(folder(), "board.json")
    command = [BENCH, "run", "--target", Cable(board.far).target, "--time",
               "10", "--json", path, "--baseline", "none", "--fail-on",
               "never", "--kernel",
               kernel_path("bench")]
    result = run_command(command + list(options) + [
        "--", "--uboot-timeout", "60"], timeout=280)
    equal(result.status, status, "status")
    check("Traceback" not in result.err, result.err)
    if not os.path.exists(path):
        return result, None
    with open(path, encoding="utf-8") as f:
        return result, json.load(f)


@test(timeout=300)
def I5_4_the_suite_on_a_board_over_its_line():
    with Board(kernel=kernel_path("bench")) as board:
        result, data = bench_on(board, "--reps", "2", "--filter",
                                "micro/pair,ours,*")
    target = data["target"]
    equal((target["kind"], target["mode"]), ("board", "board"))
    equal(target["machine"], "riscv-virtio,qemu", "model")
    for fact in ("harts", "isa", "timebase_hz", "mem_bytes"):
        check(target[fact], "no " + fact)
    for entry in data["results"]:
        equal(entry["status"], "ok", entry["key"])
        samples = entry["metrics"]["ns_per_op"]["samples"]
        equal(len(samples), 2, "samples")
        check(min(samples) > 0, "no time passed")
    contains(result.out, "micro/pair,ours,harts=1")


@test(timeout=300)
def I5_4_a_board_without_the_lab_is_told():
    with Board() as board:
        result, _ = bench_on(board, status=2)
    contains(result.err, "an image without the lab")


@test(timeout=300)
def I4_4_bench_statuses():
    for options, status in ((["--target", "nonsense"], 2),
                            (["--reps", "0"], 2), (["--harts", "two"], 2),
                            (["--filter", ""], 2),
                            (["--target", "tcp:127.0.0.1:1"], 4)):
        result = run_command([BENCH, "run"] + options, timeout=200)
        equal(result.status, status, " ".join(options))
        check("Traceback" not in result.err, result.err)
