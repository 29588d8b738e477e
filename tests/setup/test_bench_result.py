# SPDX-License-Identifier: MIT
"""Results of the benchmarks as files: what is one, what is not."""
import copy
import json
import os
import random

import bench_sample
from bench_checks import PAIR, changed, raises, saved
from bench_sample import exact, find as entry_of, sample, slower
from lib import check, contains, equal, folder, skip, write
from quarry.bench import result, schema, verdict


# ---- The schema and who checks it ----

def I5_4_sample_is_valid_in_all_its_forms():
    for data in [sample(), sample("smp"), bench_sample.failed(sample(), PAIR),
                 bench_sample.partial(sample(), 30)] \
            + bench_sample.history(3, 1):
        equal(result.validate(data), [])


def I5_4_schema_with_an_unknown_keyword_is_refused():
    for word, value in (("format", "date"), ("oneOf", []), ("not", {}),
                        ("propertyNames", {}), ("exclusiveMinimum", 3),
                        ("uniqueItems", True)):
        for broken in ({word: value}, {"properties": {"a": {word: value}}},
                       {"items": {"items": {word: value}}},
                       {"$defs": {"x": {word: value}}},
                       {"additionalProperties": {word: value}}):
            contains(raises(schema.SchemaError, schema.Schema, broken), word)
    for broken in ({"type": "float"}, {"$ref": "#/$defs/none"},
                   {"additionalProperties": False},
                   {"$ref": "#/$defs/a", "type": "object",
                    "$defs": {"a": {}}}):
        raises(schema.SchemaError, schema.Schema, broken)


def I5_4_every_keyword_of_the_schema_is_enforced():
    cases = (({"type": "integer"}, 3, (3.5, True, "3", None, 3.0)),
             ({"type": "number"}, 2.5, (False, "2", [])),
             ({"type": ["string", "null"]}, None, (1, {})),
             ({"type": "boolean"}, True, (1, "true")),
             ({"const": 1}, 1, (True, 2)),
             ({"enum": ["a", 0]}, "a", ("b", False)),
             ({"pattern": "^a+$"}, "aa", ("b", "aab", "aa\n")),
             ({"minimum": 0}, 0, (-1, -0.1)),
             ({"maximum": 9}, 9, (10,)),
             ({"minItems": 1}, [0], ([],)),
             ({"maxItems": 1}, [0], ([0, 0],)),
             ({"required": ["a"]}, {"a": 0}, ({}, {"b": 0})),
             ({"items": {"type": "null"}}, [None], ([None, 1],)),
             ({"properties": {"a": {"const": 1}}}, {"b": 2}, ({"a": 2},)),
             ({"properties": {"a": {}},
               "additionalProperties": {"type": "null"}},
              {"a": 1, "b": None}, ({"b": 1},)),
             ({"$ref": "#/$defs/n"}, 1, ("x",)))
    for rules, good, bads in cases:
        whole = {"$defs": {"n": {"type": "integer"}},
                 "properties": {"it": rules}}
        checker = schema.Schema(whole)
        equal(checker.problems({"it": good}), [], str(rules))
        for bad in bads:
            check(checker.problems({"it": bad}), rules, "lets", bad, "pass")


def spoilers(seed, count):
    """Changes at random places of a result: another type, nothing, less."""
    draw = random.Random(seed)
    values = [None, True, -1, 2.5, "x", "", [], {}, [1, "a"], {"a": 1}]
    base = bench_sample.partial(sample(), 3)
    base["run"]["plan"] = base["run"]["plan"][:5]
    base["comparison"] = verdict.compare(base, base)
    for _ in range(count):
        data = copy.deepcopy(base)
        place, depth = data, draw.randrange(1, 7)
        for _ in range(depth):
            name = draw.choice(list(place) if isinstance(place, dict)
                               else range(len(place)))
            inner = place[name]
            if not isinstance(inner, (dict, list)) or not inner:
                break
            if draw.random() < 0.2:
                break
            place = inner
        name = draw.choice(list(place) if isinstance(place, dict)
                           else range(len(place)))
        if draw.random() < 0.3:
            del place[name]
        else:
            place[name] = draw.choice(values)
        yield data


def I5_4_validator_agrees_with_a_full_one():
    try:
        import jsonschema
    except ImportError:
        skip("python3-jsonschema is not here")
    with open(result.SCHEMA, encoding="utf-8") as f:
        rules = json.load(f)
    judge = getattr(jsonschema, "Draft202012Validator",
                    jsonschema.Draft7Validator)
    judge.check_schema(rules)
    full, wrong = judge(rules), 0
    for data in spoilers(5, 400):
        problems = list(full.iter_errors(data))
        wrong += bool(problems)
        equal(bool(result.schema().problems(data)), bool(problems),
              problems[0].message if problems else json.dumps(data)[:200])
    check(100 < wrong < 400, "%d of 400 were wrong: a poor test" % wrong)


# ---- Files ----

def bad_file(text):
    path = write(os.path.join(folder(), "r.json"), text)
    said = raises(result.Bad, result.load, path)
    contains(said, path)
    check("\n" not in said and len(said) < 500 and said.isprintable(),
          repr(said))
    return said


def I5_4_files_that_are_no_results_are_one_line():
    good = result.dumps(sample())
    for text, part in (
            ("", "empty"), ("  \n", "empty"), ("garbage", "not JSON"),
            (good[:len(good) // 2], "truncated"), (good[:40], "truncated"),
            (good.rstrip()[:-1], "truncated"), (good + "}", "not JSON"),
            (good.replace('"seed": 42', '"seed": NaN'), "NaN"),
            (good.replace('"seed": 42', '"seed": -Infinity'), "Infinity"),
            (good.replace("71.4", "1e999"), "too large"),
            (good.replace("71.4", "1" * 400), "too large"),
            (good.replace('"seed": 42', '"seed": ' + "9" * 5000), "too large"),
            (good.replace('"dirty"', '"date"', 1), "twice"),
            (b"\xff\xfe" + good.encode(), "UTF-8"),
            (good.replace("a processor", "\\ud800"), "surrogate"),
            ("[" * 100000, "nested"), ('{"a":' * 900 + "1" + "}" * 900,
                                       "nested"),
            ('{"schema": "quarry-bench/1", "x": ' + "[" * 40 + "]" * 40 + "}",
             "nested"),
            ("[]", "[] , not object".replace(" ,", ",")), ("17", "not object"),
            ("null", "not object"), ("{}", "schema is None"),
            (good.replace("bench/1", "bench/2", 1), "quarry-bench/2"),
            ('{"schema": "quarry-bench/1"}', 'has no "run"')):
        contains(bad_file(text), part)
    contains(raises(result.Bad, result.load, "/nonexistent/r.json"),
             "No such file")
    contains(raises(result.Bad, result.load, folder()), "directory")


def I5_4_a_file_without_end_is_not_read():
    path = os.path.join(folder(), "r.json")
    with open(path, "wb") as f:
        f.truncate(result.BYTES_MAX + 1)
    contains(raises(result.Bad, result.load, path), "larger than")
    contains(raises(result.Bad, result.load, "/dev/zero"), "larger than")


# What somebody may have edited: a change, and what is said about it.
EDITS = (
    (lambda d: d["results"][0].pop("metrics"), 'has no "metrics"'),
    (lambda d: d["results"][0]["metrics"]["instr_per_op"].update(samples=[]),
     "samples has 0 items"),
    (lambda d: d["results"][0]["metrics"]["instr_per_op"].pop("samples"),
     'has no "samples"'),
    (lambda d: d["results"][0]["metrics"].clear(), "has no metrics"),
    (lambda d: d["results"][0]["metrics"].update({"a b": exact(1)}), "a b"),
    (lambda d: d["results"][0]["metrics"]["instr_per_op"].update(
        samples=[17.0]), "exact value"),
    (lambda d: d["results"][0]["metrics"]["instr_per_op"]["exact"].update(
        per=0), "per is 0"),
    (lambda d: d["results"][0]["metrics"]["instr_per_op"].update(median=9),
     "median"),
    (lambda d: d["results"].append(d["results"][0]), "there twice"),
    (lambda d: d["run"]["plan"].append(PAIR), "twice"),
    (lambda d: d["results"].pop(), "are missing"),
    (lambda d: d["results"][0].update(key="micro/pair,ours,harts=2"),
     "does not match"),
    (lambda d: d["results"][0].update(variant="nomag"), "does not match"),
    (lambda d: d["results"][0].update(id="micro/burst"), "does not match"),
    (lambda d: d["results"][0].update(key=PAIR + ",n=7"), "params has not"),
    (lambda d: d["results"][0].update(key=PAIR + ",size=64,size=64"),
     "params has not"),
    (lambda d: d["results"][0].update(key="micro/pair"), "does not match"),
    (lambda d: d["results"][1]["params"].update(n=11), "does not match"),
    (lambda d: d["results"][0]["params"].update(file="a,b"), "'a,b'"),
    (lambda d: d["results"][0]["params"].update({"A b": 1}), "'A b'"),
    (lambda d: d["results"][0]["params"].update(harts="1"), "not integer"),
    (lambda d: d["results"][0]["params"].update(harts=0), "less than 1"),
    (lambda d: d["results"][0].update(status="skipped"), "say why"),
    (lambda d: d["results"][0].update(id="micro/Pair\n"), "does not match"),
    (lambda d: d["results"][0].update(notes=["fine"]), "none of"),
    (lambda d: entry_of(d, "latency/tail,ours,harts=2")["hist"]["buckets"]
     .reverse(), "ascend"),
    (lambda d: entry_of(d, "latency/tail,ours,harts=2")["hist"].update(
        buckets=[[0, 5, 1], [5, 9, 1]]), "ascend"),
    (lambda d: entry_of(d, "latency/tail,ours,harts=2")["hist"].update(
        buckets=[[5, 4, 1]]), "ascend"),
    (lambda d: d["target"].update(mode="fast"), "none of"),
    (lambda d: d["run"].update(noisy=1), "not boolean"),
    (lambda d: d.update(results={}), "not array"),
)


def I5_4_edited_results_are_refused_with_what_is_wrong():
    small = sample()
    small["results"] = small["results"][:4] + [
        entry_of(small, "latency/tail,ours,harts=2")]
    small["run"]["plan"] = [r["key"] for r in small["results"]]
    equal(result.validate(small), [])
    for i, (change, part) in enumerate(EDITS):
        data = changed(change, small)
        contains("; ".join(result.validate(data)), part, "edit %d" % i)
        contains(bad_file(json.dumps(data)), "r.json: ")
        raises(ValueError, result.dumps, data)


def I5_4_exact_figures_of_64_bits_keep_their_digits():
    whole = (1 << 64) - 1
    for samples in ([whole], [float(whole)]):
        data = changed(lambda d: entry_of(d, PAIR)["metrics"].update(
            n={"unit": "1", "better": "neither", "samples": samples,
               "exact": {"value": whole, "per": 1}}))
        read = entry_of(result.load(saved(data)), PAIR)["metrics"]["n"]
        equal(int(result.value(read)), whole)
        read["exact"]["value"] -= 1 << 12
        check(result.validate(changed(
            lambda d: entry_of(d, PAIR)["metrics"].update(n=read))), read)


def I5_4_written_results_are_read_back_to_the_byte():
    for data in (sample(), sample("smp"), bench_sample.partial(sample(), 9)):
        data["comparison"] = verdict.compare(data, data)
        path = saved(data)
        with open(path, "rb") as f:
            first = f.read()
        again = result.load(path)
        equal(again, data)
        equal(result.dumps(again).encode(), first)


def shuffled(data, draw):
    if isinstance(data, dict):
        names = list(data)
        draw.shuffle(names)
        return {name: shuffled(data[name], draw) for name in names}
    if isinstance(data, list):
        return [shuffled(item, draw) for item in data]
    return data


def I5_4_order_of_members_is_the_schemas_and_a_metric_is_a_line():
    data = sample()
    data["results"] = data["results"][:1]
    data["run"]["plan"] = [PAIR]
    data["results"][0]["future"] = {"b": 1, "a": 2}
    text = result.dumps(data)
    equal(result.dumps(shuffled(data, random.Random(3))), text)
    contains(text, '\n    "instr_per_op": {"unit": "instr", "better": '
             '"lower", "samples": [16.0], "exact": {"value": 16000, "per": '
             '1000}}\n')
    contains(text, '\n   "future": {"a": 2, "b": 1}\n')
    # One more instruction changes one line.
    other = result.dumps(slower(data, PAIR, "instr_per_op", 1))
    differ = [a for a, b in zip(text.split("\n"), other.split("\n"))
              if a != b]
    equal(len(differ), 1, "lines that differ")


def I5_4_a_file_is_replaced_or_left_as_it_was():
    path = saved(sample())
    where = os.path.dirname(path)
    with open(path, "rb") as f:
        old = f.read()

    def full(_):
        raise OSError(28, "No space left on device")
    keep, result.os.fsync = result.os.fsync, full
    try:
        raises(OSError, result.write, path, sample(number=2))
    finally:
        result.os.fsync = keep
    raises(ValueError, result.write, path, {"schema": "quarry-bench/1"})
    equal(os.listdir(where), ["r.json"])
    with open(path, "rb") as f:
        equal(f.read() == old, True, "as it was")
    result.write(path, sample(number=2))
    equal(os.listdir(where), ["r.json"])
    equal(result.load(path), sample(number=2))
    result.write("/dev/null", sample())
    check(not os.path.isfile("/dev/null"), "a device was replaced")


def I5_4_a_resumed_run_is_one_result():
    whole = sample()
    old = bench_sample.partial(whole, 100)
    rest = copy.deepcopy(whole)
    rest["results"] = rest["results"][100:]
    rest["run"]["plan"] = [r["key"] for r in rest["results"]]
    rest["run"]["id"] = "20260702T000000Z-0001"
    got = result.merge(old, rest)
    equal(result.validate(got), [])
    equal(got["run"]["status"], "ok")
    check("why" not in got["run"], "it still says why it is partial")
    equal(got["run"]["id"], old["run"]["id"])
    equal([r["key"] for r in got["results"]], whole["run"]["plan"])
    equal([r.get("notes") for r in got["results"]],
          [None] * 100 + [["resumed"]] * (len(whole["results"]) - 100))
    for r in got["results"]:
        r.pop("notes", None)
    equal(got["results"], whole["results"])
    # Interrupted once more; and what had failed is taken again.
    old = bench_sample.failed(old, PAIR)
    again = bench_sample.partial(whole, 50, "interrupted")
    got = result.merge(old, again)
    equal(result.validate(got), [])
    equal((got["run"]["status"], got["run"]["why"], len(got["results"])),
          ("partial", "interrupted", 100))
    equal(entry_of(got, PAIR)["status"], "ok")


def I5_4_another_image_or_machine_does_not_resume():
    old = bench_sample.partial(sample(), 9)
    for part, name, value in (("code", "image_sha256", "0" * 64),
                              ("target", "mode", "smp"), ("run", "seed", 7),
                              ("target", "harts", 4)):
        new = sample()
        new[part][name] = value
        contains(raises(result.Bad, result.merge, old, new), name)
