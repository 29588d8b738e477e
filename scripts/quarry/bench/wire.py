# SPDX-License-Identifier: MIT
"""What a machine that runs bench/suite.lua says: records among other text.

A record is a line `BENCH <tab> crc32 <tab> json`. The checksum is of the bytes
of the json, so a line that was damaged on its way is known, and left out. It
may stand behind other text (firmware that ended no line, noise of a cable).
Everything else is remembered in two small windows: how the boot began, and the
last lines, which tell the person how it ended.
"""
import collections
import json
import re
import zlib

from quarry.bench import facts

LINE_MAX = 1 << 20   # bytes of a record
HEAD_LINES = 60
TAIL_LINES = 12
TAIL_COLUMNS = 160
MARK = b"BENCH\t"
RECORD = re.compile(rb"BENCH\t([0-9a-f]{8})\t(.*)", re.DOTALL)
NAME = re.compile(r"[\w.:+-]{1,64}", re.ASCII)
WHOLE_MAX = 1 << 64
BETTER = ("lower", "higher", "neither")
STATUSES = ("ok", "failed", "skipped")
HIST_UNITS = ("instr", "ns", "cycle", "tick")


def pack(data):
    """A line with its record; what the image does, in Python."""
    text = json.dumps(data, separators=(",", ":"))
    return "BENCH\t%08x\t%s\n" % (zlib.crc32(text.encode()), text)


def clean(line):
    """For a person's terminal: a machine may print anything."""
    text = line.decode(errors="replace")
    return "".join(c if c.isprintable() else " " for c in text).rstrip()


class Reader:
    """Bytes in, records out."""

    def __init__(self):
        self.held = b""
        self.skipping = False   # in a line that is too long
        self.damaged = 0
        self.head = []
        self.tail = collections.deque(maxlen=TAIL_LINES)

    def feed(self, data):
        """The records that these bytes complete."""
        out = []
        pieces = (self.held + data).split(b"\n")
        self.held = pieces.pop()
        for piece in pieces:
            if self.skipping:
                self.skipping = False
                continue
            record = self.line(piece.rstrip(b"\r"))
            if record is not None:
                out.append(record)
        if len(self.held) > LINE_MAX:
            self.held, self.skipping = b"", True
            self.damaged += 1
        return out

    def line(self, line):
        """The record of a line, or None."""
        start = line.rfind(MARK)
        if start < 0:
            text = clean(line)[:TAIL_COLUMNS]
            if len(self.head) < HEAD_LINES:
                self.head.append(text)
            if text:
                self.tail.append(text)
            return None
        match = RECORD.fullmatch(line[start:])
        if match and b"%08x" % zlib.crc32(match.group(2)) == match.group(1):
            try:
                data = json.loads(match.group(2))
                if isinstance(data, dict) and len(data) == 1:
                    return data
            except (ValueError, RecursionError):
                pass
        self.damaged += 1
        return None


# ---- What a result must be before anything believes it ----

class Malformed(Exception):
    """A record arrived whole, and is not what was agreed."""


def need(condition, what):
    if not condition:
        raise Malformed(what)


def whole(value, least=0):
    return (isinstance(value, int) and not isinstance(value, bool)
            and least <= value < WHOLE_MAX)


def metric(fact):
    """(name, metric) of a fact."""
    need(isinstance(fact, dict), "a fact is no table")
    name, value = fact.get("name"), fact.get("value")
    need(isinstance(name, str) and NAME.fullmatch(name), "a fact has no name")
    per = fact.get("per", 1)
    need(whole(value, -WHOLE_MAX) and whole(per, 1),
         "%s is no figure" % name)
    unit, better = fact.get("unit", "1"), fact.get("better", "neither")
    need(isinstance(unit, str) and better in BETTER, "%s has no unit" % name)
    out = {"unit": unit, "better": better,
           "samples": [value // per if value % per == 0 else value / per],
           "exact": {"value": value, "per": per}}
    if fact.get("text"):
        out["text"] = str(fact["text"])
    return name, out


def wholes(data, name, most=WHOLE_MAX):
    values = data.get(name)
    if not values:
        return None
    need(isinstance(values, list) and all(
        whole(v) and v <= most for v in values), "%s is no list" % name)
    return values


def histogram(data):
    hist = data.get("hist")
    if not hist or not hist.get("buckets"):
        return None
    need(hist.get("unit") in HIST_UNITS and isinstance(hist["buckets"], list),
         "hist has no unit")
    for bucket in hist["buckets"]:
        need(isinstance(bucket, list) and len(bucket) == 3
             and all(whole(v) for v in bucket), "hist has a bad bucket")
    return {"unit": hist["unit"], "buckets": hist["buckets"]}


def result(data):
    """A result of the schema, of one record."""
    need(isinstance(data, dict), "a result is no table")
    status = data.get("status")
    need(status in STATUSES, "a result has no status")
    params = data.get("params")
    need(isinstance(params, dict) and whole(params.get("harts"), 1)
         and all(isinstance(v, str) or whole(v) for v in params.values()),
         "params are not as agreed")
    told = data.get("facts") or []
    need(isinstance(told, list), "facts are no list")
    out = {"key": data["key"], "id": str(data.get("id")),
           "variant": str(data.get("variant")), "params": params,
           "status": status, "metrics": dict(metric(f) for f in told)}
    need(status != "ok" or out["metrics"], "it is ok, but has no fact")
    if status != "ok":
        out["why"] = str(data.get("why") or "it does not say why")
    if whole(data.get("ops")) and data["ops"]:
        out["ops"] = data["ops"]
    frames = wholes(data, "frames")
    for name, value in (
            ("hist", histogram(data)), ("per_hart", wholes(data, "per_hart")),
            ("series", frames and {"unit": "frame", "values": frames}),
            ("heat", wholes(data, "heat", 255))):
        if value:
            out[name] = value
    return facts.annotate(out)
