# SPDX-License-Identifier: MIT
"""How runs end: the exit statuses of scripts/run-qemu with a real machine."""
import os
import termios

from lib import Session, check, contains, equal, folder, matches, run, write


def last_line(result):
    return result.out.strip().splitlines()[-1].strip()


def I2_8_success_is_0():
    result = run("print('hello from', _VERSION)")
    equal(result.status, 0, "status")
    contains(result.out, "hello from\tLua 5.4")
    equal(last_line(result), "QUARRY-EXIT code=0", "last line")
    check("\x1b" not in result.out, "escape bytes in the output")


def I2_8_error_is_1_with_traceback():
    result = run("local function deep() error('boom') end deep()")
    equal(result.status, 1, "status")
    contains(result.out, "boom")
    contains(result.out, "stack traceback")
    equal(last_line(result), "QUARRY-EXIT code=1", "last line")


def I2_8_syntax_error_is_1():
    result = run("local = 3")
    equal(result.status, 1, "status")
    contains(result.out, "01-eval.lua:1:")


def I2_8_poweroff_code():
    equal(run("sys.poweroff(0)").status, 0, "poweroff(0)")
    equal(run("sys.poweroff()").status, 0, "poweroff()")
    result = run("sys.poweroff(7)")
    equal(result.status, 1, "poweroff(7)")
    equal(last_line(result), "QUARRY-EXIT code=7", "last line")


def I2_8_poweroff_3_is_no_panic():
    equal(run("sys.poweroff(3)").status, 1, "status")


def I2_8_panic_is_3():
    result = run("unsafe.crash()", append="unsafe=1")
    equal(result.status, 3, "status")
    equal(last_line(result), "QUARRY-EXIT code=3", "last line")
    matches(result.out, r"0x[0-9a-f]+|\+0x")


def I2_8_unsafe_is_not_there_unasked():
    result = run("unsafe.crash()")
    equal(result.status, 1, "status")
    contains(result.out, "unsafe")


def I2_8_hang_is_4():
    result = run("print('going') while true do end", timeout=10)
    equal(result.status, 4, "status")
    contains(result.out, "going")


def I2_8_first_error_ends_the_run():
    result = run("print('one')", "error('two')", "print('three')")
    equal(result.status, 1, "status")
    contains(result.out, "one")
    check("three" not in result.out, "went on after the error")


def I2_8_order_and_one_state():
    script = write(os.path.join(folder(), "second.lua"),
                   "assert(x == 1) x = 2\n")
    run("x = 1", status=0)
    result = run("x = 1", "assert(x == 1)", scripts=[], status=0)
    result = run("assert(x == 2) print('order kept')", scripts=[script],
                 status=1)
    contains(result.out, "assertion failed")


def I2_8_archive_init_is_not_run_with_scripts():
    own = folder()
    write(os.path.join(own, "init.lua"), "print('init ran')\n")
    write(os.path.join(own, "helper.lua"), "print('helper ran')\n")
    result = run("run('helper.lua')", initrd=own, status=0)
    contains(result.out, "helper ran")
    check("init ran" not in result.out, "init.lua ran")


def I2_8_init_runs_without_scripts():
    own = folder()
    write(os.path.join(own, "init.lua"), "print('init ran')\n")
    with Session(initrd=own) as machine:
        machine.expect("init ran")
        machine.prompt()


def I2_8_run_argument_chooses_a_file():
    own = folder()
    write(os.path.join(own, "init.lua"), "print('init ran')\n")
    write(os.path.join(own, "other.lua"), "print('other ran')\n")
    with Session(initrd=own, append="run=other.lua") as machine:
        machine.expect("other ran")
        machine.prompt()
        check("init ran" not in machine.all, "init.lua ran")


def I2_8_interactive_poweroff():
    with Session() as machine:
        machine.prompt()
        machine.send("sys.poweroff(0)\r")
        equal(machine.end(), 0, "status")


def I2_8_prompt_without_escapes_on_pipes():
    with Session() as machine:
        machine.prompt()
        contains(machine.lua("1 + 1"), "2")
        check("\x1b" not in machine.all, "escape bytes in the output")


def I2_8_ctrl_a_x_leaves_a_terminal_as_it_was():
    with Session(tty=True) as machine:
        before = termios.tcgetattr(machine.writer)
        machine.prompt()
        machine.send("\x01x")
        equal(machine.end(), 0, "status")
        equal(termios.tcgetattr(machine.writer), before, "terminal settings")


def I2_8_machine_interrupts_a_script_on_a_terminal():
    """Ctrl-C goes to the machine, and does not end run-qemu."""
    with Session(tty=True) as machine:
        machine.prompt()
        machine.send("print('go' .. 'ing') while true do end\r")
        machine.expect("going")
        machine.send("\x03")
        machine.prompt()
        contains(machine.lua("1 + 1"), "2")


def I4_3_without_srst_the_sentinel_is_last():
    """icicle's firmware has no way out, as old ones of the VisionFive 2."""
    result = run("sys.poweroff(7)", machine="icicle", harts=4, mem="2G")
    equal(result.status, 1, "status")
    equal(last_line(result), "QUARRY-EXIT code=7", "last line")
    check("PANIC" not in result.out, "a panic")


def I4_3_a_refused_shutdown_leads_to_the_next_way():
    """sifive_u: shutdown is not supported, reboot is; and with shutdown
    alone the machine stays, silent, behind its last line."""
    for append in ("", "exit=srst"):
        result = run("sys.poweroff(7)", machine="sifive_u", harts=4,
                     mem="512M", append=append)
        equal(last_line(result), "QUARRY-EXIT code=7", "last line")
        equal(result.status, 1, "status")
