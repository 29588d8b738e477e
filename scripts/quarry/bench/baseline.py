# SPDX-License-Identifier: MIT
"""Baselines: results that later ones are compared with, kept in the tree.

Theory of operation

1. A baseline is bench/baseline/KEY.json; KEY (bench/identity.py) names mode,
   compiler, emulator and firmware. Whoever has others gets told which there
   are and what differs, and how to make one.
2. A blessed file holds what was measured of which commit, and nothing that two
   runs on one commit would not share: no times, no host. Blessing twice
   changes nothing, and a diff shows figures only. Pictures and histograms are
   left out; they are in reports.
3. What cannot stand for a commit is refused: a run that is not complete, that
   failed somewhere, or that was noisy. Uncommitted changes are said.
"""
import collections
import os
import re

from quarry.bench import identity, result, verdict
from quarry.bench.identity import key

SUFFIX = ".json"
BYTES_MAX = 500_000     # what a tree should carry for one
BULKY = ("hist", "series", "heat", "per_hart", "notes", "ops")
# Of a metric: the rest follows from these.
KEPT = ("unit", "better", "samples", "exact")
TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)Z")
EPOCH = "1970-01-01T00:00:00"

# path: None when there is none of that key. near: lines about the others.
Found = collections.namedtuple("Found", "path key near")

__all__ = ["Found", "bless", "find", "key", "read", "strip"]


def _others(data, folder, wanted):
    """What there is instead, and why it will not do: one line each."""
    try:
        names = sorted(n for n in os.listdir(folder) if n.endswith(SUFFIX))
    except OSError:
        return []
    lines = []
    for name in names[:20]:
        if name == wanted + SUFFIX:
            continue
        try:
            other = result.load(os.path.join(folder, name))
            lines.append("%s: %s" % (
                result.plain(name), "; ".join(
                    identity.differences(other, data)) or "another name"))
        except result.Bad as bad:
            lines.append(str(bad))
    return lines


def find(data, folder):
    """The baseline of a result's key, or what there is in its place."""
    wanted = key(data)
    path = os.path.join(folder, wanted + SUFFIX)
    if os.path.isfile(path):
        return Found(path, wanted, [])
    return Found(None, wanted, _others(data, folder, wanted))


def read(path):
    """The baseline in a file; Bad when its name is not its key."""
    data = result.load(path)
    name = os.path.basename(path)
    if name != key(data) + SUFFIX:
        raise result.Bad("%s: is a baseline of %s" % (
            result.plain(path), key(data)))
    return data


def _refuse(path, data):
    """Bad when a result cannot stand for its commit."""
    failed = [r for r in data["results"] if r["status"] == "failed"]
    noisy = data["run"]["noisy"] or any(
        "noisy" in r.get("notes", ()) for r in data["results"])
    why = None
    if data["run"]["status"] != "ok":
        why = "is partial (%s); finish it with --resume" % result.plain(
            data["run"].get("why", "some results are missing"))
    elif failed:
        why = "%d results failed, %s first" % (len(failed), failed[0]["key"])
    elif noisy:
        why = "is noisy; measure again on a quiet machine"
    elif not any(r["status"] == "ok" for r in data["results"]):
        why = "has no figures"
    if why:
        raise result.Bad("%s: cannot be blessed: %s" % (
            result.plain(path), why))


def strip(data):
    """The same without what another run on this commit would not share."""
    when = TIME.fullmatch(data["code"].get("date") or "")
    started = when.group(1) if when else EPOCH
    commit = re.match(r"[0-9a-f]{4}", data["code"]["commit"] or "")
    run = {"id": "%sZ-%s" % (re.sub("[-:]", "", started),
                             commit.group(0) if commit else "0000"),
           "started": started + "Z", "duration_s": 0, "command": [],
           "seed": data["run"]["seed"], "status": "ok", "noisy": False,
           "plan": []}
    timed = data["target"]["mode"] in ("smp", "host")
    host = {name: data["host"][name] if timed and name in ("cpu", "cpus")
            else None for name in ("cpu", "cpus", "kernel", "load1")}
    target = {name: item for name, item in data["target"].items()
              if name not in ("args", "line")}
    return {"schema": data["schema"], "run": run, "code": dict(data["code"]),
            "target": target, "host": host,
            "results": [_strip_result(entry) for entry in data["results"]]}


def _strip_result(entry):
    slim = {name: item for name, item in entry.items() if name not in BULKY}
    if "oversubscribed" in entry.get("notes", ()):
        slim["notes"] = ["oversubscribed"]
    slim["metrics"] = {
        name: {part: metric[part] for part in KEPT if part in metric}
        for name, metric in entry["metrics"].items()}
    return slim


def _against(old, new, name):
    """Lines: what a new baseline changes."""
    try:
        comparison = verdict.compare(old, new, verdict.Options(name))
    except verdict.NotComparable as why:
        return ["the old one %s" % why]
    return verdict.table(comparison).rstrip("\n").split("\n")


def _warnings(data, text):
    if data["code"]["commit"] is None:
        yield "warning: of no known commit"
    if data["code"]["dirty"] or data["code"]["dirty"] is None:
        yield "warning: measured with changes that are not committed"
    if len(text) > BYTES_MAX:
        yield "warning: %d bytes, more than %d" % (len(text), BYTES_MAX)


def bless(path, folder):
    """Make the result in a file the baseline of its key.

    (path of the baseline, lines that say what changed); Bad when the result
    is refused.
    """
    data = result.load(path)
    _refuse(path, data)
    slim = strip(data)
    text = result.dumps(slim)
    where = os.path.join(folder, key(data) + SUFFIX)
    lines = list(_warnings(data, text))
    if not os.path.exists(where):
        lines.append("the first of its key")
    else:
        try:
            lines += _against(result.load(where), slim, "the old one")
        except result.Bad as bad:
            lines.append("replaces what could not be read: %s" % bad)
    try:
        result.replace(where, text)
    except OSError as error:
        raise result.Bad("%s: %s" % (
            result.plain(where), error.strerror or error)) from None
    return where, lines
