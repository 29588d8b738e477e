# SPDX-License-Identifier: MIT
"""scripts/bench run: from options to a file, a table and a status.

The order is: what can be measured, what shall be, measure, keep, compare,
print. Session (session.py) measures; here is what stands around it.
"""
import os
import shutil
import signal
import sys
import time

from quarry import options
from quarry.bench import boots, cli, history, listing, machine, plan, \
    progress, records, result, session, summary, trace
from quarry.bench.cli import Ended, say

PARTIAL_WHY = "it was still running when this was written"
ICOUNT = ["-icount", "shift=0,sleep=off"]
FORMATS = ("junit", "ktap", "md", "csv")


def make_target(args):
    if args.target == "qemu":
        return boots.Qemu(args.kernel, args.mode, args.mem,
                          args.runner or boots.RUN_QEMU)
    more = list(args.more)
    if "--load" in more and "--kernel" not in more:
        more += ["--kernel", os.path.splitext(args.kernel)[0] + ".bin"]
    return boots.Board(args.target, more, args.runner or boots.RUN_BOARD)


def check_place(path):
    """Ended, when a file could not be written at the end of a long run."""
    where = os.path.dirname(os.path.abspath(path))
    os.makedirs(where, exist_ok=True)
    if not os.access(where, os.W_OK):
        raise Ended(cli.USAGE, "%s: cannot be written" % path)


def check_tools(args):
    if args.target != "qemu":
        return
    options.size_bytes(args.mem)
    if not args.runner and not shutil.which(machine.QEMU):
        raise Ended(cli.USAGE, "no %s on this machine; `make setup-run` "
                    "installs it" % machine.QEMU)


def trace_name(args):
    try:
        return trace.name(args.trace) if args.trace else None
    except trace.Wrong as e:
        raise Ended(cli.USAGE, str(e)) from None


class Run:
    """One run: its plan, what it had before, where it goes."""

    def __init__(self, args):
        self.args = args
        self.prior = self.load_prior()
        self.target = make_target(args)
        self.started = machine.now()
        self.trace = trace_name(args)
        self.found = self.catalogue()
        self.items = self.plan()
        self.limited = bool(args.filter or args.variant or args.harts
                            or args.full or args.trace) or self.was_limited()
        self.path = args.json or args.resume or self.default_path()
        self.code = machine.code(args.kernel if args.target == "qemu"
                                 else self.board_kernel())
        self.session = None
        self.history = []       # earlier results, oldest first
        self.id = machine.run_id(self.started)

    # ---- Before ----

    def load_prior(self):
        args = self.args
        if not args.resume:
            return None
        prior = cli.load(args.resume)
        if prior["run"]["status"] != "partial":
            raise Ended(cli.USAGE, "%s is complete: nothing to resume"
                        % args.resume)
        if prior["target"]["mode"] != args.mode:
            raise Ended(cli.USAGE, "%s is of mode %s: say --mode %s" % (
                args.resume, prior["target"]["mode"],
                prior["target"]["mode"]))
        args.seed = prior["run"]["seed"]
        kept = prior["run"].get("options")
        kept = kept if isinstance(kept, dict) else {}
        for name in ("reps", "time"):
            if isinstance(kept.get(name), int) and 0 < kept[name] <= 1000:
                setattr(args, name, kept[name])
        return prior

    def was_limited(self):
        kept = (self.prior or {"run": {}})["run"].get("options")
        return isinstance(kept, dict) and bool(kept.get("limited"))

    def board_kernel(self):
        """The image that goes to a board, when it is we who send it."""
        more = self.target.more
        if "--load" not in more:
            return None
        path = more[more.index("--kernel") + 1]
        return path if os.path.isfile(path) else None

    def catalogue(self):
        args = self.args
        if self.target.reboots and args.target != "qemu":
            found = listing.ask(self.target, args.timeout)[0]
        else:
            # A board's one boot is for measuring.
            found = listing.of_image(args.kernel, args.runner, args.timeout)
        if args.mode != "exact" and not found.lab:
            raise Ended(cli.USAGE, listing.NO_LAB)
        asked = args.mode == "board" and self.target.reboots
        if args.harts == "max" and not asked:
            raise Ended(cli.USAGE, "--harts max: the board can be asked only "
                        "where it can be started again: -- --reset-cmd CMD")
        if args.harts == "max":
            args.harts = [found.harts]
        if asked and args.harts and max(args.harts) > found.harts:
            raise Ended(cli.USAGE, "--harts %d: the machine has %d" % (
                max(args.harts), found.harts))
        return found

    def plan(self):
        """The items of the whole run."""
        args = self.args
        try:
            if self.prior:
                items = [plan.read_key(key)
                         for key in self.prior["run"]["plan"]]
                self.check_trace(items)
                return items
            policy = ("full" if args.full else "quick") \
                if args.mode == "exact" else "timed"
            items = plan.make(self.found, policy, args.mode, args.harts,
                              args.variant, args.filter, self.trace)
            if args.mode == "board" and self.target.reboots:
                items = [i for i in items if i.harts <= self.found.harts]
            if args.mode != "exact":
                items = plan.with_spin(self.found, items)
            return items
        except plan.Wrong as e:
            raise Ended(cli.USAGE, str(e)) from None

    def check_trace(self, items):
        """Ended, when what goes on needs another trace than is given."""
        for item in items:
            if item.id == plan.TRACE and item.params["file"] != self.trace:
                raise Ended(cli.USAGE, "%s measured the trace %s: say --trace "
                            "FILE" % (self.args.resume, item.params["file"]))

    def default_path(self):
        name = "bench" + {"exact": "", "smp": "-smp",
                          "board": "-board"}[self.args.mode]
        return os.path.join(cli.BUILD, name + (
            "-some" if self.limited else "") + ".json")

    # ---- What is left of an earlier run ----

    def good(self):
        """{key: result} of the earlier run that need not be taken again."""
        if not self.prior:
            return {}
        return {r["key"]: r for r in self.prior["results"]
                if r["status"] != "failed"
                and "unconfirmed" not in r.get("notes", [])}

    def left(self):
        good = self.good()
        if self.args.mode == "exact":
            return [item for item in self.items if item.key not in good]
        return self.items

    def rounds_done(self):
        """Rounds of which every item of a timed run has a sample."""
        good = self.good()
        if any(item.key not in good for item in self.items):
            return 0
        counts = [len(metric["samples"]) for r in good.values()
                  for metric in r["metrics"].values()]
        return min(counts or [0])

    # ---- The file ----

    def target_facts(self):
        args, ready = self.args, self.session.ready or {}
        qemu = args.target == "qemu"
        facts = {
            "kind": "qemu" if qemu else "board", "mode": args.mode,
            "machine": "virt" if qemu else str(ready.get("model", "unknown")),
            "emulator": machine.emulator() if qemu else None,
            "firmware": self.session.firmware or text(ready.get("firmware")),
            "args": ICOUNT if args.mode == "exact" else [],
            "harts": (session.machine_harts(self.items) if qemu
                      else number(ready.get("harts")) or 1),
            "isa": text(ready.get("isa")),
            "timebase_hz": number(ready.get("timebase_hz")),
            "mem_bytes": (options.size_bytes(args.mem) if qemu
                          else number(ready.get("ram_bytes"))),
            "cache_line": number(ready.get("cache_line")),
            "line": None if qemu else args.target}
        if self.prior:
            for name, known in self.prior["target"].items():
                if facts.get(name) is None:
                    facts[name] = known
        return facts

    def results(self):
        """In the order of the plan."""
        taken = self.session.results
        usual = {b["id"]: plan.defaults(b) for b in self.found.benches}
        # Copies: derived figures and usual parameters are added to them.
        out = [dict(r, metrics=dict(r["metrics"]), params=dict(
            usual.get(r["id"], {}), **r["params"]))
            for r in (taken[item.key] for item in self.items
                      if item.key in taken)]
        if self.args.mode != "exact":
            out = [with_statistics(r) for r in out]
        return out

    def data(self, why=None):
        """The result of the schema; `why` it is partial, or None."""
        args, s = self.args, self.session
        run = {"id": self.id,
               "started": self.started.strftime("%Y-%m-%dT%H:%M:%SZ"),
               "duration_s": round(time.monotonic() - args.begin, 1),
               "command": ["scripts/bench"] + args.argv, "seed": args.seed,
               "status": "ok", "noisy": s.noisy,
               "plan": [item.key for item in self.items],
               "options": {"reps": args.reps, "time": args.time,
                           "limited": self.limited}}
        data = {"schema": "quarry-bench/1", "run": run, "code": self.code,
                "target": self.target_facts(), "host": machine.host(),
                "results": self.results()}
        if self.prior:
            data = self.merged(data)
        have = {r["key"] for r in data["results"]
                if "unconfirmed" not in r.get("notes", [])}
        missing = [key for key in run["plan"] if key not in have]
        data["run"]["status"] = "partial" if missing or why else "ok"
        data["run"].pop("why", None)
        if data["run"]["status"] == "partial":
            data["run"]["why"] = why or "%d results were not taken" % len(
                missing)
        records.add_derived(data["results"])
        return data

    def merged(self, data):
        try:
            return result.merge(self.prior, data)
        except result.Bad as e:
            raise Ended(cli.USAGE, "%s: %s" % (self.args.resume, e)) from None

    def save(self, why=PARTIAL_WHY):
        data = self.data(why)
        result.write(self.path, data)
        return data

    # ---- Measuring ----

    def make_session(self, items, on_change, tell):
        args = self.args
        return session.Session(
            self.target, items, session.Options(
                args.mode, args.seed, args.time, args.timeout, args.reps,
                args.jobs or machine.cpus(), args.kernel, args.boot_kernel,
                os.path.splitext(args.boot_kernel)[0] + ".map",
                args.objdump, plan.probe_items(self.found)), tell,
            on_change)

    def measure(self):
        """Data of the run, complete; Ended or KeyboardInterrupt, saved."""
        args, left = self.args, self.left()
        done = 0
        if args.mode != "exact" and self.prior:
            done = self.rounds_done()
        each = session.REPEATS if args.mode == "exact" else args.reps - done
        tell = progress.make(args.progress, each * len(left), args.quiet)
        self.session = self.make_session(left, self.save, tell)
        if done:
            self.session.takes = {key: [r] for key, r in self.good().items()}
        try:
            if args.mode == "exact":
                self.session.exact()
            else:
                self.session.timed(done)
        except session.Ended as e:
            tell.close()
            raise self.cut_short(e.status, str(e), e.tail) from None
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            tell.close()
            raise self.cut_short(cli.INTERRUPTED, "interrupted", ()) from None
        finally:
            tell.close()
        return self.save(None)

    def cut_short(self, status, why, tail):
        """What to raise when a run ended early; what there is is saved."""
        data = self.save(why)
        if status == cli.USAGE and not data["results"]:
            return Ended(status, why, tail)
        return Ended(status, "%s; %d of %d results are in %s; go on with: "
                     "scripts/bench run%s --resume %s" % (
                         why, len(data["results"]), len(self.items),
                         self.path, self.how(), self.path), tail)

    def how(self):
        """The options a resumed run needs again."""
        args, words = self.args, []
        if args.target != "qemu":
            words += ["--target", args.target]
        elif args.mode != "exact":
            words += ["--mode", args.mode]
        if args.mem != "256M":
            words += ["--mem", args.mem]
        if args.trace:
            words += ["--trace", args.trace]
        return "".join(" " + word for word in words)

    def measure_again(self, keys):
        """Data of those results, taken once more."""
        first = self.session
        items = [item for item in self.items if item.key in set(keys)]
        tell = progress.make(self.args.progress, self.args.reps * len(items),
                             self.args.quiet)
        self.session = self.make_session(items, lambda: None, tell)
        prior, self.prior = self.prior, None
        try:
            self.session.timed()
            return self.data()
        except session.Ended:
            return None
        finally:
            tell.close()
            self.session, self.prior = first, prior


def text(value):
    return value if isinstance(value, str) and value != "nil" else None


def number(value):
    return value if isinstance(value, int) and value >= 0 else None


def with_statistics(entry):
    from quarry.bench import stats
    metrics = {name: dict(metric, **stats.summarise(metric["samples"]))
               for name, metric in entry["metrics"].items()}
    return dict(entry, metrics=metrics)


# ---- The comparison ----

def find_baseline(args, data, limited):
    """(name, data) or None: there is none, and it need not be. Ended: there
    must be one."""
    from quarry.bench import baseline
    if args.baseline == "none":
        return None
    if args.baseline:
        path = args.baseline
        if not os.path.isfile(path):
            path = os.path.join(cli.BASELINES, args.baseline + ".json")
        if not os.path.isfile(path):
            raise Ended(cli.USAGE, "--baseline %s: no such file, and no such "
                        "name in %s" % (args.baseline, os.path.relpath(
                            cli.BASELINES)))
        return os.path.basename(path), cli.load(path)
    found = baseline.find(data, cli.BASELINES)
    if found.path:
        try:
            return os.path.basename(found.path), baseline.read(found.path)
        except result.Bad as e:
            raise Ended(cli.USAGE, str(e)) from None
    if data["target"]["mode"] != "exact" or limited:
        return None
    raise Ended(cli.INCOMPARABLE, "no baseline for %s; to make this run one: "
                "scripts/bench bless %s" % (found.key, os.path.relpath(
                    args.json_path)), found.near)


def compare(run, data):
    """Put the comparison into the data; Ended when there must be one."""
    from quarry.bench import verdict
    args = run.args
    found = find_baseline(args, data, run.limited)
    if not found:
        return
    name, before = found

    def against(rerun=None):
        return verdict.compare(before, data, verdict.Options(
            name, args.threshold, run.history, rerun, run.limited))

    try:
        comparison = against()
        suspects = verdict.suspects(comparison)
        if suspects:
            say("%d results look different: measured once more" % len(
                suspects))
            again = run.measure_again(suspects)
            comparison = against(again) if again else comparison
    except verdict.NotComparable as e:
        raise Ended(cli.INCOMPARABLE, "%s; to make this run a baseline: "
                    "scripts/bench bless %s" % (e, os.path.relpath(
                        args.json_path))) from None
    data["comparison"] = comparison


# ---- What is printed and written ----

def show(data):
    if data["target"]["mode"] == "exact":
        records.table(data["results"])
        lines = summary.comparators(data["results"])
    else:
        lines = summary.timed(data["results"])
    lines += [""] * bool(lines) + summary.failures(data["results"])
    print("\n".join([""] + lines + [summary.machine(data)]))


def write_files(args, data, earlier):
    """Whatever else was asked for; paths that were written."""
    from quarry.bench import formats
    out = []
    makers = {"junit": formats.junit, "ktap": formats.ktap,
              "csv": formats.csv, "md": formats.markdown}
    for name in FORMATS:
        path = getattr(args, name)
        if path:
            result.replace(path, makers[name](data))
            out.append(path)
    if args.html:
        cli.write_page([data] + earlier, args.html)
        out.append(args.html)
    return out


def fair(args, data, whole):
    """Sentences about results that make the run fail."""
    failed = [r["key"] for r in data["results"] if r["status"] == "failed"]
    out = []
    if failed:
        out.append("%d benchmark%s failed: %s%s" % (
            len(failed), "" if len(failed) == 1 else "s",
            ", ".join(failed[:3]), ", …" if len(failed) > 3 else ""))
    if args.mode == "exact":
        out += records.unfair(data["results"], needed=whole)
    return out


def status_of(args, data):
    from quarry.bench import verdict
    if data["run"]["noisy"] and args.fail_on != "never":
        raise Ended(cli.NOISY, "the machine is too noisy: the control %s "
                    "varied by more than %d %%; nothing can be said" % (
                        plan.SPIN, 100 * session.NOISE))
    if not data.get("comparison"):
        return cli.OK
    status = verdict.status(data["comparison"], args.fail_on)
    if status == cli.REGRESSION:
        worse = {row["key"]: row for row in data["comparison"]["rows"]
                 if row["verdict"] == "regression"}
        raise Ended(status, "%d regression%s: %s" % (
            len(worse), "" if len(worse) == 1 else "s", ", ".join(
                "%s %s" % (row["key"], row["metric"])
                for row in list(worse.values())[:3])
            + (", …" if len(worse) > 3 else "")))
    if status == cli.NOISY:
        raise Ended(status, "inconclusive: " + verdict.summary(
            data["comparison"]))
    return status


def finish(run, data):
    """Compare, write, print; the status, or Ended with the first reason."""
    from quarry.bench import verdict
    args, missing = run.args, None
    args.json_path = run.path
    if args.history:
        run.history, said = history.load(args.history, data)
        for line in said:
            say(line)
    try:
        compare(run, data)
    except Ended as e:
        missing = e
    data["run"]["duration_s"] = round(
        (run.prior or {"run": {"duration_s": 0}})["run"]["duration_s"]
        + time.monotonic() - args.begin, 1)
    result.write(run.path, data)
    files = [run.path] + write_files(args, data, run.history)
    if args.history and not run.limited and history.fits(data):
        history.keep(args.history, data)
    if not args.quiet:
        show(data)
        if data.get("comparison"):
            sys.stdout.write("\n" + verdict.table(data["comparison"]) + "\n")
    if run.session.damaged:
        say("%d lines were damaged on their way and left out"
            % run.session.damaged)
    print(summary.last(data))
    print("in " + ", ".join(os.path.relpath(path) for path in files))
    whole = args.mode == "exact" and not run.limited
    reasons = fair(args, data, whole)
    if reasons:
        for text_ in reasons[:-1]:
            say(text_)
        raise Ended(cli.FAILED, reasons[-1])
    if missing:
        raise missing
    return status_of(args, data)


def dry_run(run):
    for item in run.items:
        print(item.key)
    print("%d results" % len(run.items))
    return cli.OK


def run(args):
    check_tools(args)
    this = Run(args)
    if args.dry_run:
        return dry_run(this)
    for path in [this.path] + [getattr(args, name) for name in
                               FORMATS + ("html",)]:
        if path:
            check_place(path)
    if not args.trace:
        return finish(this, this.measure())
    with trace.folder(args.trace) as this.target.trace:
        return finish(this, this.measure())
