# SPDX-License-Identifier: MIT
"""A run of the benchmarks: boots, what they measured, and what is kept of it.

Theory of operation

1. A target, QEMU or a board, is booted with a list of items (boots.py); which
   one it is matters nowhere here but in how the plan is cut.
2. Exact mode: items are cut into batches by the harts they need, and each
   batch runs in two boots, the second in the opposite order. Facts that are
   not equal to the digit fail the item. Boots run side by side, as many as
   there are processors: instructions do not care.
3. Timed modes: one boot per round with all items in a random order from the
   seed, and the control `spin` among them; as many rounds as samples. Nothing
   runs beside it. When spin varied by more than 5 % the run is noisy.
4. What cannot be trusted is never a figure: a record that was damaged on its
   way, a figure that does not repeat, a benchmark that says it failed, each
   is a failed result with its reason. A board is asked once more.
5. The first boot that is lost ends the run. The file is written after each
   batch, so whatever ends the run, what was measured is there, marked as a
   part of it, and --resume goes on from it.
"""
import collections
import queue
import re
import statistics
import threading

from quarry.bench import boots, machine, plan, records, size

FAILED, LOST, USAGE = 3, 4, 2
NOISE = 0.05            # of `spin`, standard deviation to mean
UNITS_OF_TIME = ("ns", "cycle", "tick")
REPEATS = 2             # of an exact figure
NO_LAB = "make lab"      # in what lua/lib_lab.c says
BOOT_LUA = 'print(("BOOT\\t%d"):format(sys.info().boot_instructions))'
BOOT_LINE = re.compile(r"BOOT\t?\s*(\d{1,18})")
# The kernel's log: "[    0.000539] memory: 256 MiB in 1 bank, …".
PHASE = re.compile(r"\[ *(\d{1,6})\.(\d{6})\] ([a-z]{1,16}):.*")
PHASES = ("memory", "smp", "console")
STATUS_OF = {"usage": USAGE, "raised": FAILED, "lost": LOST, "panic": LOST,
             "hang": LOST}

Options = collections.namedtuple(
    "Options", "mode seed time_ms limit_s reps jobs kernel boot_kernel "
    "boot_map objdump probes")


class Ended(Exception):
    """The run is over before it was done: status, one line, last lines."""

    def __init__(self, status, text, tail=()):
        super().__init__(text)
        self.status = status
        self.tail = list(tail)


def machine_harts(items):
    """Of the machine that a whole run needs, and so of a part of it."""
    return max([plan.HARTS_MACHINE] + [item.harts for item in items])


def bad(item, why):
    return {"key": item.key, "id": item.id, "variant": item.variant,
            "params": dict(item.params, harts=item.harts),
            "status": "failed", "why": why, "metrics": {}}


def figure(value, per, unit, better):
    return {"unit": unit, "better": better,
            "samples": [value // per if value % per == 0 else value / per],
            "exact": {"value": value, "per": per}}


def whole(item, metrics):
    return {"key": item.key, "id": item.id, "variant": item.variant,
            "params": dict(item.params, harts=item.harts), "status": "ok",
            "metrics": metrics}


# ---- From several takes to one result ----

def shown(metric):
    exact = metric["exact"]
    return ("%d" % exact["value"] if exact["per"] == 1
            else "%d/%d" % (exact["value"], exact["per"]))


def differs(first, again):
    """A sentence about the first difference of two takes, or None."""
    if first["status"] != again["status"]:
        return "it was %s, then %s" % (first["status"], again["status"])
    names = list(first["metrics"]) + [
        name for name in again["metrics"] if name not in first["metrics"]]
    for name in names:
        one, two = first["metrics"].get(name), again["metrics"].get(name)
        if one is None or two is None:
            return "%s was measured once only" % name
        if one != two:
            return "%s does not repeat: %s, then %s" % (
                name, shown(one), shown(two))
    for name in ("ops", "hist", "per_hart", "series", "heat"):
        if first.get(name) != again.get(name):
            return "its %s does not repeat" % name
    return None


def confirmed(item, takes):
    """The result of an item that was measured twice."""
    for take in takes:
        if take["status"] == "failed":
            return take
    why = differs(*takes)
    return bad(item, why) if why else takes[0]


def add_hist(into, more):
    counts = {(low, high): n for low, high, n in into["buckets"]}
    for low, high, n in more["buckets"]:
        counts[low, high] = counts.get((low, high), 0) + n
    into["buckets"] = [[low, high, n]
                       for (low, high), n in sorted(counts.items())]


def pooled(takes):
    """The result of takes that vary: all samples of all rounds."""
    for take in takes:
        if take["status"] != "ok":
            return take
    result = dict(takes[0], metrics={})
    for name, metric in takes[0]["metrics"].items():
        samples = [sample for take in takes if name in take["metrics"]
                   for sample in take["metrics"][name]["samples"]]
        result["metrics"][name] = {
            "unit": metric["unit"], "better": metric["better"],
            "samples": samples}
    if "hist" in result:
        result["hist"] = {"unit": result["hist"]["unit"],
                          "buckets": list(result["hist"]["buckets"])}
        for take in takes[1:]:
            if take.get("hist", {}).get("unit") == result["hist"]["unit"]:
                add_hist(result["hist"], take["hist"])
    return result


def variation(result):
    """Standard deviation to mean of a result's time."""
    for metric in result["metrics"].values():
        samples = metric["samples"]
        if metric["unit"] in UNITS_OF_TIME and len(samples) > 1:
            mean = statistics.fmean(samples)
            return statistics.stdev(samples) / mean if mean else 0.0
    return 0.0


def phases(lines):
    """{"until_memory": metric, …} of the kernel's log."""
    out = {}
    for line in lines:
        match = PHASE.fullmatch(line.strip())
        if match and match.group(3) in PHASES:
            out.setdefault("until_" + match.group(3), figure(
                int(match.group(1) + match.group(2)), 1, "us", "lower"))
    return out


# ---- Boots side by side ----

class Crew:
    """Runs boots on some threads; what they say arrives in one queue, as
    ("tell", what, key), ("boot", tag, outcome) or ("broken", exception)."""

    def __init__(self, jobs):
        self.jobs = jobs
        self.waiting = collections.deque()
        self.said = queue.SimpleQueue()
        self.lock = threading.Lock()
        self.running = []
        self.threads = []

    def tell(self, what, key):
        self.said.put(("tell", what, key))

    def add(self, tag, boot):
        self.waiting.append((tag, boot))

    def start(self):
        for _ in range(min(self.jobs, len(self.waiting))):
            thread = threading.Thread(target=self.work, daemon=True)
            self.threads.append(thread)
            thread.start()

    def next(self):
        with self.lock:
            if not self.waiting:
                return None
            found = self.waiting.popleft()
            self.running.append(found[1])
            return found

    def work(self):
        while True:
            found = self.next()
            if not found:
                return
            tag, boot = found
            try:
                self.said.put(("boot", tag, boot.run()))
            except Exception as e:   # the main thread must hear of it
                self.said.put(("broken", e, None))
            with self.lock:
                self.running.remove(boot)

    def stop(self):
        """No further boots; those that run end now."""
        with self.lock:
            self.waiting.clear()
            for boot in self.running:
                boot.stop()
        for thread in self.threads:
            thread.join(3 * boots.GRACE_S)

    def late(self):
        """(tag, outcome) of boots that were stopped: what they had."""
        while not self.said.empty():
            kind, tag, outcome = self.said.get()
            if kind == "boot":
                yield tag, outcome


class Session:
    """Measures items; `results` and the facts of the machine are the yield.

    on_change() is called when something is worth saving, progress has
    start(key), done(key) and batch(text).
    """

    def __init__(self, target, items, options, progress, on_change):
        self.target, self.items, self.options = target, items, options
        self.progress, self.on_change = progress, on_change
        self.by_key = {item.key: item for item in items}
        self.results = {}       # key: result
        self.takes = {}         # key: results of rounds or repeats
        self.ready = None
        self.firmware = None
        self.damaged = 0
        self.noisy = False

    # ---- Common to all modes ----

    def boot(self, items, harts, crew):
        o = self.options
        return boots.suite(self.target, items, o.mode, o.seed, o.time_ms,
                           o.limit_s, harts, crew.tell)

    def follow(self, crew, count):
        """(tag, outcome) of so many boots, as they end. Whoever leaves the
        loop early stops the crew."""
        crew.start()
        while count:
            kind, one, two = crew.said.get()
            if kind == "broken":
                raise one
            if kind == "tell":
                if two in self.by_key:
                    (self.progress.start if one == "start"
                     else self.progress.done)(two)
                continue
            count -= 1
            self.note(two)
            yield one, two

    def note(self, outcome):
        """What every boot tells."""
        self.damaged += outcome.damaged
        if self.ready is None:
            self.ready = outcome.ready
        if self.firmware is None:
            self.firmware = machine.firmware(outcome.firmware_lines)

    def survive(self, outcome):
        """Ended, when the machine is no longer there."""
        if outcome.how != "ok":
            raise Ended(STATUS_OF[outcome.how], outcome.why, outcome.tail)

    def missing(self, item, outcome):
        """A failed take of an item whose boot ended well without it."""
        if item.key in outcome.malformed:
            return bad(item, "what it reported is not as agreed: "
                       + outcome.malformed[item.key])
        return bad(item, "its line was damaged" if outcome.damaged
                   else "no result came")

    def take(self, items, outcome):
        for item in items:
            result = outcome.results.get(item.key)
            if result is None and outcome.how == "ok":
                result = self.missing(item, outcome)
            if result is not None:
                self.takes.setdefault(item.key, []).append(result)

    # ---- Exact ----

    def exact(self):
        self.on_host()
        crew = Crew(self.options.jobs)
        batches = plan.batches([item for item in self.items
                                if item.key not in self.results])
        for number, batch in enumerate(batches):
            for repeat in range(REPEATS):
                crew.add(number, self.boot(self.order(batch, repeat),
                                           batch[0].harts, crew))
        left = [REPEATS] * len(batches)
        try:
            for number, outcome in self.follow(crew, sum(left)):
                self.take(batches[number], outcome)
                self.survive(outcome)
                left[number] -= 1
                if not left[number]:
                    self.settle(batches[number])
                    self.progress.batch("%d harts" % batches[number][0].harts)
                    self.on_change()
        finally:
            crew.stop()
            for number, outcome in crew.late():
                self.take(batches[number], outcome)
            for batch in batches:
                self.settle(batch)
        self.counted()

    def order(self, batch, repeat):
        """What a boot runs for a batch. A lab's figures depend on nothing
        before them, which is shown by turning the order round; what a probe
        finds of the frames depends on those before it: always all of them."""
        if plan.kind(batch[0]) in ("lab", "trace"):
            return batch[::-1] if repeat else batch
        every = [item for item in self.options.probes
                 if item.harts == batch[0].harts]
        return every if {i.key for i in batch} <= {
            i.key for i in every} else batch

    def counted(self):
        if self.ready is not None and self.ready.get("exact") is False:
            raise Ended(FAILED, "the machine does not count instructions "
                        "exactly")

    def settle(self, batch):
        """Results of items with both takes; of one, with a note."""
        for item in batch:
            takes = self.takes.get(item.key, [])
            if len(takes) >= REPEATS:
                self.results[item.key] = confirmed(item, takes[:REPEATS])
            elif takes and takes[0]["status"] != "failed":
                self.results[item.key] = dict(takes[0],
                                              notes=["unconfirmed"])

    def on_host(self):
        """What is not measured in the machine, or not by the lab."""
        boot_items = []
        for item in self.items:
            if item.key in self.results:
                continue
            if item.id == "system/size":
                self.host_item(item, self.sizes)
            elif item.id == "probe/disassembly":
                self.host_item(item, self.disassembly)
            elif item.id == "system/boot":
                boot_items.append(item)
        if boot_items:
            self.count_boots(boot_items)

    def host_item(self, item, measure):
        self.progress.start(item.key)
        try:
            self.results[item.key] = whole(item, measure())
        except (records.Unreadable, size.Unreadable) as e:
            self.results[item.key] = bad(item, str(e))
        except OSError as e:
            self.results[item.key] = bad(item, "%s: %s" % (
                e.filename, e.strerror))
        for _ in range(REPEATS):
            self.progress.done(item.key)

    def sizes(self):
        return size.metrics(self.options.boot_map)

    def disassembly(self):
        count = records.sensitive_count(self.options.kernel,
                                        self.options.objdump)
        return {"sensitive": figure(count, 1, "1", "lower")}

    def count_boots(self, items):
        """Instructions from the kernel's entry to its prompt, plain image."""
        crew = Crew(self.options.jobs)
        target = boots.Qemu(self.options.boot_kernel, "exact",
                            self.target.mem, self.target.runner)
        for item in items:
            self.progress.start(item.key)
            for _ in range(REPEATS):
                crew.add(item.key, boots.Boot(
                    target.command(item.harts, [BOOT_LUA], []), [],
                    self.options.limit_s))
        counts = {}
        try:
            for key, outcome in self.follow(crew, REPEATS * len(items)):
                counts.setdefault(key, []).append(self.boot_count(outcome))
                self.progress.done(key)
        finally:
            crew.stop()
        for item in items:
            self.results[item.key] = self.boot_result(item, counts)

    def boot_count(self, outcome):
        """Metrics of one boot: instructions to the prompt, and when phases
        had ended, in microseconds of 1,000 instructions (exact mode)."""
        for line in outcome.tail:
            match = BOOT_LINE.fullmatch(line)
            if match:
                return dict({"boot_instructions": figure(
                    int(match.group(1)), 1, "instr", "lower")},
                    **phases(outcome.firmware_lines))
        self.survive(outcome)
        raise Ended(LOST, "the boot did not say what it took", outcome.tail)

    def boot_result(self, item, counts):
        first, again = counts[item.key]
        why = differs(whole(item, first), whole(item, again))
        if why:
            return bad(item, why)
        metrics = dict(first)
        one = counts.get("system/boot,ours,harts=1")
        if item.harts > 1 and one:
            name = "boot_instructions"
            metrics["per_hart"] = figure(
                first[name]["exact"]["value"] - one[0][name]["exact"]["value"],
                item.harts - 1, "instr", "lower")
        return whole(item, metrics)

    # ---- Timed ----

    def timed(self, done=0):
        """Rounds `done` … reps; samples of earlier ones are in takes."""
        harts = machine_harts(self.items)
        rounds = range(done, self.options.reps)
        if not self.target.reboots:
            self.at_once(rounds, harts)
            rounds = ()
        for number in rounds:
            items = plan.shuffled(self.items, self.options.seed, number)
            self.round(items, harts)
            self.pool()
            self.progress.batch("round %d" % (number + 1))
            self.on_change()
        self.noisy = self.is_noisy()

    def round(self, items, harts):
        """One boot; on a board what is missing is asked for again, once."""
        outcome = self.one(items, harts)
        lost = [item for item in items if item.key not in outcome.results]
        if outcome.how == "ok" and lost and self.options.mode == "board":
            self.take([i for i in items if i not in lost], outcome)
            items, outcome = lost, self.one(lost, harts)
        self.take(items, outcome)
        if outcome.how != "ok":
            self.pool()
        self.survive(outcome)

    def at_once(self, rounds, harts):
        """All rounds in one boot, of a board that nobody can start again."""
        items = [item for number in rounds for item in
                 plan.shuffled(self.items, self.options.seed, number)]
        outcome = self.one(items, harts)
        for result in outcome.takes:
            self.takes.setdefault(result["key"], []).append(result)
        for item in self.items:
            if item.key not in self.takes and outcome.how == "ok":
                self.takes[item.key] = [self.missing(item, outcome)]
        self.pool()
        self.on_change()
        self.survive(outcome)

    def one(self, items, harts):
        crew = Crew(1)
        crew.add(0, self.boot(items, harts, crew))
        try:
            (_, outcome), = list(self.follow(crew, 1))
        finally:
            crew.stop()
        if outcome.how == "raised" and not outcome.takes and any(
                NO_LAB in line for line in outcome.tail):
            raise Ended(USAGE, "the machine runs an image without the lab; "
                        "load build/bench/quarry.bin, for example with "
                        "-- --load ymodem", outcome.tail)
        if outcome.ready is not None and outcome.ready.get("exact"):
            raise Ended(USAGE, "this machine counts instructions exactly; "
                        "measure it with --mode exact")
        return outcome

    def pool(self):
        cpus = machine.cpus()
        for item in self.items:
            takes = self.takes.get(item.key)
            if not takes:
                continue
            result = pooled(takes)
            if self.options.mode == "smp" and item.harts > cpus:
                result["notes"] = ["oversubscribed"]
            self.results[item.key] = result

    def is_noisy(self):
        return any(variation(result) > NOISE
                   for result in self.results.values()
                   if result["id"] == plan.SPIN and result["status"] == "ok")
