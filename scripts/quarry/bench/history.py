# SPDX-License-Identifier: MIT
"""Earlier results of this machine, so that a new one has something to be seen
against.

Theory of operation

1. A whole run with --history DIR leaves a copy there, without pictures and
   histograms and without spaces: some 350 kB. Of each kind (identity.key) the
   KEPT newest stay, whatever their names say: what is not ours stays, too.
2. They are used twice: a figure that varies must move by more than it is known
   to move from one result to the next (verdict.py), and the report has the
   figures of them all. So nothing goes in that is partial, failed or noisy.
3. A file that cannot be read is left out, and said; the run goes on.
"""
import json
import os
import re

from quarry.bench import baseline, identity, result

KEPT = 20
NAME = re.compile(r"(.+)-\d{8}T\d{6}Z-[0-9a-f]{4}\.json")


def names(folder, key):
    """Files of one kind, oldest first."""
    try:
        found = os.listdir(folder)
    except OSError:
        return []
    matches = [NAME.fullmatch(name) for name in found]
    return sorted(m.group(0) for m in matches if m and m.group(1) == key)


def load(folder, data):
    """(results of the same kind that are earlier, lines to say)."""
    out, said = [], []
    for name in names(folder, identity.key(data)):
        try:
            old = result.load(os.path.join(folder, name))
        except result.Bad as bad:
            said.append("history: %s; left out" % bad)
            continue
        if old["run"]["id"] != data["run"]["id"] and \
                not identity.differences(old, data):
            out.append(old)
    out.sort(key=lambda r: r["run"]["started"])
    return out, said


def fits(data):
    """Whether later results may be measured against it."""
    return data["run"]["status"] == "ok" and not data["run"]["noisy"] \
        and all(entry["status"] != "failed" for entry in data["results"])


def keep(folder, data):
    """Put a copy into the folder, and the oldest beyond KEPT out of it."""
    slim = baseline.strip(data)
    for name in ("id", "started", "duration_s"):
        slim["run"][name] = data["run"][name]
    slim["host"] = data["host"]
    os.makedirs(folder, exist_ok=True)
    key = identity.key(data)
    result.replace(os.path.join(folder, "%s-%s.json" % (
        key, data["run"]["id"])), json.dumps(slim, separators=(",", ":")))
    for name in names(folder, key)[:-KEPT]:
        os.unlink(os.path.join(folder, name))
