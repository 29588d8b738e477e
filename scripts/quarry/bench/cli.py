# SPDX-License-Identifier: MIT
"""scripts/bench: its command line, and what each sub-command does.

Theory of operation

1. A sub-command imports what it needs when it runs: `--help` and a usage error
   take the time of Python alone.
2. Everything that can go wrong ends in `Ended` with one line and a status.
   Of several reasons the gravest counts: a run that was cut short, a benchmark
   that failed or a rival that is not fair, no baseline, a regression, noise.
3. The result file is written before, during and after a run, whole each time;
   while it is partial it says so.
"""
import argparse
import os
import re
import signal
import sys
import time

from quarry.options import ROOT

OK, REGRESSION, USAGE, FAILED, LOST, INCOMPARABLE, NOISY = range(7)
INTERRUPTED = 130
SEED = 1
TIMEOUT_S = 60.0
TIME_MS = 50
REPS, REPS_CAREFUL = 10, 30
COUNT_MAX = 1000
BUILD = os.path.join(ROOT, "build")
BASELINES = os.environ.get("QUARRY_BENCH_BASELINES") or os.path.join(
    ROOT, "bench", "baseline")
TARGET = re.compile(r"qemu|(serial|tcp):.+")
STATUSES = """
Exit status: 0 ok; 1 a regression; 2 usage; 3 a benchmark failed, does not
repeat, or a rival is not fair; 4 the target was lost, hung or panicked (its
last lines are shown); 5 no baseline to compare with; 6 noise: no verdict;
130 interrupted: what was measured is saved, --resume goes on."""


class Ended(Exception):
    """The end of a sub-command: status, one line, a machine's last lines."""

    def __init__(self, status, text, tail=()):
        super().__init__(text)
        self.status = status
        self.tail = list(tail)


def say(text):
    try:
        sys.stdout.flush()
        sys.stderr.write("bench: %s\n" % text)
        sys.stderr.flush()
    except (OSError, ValueError):
        pass


# ---- The command line ----

def count(text):
    if not re.fullmatch(r"\d{1,5}", text) or not 1 <= int(text) <= COUNT_MAX:
        raise argparse.ArgumentTypeError("%r: a whole number, 1 to %d" % (
            text, COUNT_MAX))
    return int(text)


def seconds(text):
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value <= 86400:
        raise argparse.ArgumentTypeError("%r: seconds, above 0" % text)
    return value


def hart_counts(text):
    if text == "max":
        return text
    if not re.fullmatch(r"\d{1,3}(,\d{1,3}){0,15}", text) or not all(
            1 <= int(n) <= 128 for n in text.split(",")):
        raise argparse.ArgumentTypeError("%r: for example 1,2,4 or max" % text)
    return sorted({int(n) for n in text.split(",")})


def names(text):
    if not re.fullmatch(r"[\w-]+(,[\w-]+)*", text):
        raise argparse.ArgumentTypeError("%r: names, commas between" % text)
    return text.split(",")


def globs(text):
    if not all(part.lstrip("!") for part in text.split(",")):
        raise argparse.ArgumentTypeError("%r: for example smp/*,!*/larson"
                                         % text)
    return text


def share(text):
    match = re.fullmatch(r"(\d{1,3}(?:\.\d{1,4})?) ?(%?)", text)
    if not match or float(match.group(1)) > 100:
        raise argparse.ArgumentTypeError("%r: for example 3%%" % text)
    value = float(match.group(1))
    return value / 100 if match.group(2) else value


def target(text):
    if not TARGET.fullmatch(text):
        raise argparse.ArgumentTypeError(
            "%r: qemu, serial:DEV[@BAUD] or tcp:HOST:PORT" % text)
    return text


def add_run(p):
    what = p.add_argument_group("what is measured")
    what.add_argument("--filter", type=globs, metavar="GLOB,!GLOB",
                      help="benchmarks, by id or key")
    what.add_argument("--variant", type=names, default=[], metavar="NAME,…",
                      help="on these allocators")
    what.add_argument("--harts", type=hart_counts, default=[], metavar="N,…",
                      help="on so many harts; a board: or max")
    what.add_argument("--trace", metavar="FILE",
                      help="trace/file, too: what scripts/trace-convert wrote")
    what.add_argument("--full", action="store_true", help="everything")
    what.add_argument("--resume", metavar="FILE",
                      help="the rest of an interrupted run")
    what.add_argument("--dry-run", action="store_true",
                      help="show the plan, measure nothing")
    how = p.add_argument_group("how")
    how.add_argument("--target", type=target, default="qemu",
                     metavar="qemu|serial:DEV[@BAUD]|tcp:HOST:PORT",
                     help="what follows -- goes to run-board")
    how.add_argument("--mode", choices=["exact", "smp", "board"],
                     help="exact: instructions (QEMU's default); smp: QEMU, "
                     "real time; board: a board's")
    how.add_argument("--reps", type=count, metavar="N",
                     help="rounds, where time counts (%d)" % REPS)
    how.add_argument("--careful", action="store_true",
                     help="%d rounds" % REPS_CAREFUL)
    how.add_argument("--time", type=count, default=TIME_MS, metavar="MS",
                     help="of one benchmark, where time counts (%(default)s)")
    how.add_argument("--seed", type=int, default=SEED, metavar="N",
                     help="of random numbers and orders (%(default)s)")
    how.add_argument("--timeout", type=seconds, default=TIMEOUT_S,
                     metavar="S", help="without a word, until the machine "
                     "counts as lost (%(default)g)")
    how.add_argument("--mem", default="256M", metavar="SIZE")
    how.add_argument("--jobs", type=count, metavar="N",
                     help="machines side by side, in exact mode (processors)")
    how.add_argument("--kernel", metavar="FILE",
                     default=os.path.join(BUILD, "bench", "quarry.elf"),
                     help="the image with the lab (make bench-image)")
    how.add_argument("--boot-kernel", metavar="FILE",
                     default=os.path.join(BUILD, "quarry.elf"),
                     help="the plain one: its boot and its size count")
    how.add_argument("--objdump", default="riscv64-unknown-elf-objdump")
    how.add_argument("--runner", help=argparse.SUPPRESS)
    then = p.add_argument_group("and then")
    then.add_argument("--baseline", metavar="FILE|NAME|none",
                      help="compare with that (default: the one in "
                      "bench/baseline for this compiler, QEMU and firmware)")
    then.add_argument("--threshold", type=share, metavar="P%",
                      help="smaller changes are none")
    then.add_argument("--fail-on", default="regression",
                      choices=["regression", "noise", "never"])
    then.add_argument("--history", metavar="DIR",
                      help="earlier results, for the report and for what "
                      "varies; a whole run is added")
    add_files(then)
    then.add_argument("--quiet", action="store_true", help="only the end")
    then.add_argument("--progress", default="auto",
                      choices=["auto", "bar", "plain", "none"])


def add_files(p):
    for name, what in (("json", "the result (build/bench….json)"),
                       ("junit", "JUnit XML"), ("ktap", "KTAP"),
                       ("md", "Markdown"), ("csv", "CSV"),
                       ("html", "the report")):
        p.add_argument("--" + name, metavar="F", help=what)


class Parser(argparse.ArgumentParser):
    """One that needs one line to say what it did not understand."""

    def error(self, message):
        say("%s (%s --help shows what there is)" % (message, self.prog))
        sys.exit(USAGE)


def parser():
    p = Parser(
        prog="scripts/bench", allow_abbrev=False, epilog=STATUSES,
        description="Measure the allocator, compare, report.",
        formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = p.add_subparsers(dest="command", required=True,
                                metavar="COMMAND")

    def command(name, text):
        return commands.add_parser(
            name, help=text, description=text, allow_abbrev=False,
            epilog=STATUSES,
            formatter_class=argparse.RawDescriptionHelpFormatter)

    add_run(command("run", "measure, compare with the baseline, write files"))
    one = command("compare", "compare results with the first of them")
    one.add_argument("before", metavar="A.json")
    one.add_argument("after", nargs="+", metavar="B.json")
    one.add_argument("--threshold", type=share, metavar="P%")
    one.add_argument("--fail-on", default="regression",
                     choices=["regression", "noise", "never"])
    one = command("report", "one HTML file of results")
    one.add_argument("results", nargs="+", metavar="RESULT.json")
    one.add_argument("--html", default=os.path.join(BUILD, "bench.html"),
                     metavar="F")
    one = command("list", "what can be measured, and the plan of a run")
    one.add_argument("--json", action="store_true")
    add_image(one)
    one = command("bless", "make a result the baseline of its kind")
    one.add_argument("result", metavar="RESULT.json")
    one.add_argument("--folder", default=BASELINES, metavar="DIR")
    one = command("readme", "renew the table of results in a document")
    one.add_argument("result", metavar="RESULT.json")
    one.add_argument("--file", default=os.path.join(ROOT, "README.md"),
                     metavar="F")
    one.add_argument("--check", action="store_true",
                     help="write nothing; status 1 when it is not up to date")
    add_image(command("doctor", "what is here, what is missing, what to do"))
    return p


def add_image(p):
    p.add_argument("--kernel", metavar="FILE",
                   default=os.path.join(BUILD, "bench", "quarry.elf"))
    p.add_argument("--timeout", type=seconds, default=TIMEOUT_S, metavar="S")
    p.add_argument("--runner", help=argparse.SUPPRESS)


# ---- Small sub-commands ----

def load(path):
    from quarry.bench import result
    try:
        return result.load(path)
    except result.Bad as e:
        raise Ended(USAGE, str(e)) from None


def cmd_compare(args):
    from quarry.bench import verdict
    before, worst = load(args.before), OK
    for path in args.after:
        try:
            found = verdict.compare(before, load(path), verdict.Options(
                os.path.basename(args.before), args.threshold))
        except verdict.NotComparable as e:
            raise Ended(INCOMPARABLE, "%s %s" % (path, e)) from None
        if len(args.after) > 1:
            print("%s:" % path)
        sys.stdout.write(verdict.table(found))
        worst = max(worst, verdict.status(found, args.fail_on))
    return worst


def cmd_report(args):
    """The kind of the newest first; of the others the newest of each."""
    from quarry.bench import page, summary
    results = sorted((load(path) for path in args.results), reverse=True,
                     key=lambda r: r["run"]["started"])
    kinds = []
    for data in results:
        for kind in kinds:
            if page.same_machine(kind[0], data):
                kind.append(data)
                break
        else:
            kinds.append([data])
    write_page(kinds[0], args.html, [kind[0] for kind in kinds[1:]])
    for kind in kinds:
        print("%s: %s" % (summary.machine(kind[0]), summary.last(kind[0])))
    print("report: %s" % args.html)
    return OK


def write_page(results, path, also=()):
    from quarry.bench import page
    try:
        for line in page.write(results, path, also=also) or ():
            say(line)
    except page.Failure as e:
        raise Ended(USAGE, str(e)) from None


def cmd_bless(args):
    from quarry.bench import baseline, result
    try:
        path, lines = baseline.bless(args.result, args.folder)
    except result.Bad as e:
        raise Ended(USAGE, str(e)) from None
    print("\n".join(lines))
    print("blessed: %s" % os.path.relpath(path))
    return OK


def cmd_readme(args):
    from quarry.bench import readme, result
    data = load(args.result)
    try:
        current = readme.update(args.file, data, args.check)
    except result.Bad as e:
        raise Ended(USAGE, str(e)) from None
    if args.check and not current:
        raise Ended(REGRESSION, "%s: its table is not that of %s" % (
            args.file, args.result))
    return OK


def cmd_list(args):
    from quarry.bench import listing
    listing.show(args, args.json)
    return OK


def cmd_doctor(args):
    from quarry.bench import doctor
    return doctor.run(args)


def cmd_run(args):
    from quarry.bench import runner
    return runner.run(args)


# ---- Entry ----

def stopped(number, _frame):
    raise KeyboardInterrupt(number)


def split(argv):
    """Ours, and what follows `--`."""
    if "--" in argv:
        at = argv.index("--")
        return argv[:at], argv[at + 1:]
    return argv, []


def check(p, args, more):
    """What argparse cannot see."""
    if args.command != "run":
        if more:
            p.error("what follows -- is for a board: scripts/bench run "
                    "--target serial:…")
        return
    args.more = more
    qemu = args.target == "qemu"
    args.mode = args.mode or ("exact" if qemu else "board")
    if qemu != (args.mode in ("exact", "smp")):
        p.error("--mode %s: --target %s has %s" % (
            args.mode, args.target, "exact and smp" if qemu else "board"))
    if args.trace and not qemu:
        p.error("--trace: a trace is measured on QEMU")
    if more and qemu:
        p.error("arguments after -- are for a board")
    if args.mode == "exact" and (args.reps or args.careful):
        p.error("--reps, --careful: exact figures are taken twice, always")
    if args.reps and args.careful:
        p.error("--careful is --reps %d" % REPS_CAREFUL)
    if args.harts == "max" and qemu:
        p.error("--harts max: QEMU has as many as you say")
    if not 0 <= args.seed < 1 << 63:
        p.error("--seed %d: 0 to 2^63 - 1" % args.seed)
    if args.resume and (args.filter or args.variant or args.harts
                        or args.full):
        p.error("--resume has the plan of its file: no --filter, --variant, "
                "--harts, --full")
    args.reps = args.reps or (REPS_CAREFUL if args.careful else REPS)


def main(argv):
    own, more = split(argv)
    p = parser()
    args = p.parse_args(own)
    check(p, args, more)
    signal.signal(signal.SIGTERM, stopped)
    signal.signal(signal.SIGHUP, stopped)
    args.argv, args.begin = argv, time.monotonic()
    try:
        return globals()["cmd_" + args.command](args)
    except Ended as e:
        for line in e.tail:
            say("| " + line)
        say(e)
        return e.status
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return OK
    except OSError as e:
        say("%s: %s" % (e.filename or "cannot run", e.strerror or e))
        return USAGE
