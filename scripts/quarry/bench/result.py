# SPDX-License-Identifier: MIT
"""A result of the benchmarks as a file: read, checked, written, merged.

Theory of operation

1. A file is foreign, also one that we wrote: somebody may have cut, merged or
   edited it. `load` returns data that may be used without further checks, or
   raises Bad with one line. What it promises beyond the schema is in
   `_result_problems`: keys say what their results say, each is there once.
2. One result has one text. Members stand in the order of the schema, those it
   does not know after them; floats in their shortest form; a metric is a line.
   So `git diff` of two baselines shows the figures that changed, and
   write(load(file)) is the file, byte for byte, when `write` made it.
3. A file is replaced, never written into: who reads while we write, or looks
   after we were killed, finds the old one or the new one.
"""
import copy
import fractions
import itertools
import json
import math
import os
import re
import stat
import statistics
import tempfile

from quarry.bench.schema import PROBLEMS_MAX, Schema, shown

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.realpath(__file__)))))
SCHEMA = os.path.join(ROOT, "bench", "schema", "quarry-bench-1.json")

BYTES_MAX = 32 << 20        # a full run is below 1 MiB
DEPTH_MAX = 32              # the schema needs 7
INTEGER_MAX = 1 << 64       # counters of the image are of 64 bits
FLOAT_MAX = 1e100           # whose products are finite, too
METRIC = re.compile(r"\w[\w.:+/-]{0,63}", re.ASCII)
PARAM = re.compile(r"[a-z][a-z0-9_]{0,30}")
PARAM_VALUE = re.compile(r"[\w./:+-]{1,64}", re.ASCII)
# What two runs must share to be one: where they are looked up.
ONE_RUN = (("code", "image_sha256"), ("target", "kind"), ("target", "mode"),
           ("target", "machine"), ("target", "harts"),
           ("target", "mem_bytes"), ("target", "emulator"),
           ("target", "firmware"), ("run", "seed"))
# Members that stand on a line of their own, by path; "*" is any.
LINES = {(), ("run",), ("run", "plan"), ("code",), ("target",), ("host",),
         ("results",), ("results", "*"), ("results", "*", "metrics"),
         ("comparison",), ("comparison", "rows")}

_cache = []


class Bad(Exception):
    """A file or a result that cannot be used: one line that says why."""


def schema():
    """The schema of our results."""
    if not _cache:
        with open(SCHEMA, encoding="utf-8") as f:
            _cache.append(Schema(json.load(f)))
    return _cache[0]


def plain(text, width=200):
    """Foreign text as one line without control characters."""
    text = "".join(c if c.isprintable() else " " for c in str(text))
    text = " ".join(text.split())
    return text if len(text) <= width else text[:width - 1] + "…"


def value(metric):
    """The figure of a metric: a Fraction when exact, else the median."""
    if "exact" in metric:
        return fractions.Fraction(metric["exact"]["value"],
                                  metric["exact"]["per"])
    return statistics.median(metric["samples"])


def key(name, variant, params, named):
    """The key of a result; `named`: parameters that are not the default."""
    return ",".join([name, variant, "harts=%d" % params["harts"]]
                    + ["%s=%s" % (p, params[p]) for p in named])


# Checks

def _key_problem(entry):
    fields = entry["key"].split(",")
    names = [field.partition("=")[0] for field in fields[3:]]
    params = entry["params"]
    if len(set(names)) != len(names) or "harts" in names \
            or not set(names) <= set(params):
        return "names a parameter that params has not"
    if key(entry["id"], entry["variant"], params, names) != entry["key"]:
        return "does not match its id, variant and params"
    return None


def _metric_problem(metric):
    samples = metric["samples"]
    if "exact" in metric:
        figure = metric["exact"]["value"] / metric["exact"]["per"]
        # A whole one may stand there in full, beyond what a float holds.
        if len(samples) != 1 or samples[0] not in (figure, value(metric)):
            return "samples are not [%r], its exact value" % figure
    if "median" in metric and not math.isclose(
            metric["median"], statistics.median(samples), rel_tol=1e-6,
            abs_tol=1e-9):
        return "median is not that of its samples"
    return None


def _params_problem(params):
    for name, param in params.items():
        if not PARAM.fullmatch(name):
            return "has a parameter with the name %s" % shown(name)
        if isinstance(param, str) and not PARAM_VALUE.fullmatch(param):
            return "parameter %s is %s" % (name, shown(param))
    return None


def _buckets_problem(buckets):
    last = -1
    for least, most, _ in buckets:
        if not last < least <= most:
            return "hist.buckets do not ascend"
        last = most
    return None


def _result_problems(entry):
    """What the schema cannot say about one result."""
    problem = _params_problem(entry["params"])
    if problem:
        yield problem
        return
    problem = _key_problem(entry)
    if problem:
        yield problem
    if entry["status"] == "ok" and not entry["metrics"]:
        yield "is ok, but has no metrics"
    if entry["status"] != "ok" and not entry.get("why"):
        yield "is %s, but does not say why" % entry["status"]
    for name, metric in entry["metrics"].items():
        if not METRIC.fullmatch(name):
            yield "has a metric with the name %s" % shown(name)
        problem = _metric_problem(metric)
        if problem:
            yield "%s: %s" % (name, problem)
    if "hist" in entry:
        problem = _buckets_problem(entry["hist"]["buckets"])
        if problem:
            yield problem


def _run_problems(data):
    keys = set()
    for i, entry in enumerate(data["results"]):
        if entry["key"] in keys:
            yield "results[%d]: %s is there twice" % (i, shown(entry["key"]))
        keys.add(entry["key"])
        for text in _result_problems(entry):
            yield "results[%d] %s: %s" % (i, shown(entry["key"]), text)
    plan = data["run"]["plan"]
    if len(set(plan)) != len(plan):
        yield "run.plan names a result twice"
    missing = [name for name in plan if name not in keys]
    if missing and data["run"]["status"] == "ok":
        yield "run.status is ok, but %d planned results are missing, %s " \
            "first" % (len(missing), shown(missing[0]))


def validate(data):
    """What is wrong with a result, one line each; [] when nothing is."""
    problems = schema().problems(data)
    return problems or list(itertools.islice(_run_problems(data),
                                             PROBLEMS_MAX))


# Reading

def _pairs(pairs):
    got = dict(pairs)
    if len(got) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(n for n in names if names.count(n) > 1)
        raise ValueError("%s is there twice in one object" % shown(twice))
    return got


def _integer(text):
    if len(text) > 21 or abs(int(text)) >= INTEGER_MAX:
        raise ValueError("the number %s is too large" % shown(text))
    return int(text)


def _float(text):
    number = float(text)
    if not abs(number) < FLOAT_MAX:
        raise ValueError("the number %s is too large" % shown(text))
    return number


def _constant(text):
    raise ValueError("%s is no number" % text)


def _texts_and_depth(data):
    """Texts that no file can hold and nesting without end, not by recursion:
    what is deep enough to end the one ends the other."""
    level, depth = [data], 0
    while level:
        depth += 1
        if depth > DEPTH_MAX:
            raise ValueError("nested deeper than %d" % DEPTH_MAX)
        below = []
        for part in level:
            if isinstance(part, dict):
                below += part
                below += part.values()
            elif isinstance(part, list):
                below += part
            elif isinstance(part, str):
                part.encode()
        level = below


def parse(text):
    """Data of a JSON text; ValueError with one line when it is none."""
    try:
        data = json.loads(text, object_pairs_hook=_pairs, parse_int=_integer,
                          parse_float=_float, parse_constant=_constant)
        _texts_and_depth(data)
    except RecursionError:
        raise ValueError("nested deeper than %d" % DEPTH_MAX) from None
    except UnicodeError:
        raise ValueError("half of a surrogate pair") from None
    except json.JSONDecodeError as error:
        if not text.strip():
            raise ValueError("empty") from None
        end = error.pos >= len(text.rstrip())
        raise ValueError("%s at line %d, column %d" % (
            "truncated JSON" if end or "Unterminated" in error.msg
            else "not JSON", error.lineno, error.colno)) from None
    return data


def _read(path):
    with open(path, "rb") as f:
        raw = f.read(BYTES_MAX + 1)
    if len(raw) > BYTES_MAX:
        raise ValueError("larger than %d MiB: not a result" % (
            BYTES_MAX >> 20))
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise ValueError("not a text in UTF-8") from None


def load(path):
    """The result in a file, checked; Bad when there is none."""
    try:
        data = parse(_read(path))
        if isinstance(data, dict) and data.get("schema") != "quarry-bench/1":
            raise ValueError("schema is %s, not 'quarry-bench/1'"
                             % shown(data.get("schema")))
        problems = validate(data)
    except OSError as error:
        raise Bad("%s: %s" % (plain(path), error.strerror or error)) from None
    except ValueError as error:
        raise Bad("%s: %s" % (plain(path), plain(error))) from None
    if problems:
        more = len(problems) - 1
        raise Bad("%s: %s%s" % (
            plain(path), plain(problems[0]),
            " (and %d more)" % more if more else ""))
    return data


# Writing

def _order(data, part):
    """(name, value) in the order of the file."""
    known = part.get("properties", {})
    names = [name for name in known if name in data]
    rest = [name for name in data if name not in known]
    # Names that are free, like those of metrics, keep the order they have.
    return names + (rest if "additionalProperties" in part else sorted(rest))


def _ordered(data, part):
    """The same with every member in its place."""
    rules = schema()
    if isinstance(data, dict):
        return {name: _ordered(data[name], rules.part(part, name))
                for name in _order(data, part)}
    if isinstance(data, list):
        inner = rules.part(part, None)
        return [_ordered(item, inner) for item in data] if inner else data
    return data


def _lines(data, path):
    """The text of a member, indented as its path is long."""
    if path not in LINES or not data:
        return json.dumps(data, ensure_ascii=False, allow_nan=False)
    pad = "\n" + " " * (len(path) + 1)
    if isinstance(data, dict):
        inner = ["%s: %s" % (json.dumps(name, ensure_ascii=False),
                             _lines(item, _below(path, name)))
                 for name, item in data.items()]
        brackets = "{}"
    else:
        inner = [_lines(item, _below(path, "*")) for item in data]
        brackets = "[]"
    return "%s%s%s\n%s%s" % (brackets[0], pad, ("," + pad).join(inner),
                             " " * len(path), brackets[1])


def _below(path, name):
    inner = path + (name,)
    return inner if inner in LINES else path + ("*",)


def dumps(data):
    """The text of a result; ValueError when it is not one."""
    problems = validate(data)
    if problems:
        raise ValueError("not a result: " + problems[0])
    return _lines(_ordered(data, schema().root), ()) + "\n"


def replace(path, text):
    """Put a text into a file, all of it or nothing."""
    raw = text.encode()
    try:
        special = not stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        special = False
    if special:             # a pipe, a terminal: it cannot be replaced
        with open(path, "wb") as f:
            f.write(raw)
        return
    where, name = os.path.split(os.path.realpath(path))
    os.makedirs(where, exist_ok=True)
    handle, new = tempfile.mkstemp(prefix=name + ".", suffix=".new",
                                   dir=where)
    try:
        with os.fdopen(handle, "wb") as f:
            f.write(raw)
            f.flush()
            os.fsync(f.fileno())
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(new, 0o666 & ~mask)
        os.replace(new, os.path.join(where, name))
    except BaseException:
        os.unlink(new)
        raise


def write(path, data):
    """Write a result. OSError when the place does not take it."""
    replace(path, dumps(data))


# Runs in pieces

def _one_run(old, new):
    for part, name in ONE_RUN:
        before, after = old[part].get(name), new[part].get(name)
        if before != after:
            raise Bad("cannot go on with that run: its %s is %s, now it is "
                      "%s" % (name, shown(before), shown(after)))


def merge(old, new):
    """One result of a run that was interrupted and one that went on with it.

    Where both have a result the newer counts. Results that the second run took
    carry the note `resumed`. Bad when image, machine or seed are not the same.
    """
    _one_run(old, new)
    merged = copy.deepcopy(old)
    merged.pop("comparison", None)
    later = {}
    for entry in copy.deepcopy(new["results"]):
        notes = entry.setdefault("notes", [])
        if "resumed" not in notes:
            notes.append("resumed")
        later[entry["key"]] = entry
    plan = list(dict.fromkeys(old["run"]["plan"] + new["run"]["plan"]))
    both = {entry["key"]: entry for entry in merged["results"]}
    both.update(later)
    at = {name: i for i, name in enumerate(plan)}
    merged["results"] = sorted(
        both.values(), key=lambda entry: at.get(entry["key"], len(plan)))
    run = merged["run"]
    run["plan"] = plan
    run["duration_s"] = round(run["duration_s"] + new["run"]["duration_s"], 3)
    run["noisy"] = run["noisy"] or new["run"]["noisy"]
    run.pop("why", None)
    left = [name for name in plan if name not in both]
    run["status"] = "partial" if left else "ok"
    if left:
        run["why"] = new["run"].get(
            "why", "%d planned results were not taken" % len(left))
    merged["host"] = copy.deepcopy(new["host"])
    return merged
