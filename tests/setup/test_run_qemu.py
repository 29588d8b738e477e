# SPDX-License-Identifier: MIT
"""scripts/run-qemu against emulators that misbehave: fakes on the PATH."""
import io
import os
import signal
import struct
import subprocess
import sys
import tarfile
import time

from lib import ROOT, check, contains, equal, folder, run_command, write

RUN = os.path.join(ROOT, "scripts", "run-qemu")
sys.path.insert(0, os.path.join(ROOT, "scripts"))
sys.dont_write_bytecode = True
from quarry import machines  # noqa: E402  (after the path is known)


def fake(body, *options, evals=("print(1)",), **keywords):
    """Run with a shell script in QEMU's place."""
    where = folder()
    path = write(os.path.join(where, "qemu-system-riscv64"),
                 "#!/bin/bash\n" + body + "\n")
    os.chmod(path, 0o755)
    kernel = write(os.path.join(where, "kernel"), b"\0")
    command = [RUN, "--kernel", kernel] + list(options)
    for text in evals:
        command += ["--eval", text]
    env = dict(os.environ, PATH=where + ":" + os.environ["PATH"])
    return run_command(command, env=env, **keywords)


def status_of(body, *options, **keywords):
    return fake(body, *options, **keywords).status


def test_exit_line_decides_not_the_emulator():
    equal(status_of("echo QUARRY-EXIT code=0; exit 7"), 0, "code 0")
    equal(status_of("echo QUARRY-EXIT code=5; exit 0"), 1, "code 5")
    equal(status_of("printf 'PANIC: x\\r\\nQUARRY-EXIT code=3\\r\\n'"), 3,
          "panic")
    equal(status_of("echo '[    0.1] error: boot: x'; "
                    "echo QUARRY-EXIT code=3"), 3, "boot stopped")
    equal(status_of("echo QUARRY-EXIT code=3"), 1, "code 3, but no panic")


def test_last_exit_line_counts():
    equal(status_of("echo QUARRY-EXIT code=0; echo more; "
                    "echo QUARRY-EXIT code=1"), 1, "later code")
    equal(status_of("echo QUARRY-EXIT code=0; echo more"), 4, "not last")
    equal(status_of("echo QUARRY-EXIT code=0; printf more"), 4, "not last")
    equal(status_of("echo 'x QUARRY-EXIT code=0'"), 4, "not a whole line")


def test_exit_line_of_a_script_that_then_hangs():
    equal(status_of("echo QUARRY-EXIT code=0; sleep 60", "--timeout", "2"), 4,
          "status")


def test_machine_that_cannot_switch_itself_off():
    result = fake("echo QUARRY-EXIT code=0; sleep 60", "--append",
                  "exit=spin", "--timeout", "30")
    equal(result.status, 0, "status")
    check(result.seconds < 15, "waited %.0f s" % result.seconds)


def test_emulator_that_never_prints():
    result = fake("trap '' TERM; sleep 60", "--timeout", "1")
    equal(result.status, 4, "status")
    equal(len(result.err.strip().splitlines()), 1, "lines of the message")
    check(result.seconds < 10, "took %.0f s" % result.seconds)


def test_emulator_dies():
    equal(status_of("kill -9 $$"), 4, "status")
    equal(status_of("exit 0"), 4, "status")


def test_garbage():
    equal(status_of("head -c 300000 /dev/urandom; echo; "
                    "echo QUARRY-EXIT code=0"), 0, "status")


def test_huge_line_and_huge_output():
    result = fake("head -c 30000000 /dev/zero | tr '\\0' x; echo; "
                  "yes | head -c 3000000; echo QUARRY-EXIT code=0")
    equal(result.status, 0, "status")
    check(len(result.out) > 33_000_000, "lost output")


def test_closed_standard_output():
    where = folder()
    path = write(os.path.join(where, "qemu-system-riscv64"),
                 "#!/bin/bash\nyes | head -c 3000000; "
                 "echo QUARRY-EXIT code=1\n")
    os.chmod(path, 0o755)
    process = subprocess.Popen(
        [RUN, "--kernel", path, "--eval", "1"], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(os.environ, PATH=where + ":" + os.environ["PATH"]))
    process.stdout.read(100)
    process.stdout.close()
    err = process.stderr.read().decode()
    process.stderr.close()
    equal(process.wait(30), 1, "status")
    check("Traceback" not in err, err)


def test_output_comes_as_it_is_made():
    where = folder()
    path = write(os.path.join(where, "qemu-system-riscv64"),
                 "#!/bin/bash\necho first; read -t 20 x <>%s/wait; "
                 "echo QUARRY-EXIT code=0\n" % where)
    os.chmod(path, 0o755)
    os.mkfifo(os.path.join(where, "wait"))
    process = subprocess.Popen(
        [RUN, "--kernel", path, "--eval", "1"], stdout=subprocess.PIPE,
        env=dict(os.environ, PATH=where + ":" + os.environ["PATH"]))
    equal(process.stdout.readline(), b"first\n", "first line")
    check(process.poll() is None, "ended early")
    with open(os.path.join(where, "wait"), "w", encoding="ascii") as f:
        f.write("go\n")
    process.stdout.close()
    equal(process.wait(30), 0, "status")


def test_nothing_survives_the_runner():
    where = folder()
    path = write(os.path.join(where, "qemu-system-riscv64"),
                 "#!/bin/bash\necho $$ >%s/pid; sleep 60\n" % where)
    os.chmod(path, 0o755)
    process = subprocess.Popen(
        [RUN, "--kernel", path, "--eval", "1"],
        env=dict(os.environ, PATH=where + ":" + os.environ["PATH"]))
    pid_file = os.path.join(where, "pid")
    deadline = time.monotonic() + 20
    while not (os.path.exists(pid_file) and os.path.getsize(pid_file)):
        check(time.monotonic() < deadline, "the emulator never started")
        time.sleep(0.02)
    with open(pid_file, encoding="ascii") as f:
        pid = int(f.read())
    process.send_signal(signal.SIGTERM)
    equal(process.wait(20), 4, "status")
    while os.path.exists("/proc/%d" % pid):
        with open("/proc/%d/stat" % pid, encoding="ascii") as f:
            if f.read().rsplit(")", 1)[1].split()[0] == "Z":
                break
        check(time.monotonic() < deadline, "the emulator is still there")
        time.sleep(0.02)


def test_usage():
    for options in (["--harts", "0"], ["--harts", "many"], ["--mem", "much"],
                    ["--mem", "0"], ["--machine", "pdp11"], ["--nonsense"],
                    ["--timeout", "-1"], ["--script", "/nowhere.lua"],
                    ["--initrd", "/nowhere"], ["--mode", "warp"],
                    ["--kernel", "/nowhere"]):
        equal(status_of("exit 0", *options), 2, " ".join(options))


def test_arguments_that_begin_with_a_dash():
    result = fake('echo "$@"; echo QUARRY-EXIT code=0', "--qemu-arg", "-d",
                  "--append", "-x=1", evals=["-- a comment"])
    equal(result.status, 0, "status")
    contains(result.out, "-x=1 batch=1")
    contains(result.out, " -d\n")


def initrd_seen(*options, evals):
    """What QEMU is given as -initrd."""
    out = os.path.join(folder(), "seen")
    result = fake('while [ "$1" != -initrd ]; do shift; done; '
                  'cat "$2" >%s; echo QUARRY-EXIT code=0' % out, *options,
                  evals=evals)
    equal(result.status, 0, "status")
    with open(out, "rb") as f:
        return f.read()


def names_in(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return [(m.name, tar.extractfile(m).read()) for m in tar]


def test_scripts_travel_in_order():
    script = write(os.path.join(folder(), "my script.lua"), "x = 1\n")
    data = initrd_seen("--eval", "a()", "--script", script, "--eval", "b()",
                       evals=[])
    equal(names_in(data), [("batch/01-eval.lua", b"a()"),
                           ("batch/02-my_script.lua", b"x = 1\n"),
                           ("batch/03-eval.lua", b"b()")], "archive")


def test_initrd_folder_and_archive_join_the_scripts():
    own = folder()
    write(os.path.join(own, "init.lua"), "init()\n")
    write(os.path.join(own, "sub", "data.txt"), "data")
    wanted = [("batch/01-eval.lua", b"a()"), ("init.lua", b"init()\n"),
              ("sub/data.txt", b"data")]
    equal(names_in(initrd_seen("--initrd", own, evals=["a()"])), wanted,
          "folder")
    archive = os.path.join(folder(), "own.tar")
    with tarfile.open(archive, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name in ("init.lua", "sub/data.txt"):
            tar.add(os.path.join(own, name), name)
    equal(names_in(initrd_seen("--initrd", archive, evals=["a()"])), wanted,
          "archive")


def test_many_scripts_keep_their_order():
    names = [n for n, _ in names_in(initrd_seen(
        evals=["x(%d)" % i for i in range(120)]))]
    equal(names, sorted(names), "names")
    equal(len(names), 120, "files")


def test_runs_from_anywhere_and_leaves_no_litter():
    where = folder()
    os.symlink(RUN, os.path.join(where, "rq"))
    env = {k: v for k, v in os.environ.items()
           if k != "PYTHONDONTWRITEBYTECODE"}
    done = run_command(["./rq", "--harts", "0", "--kernel", "/dev/null"],
                       cwd=where, env=env)
    equal(done.status, 2, "status")
    litter = os.path.join(ROOT, "scripts", "quarry", "__pycache__")
    check(not os.path.exists(litter), "%s is there" % litter)


def test_line_ends_of_the_machine_become_ours():
    """Firmware may add a CR to the kernel's; a CR alone is kept."""
    out = fake(r"printf 'a\r\nb\r\r\nc\rd\r'; sleep 0.1; printf '\n'; "
               "echo QUARRY-EXIT code=0").out
    equal(out.splitlines(True), ["a\n", "b\n", "c\r", "d\n",
                                 "QUARRY-EXIT code=0\n"])


def arguments(*options):
    """What QEMU would be started with."""
    return fake('printf "%s\\n" "$@"; echo QUARRY-EXIT code=0', *options,
                status=0).out.splitlines()


def I4_1_each_machine_is_started_as_it_wants():
    virt = arguments("--machine", "virt")
    check("-cpu" not in virt and "-semihosting-config" not in virt, virt)
    spike = arguments("--machine", "spike")
    equal(spike[spike.index("-cpu") + 1], "rv64,sstc=off")
    contains(" ".join(spike), "exit=semihost")
    equal(arguments("--machine", "spike", "--qemu-arg", "-cpu", "--qemu-arg",
                    "max").count("-cpu"), 1, "the user's choice counts")
    check("exit=semihost" not in " ".join(
        arguments("--machine", "spike", "--append", "exit=spin")))
    icicle = arguments("--machine", "icicle")
    check("-bios" not in icicle and "-dtb" in icicle, icicle)
    equal(icicle[icicle.index("-serial"):][:4],
          ["-serial", "null", "-serial", "stdio"])


def elf(*load_addresses):
    """An ELF file that is nothing but program headers."""
    head = b"\x7fELF\x02\x01" + bytes(26) + struct.pack(
        "<QQIHHHHHH", 64, 0, 0, 64, 56, len(load_addresses), 0, 0, 0)
    return head + b"".join(struct.pack("<IIQQQQQQ", kind, 5, 0, 0, at, 1, 1, 1)
                           for kind, at in load_addresses)


def I4_1_many_harts_find_the_kernel_2_MiB_higher():
    """Firmware for 128 harts outgrows the 2 MiB below the usual place."""
    plain = elf((1, 0x80200000), (6, 0x80200040), (1, 0x80300000))
    equal(machines.moved_up(plain), elf((1, 0x80400000), (6, 0x80200040),
                                        (1, 0x80500000)))
    for broken in (b"", b"\0" * 64, plain[:63], plain[:80],
                   plain[:54] + b"\1\0" + plain[56:],
                   plain[:56] + b"\xff\xff" + plain[58:],
                   plain[:32] + b"\xff" * 8 + plain[40:]):
        equal(machines.moved_up(broken), None, "a broken ELF file")
    where = folder()
    kernel = write(os.path.join(where, "k.elf"), plain)
    for harts, first in ((96, 0x80200000), (97, 0x80400000)):
        out = fake('while [ "$1" != -kernel ]; do shift; done; '
                   "od -An -tx8 -j88 -N8 $2; echo QUARRY-EXIT code=0",
                   "--harts", str(harts), "--kernel", kernel, status=0).out
        equal(int(out.split()[0], 16), first, "load address")


def test_log_on_a_full_disk_is_said_and_the_run_goes_on():
    result = fake("echo a; echo b; echo QUARRY-EXIT code=5", "--log",
                  "/dev/full", status=1)
    equal(result.out, "a\nb\nQUARRY-EXIT code=5\n")
    equal(result.err.count("the log ends here"), 1, "lines")
    equal(len(result.err.splitlines()), 1, "lines in all")
