# SPDX-License-Identifier: MIT
"""What the image can measure: asked from it, once for each image.

The answer is kept under build/, by the checksums of image and question. A kept
one that is damaged is asked for again.
"""
import json
import os

from quarry.bench import boots, machine, plan
from quarry.bench.cli import BUILD, LOST, USAGE, Ended

NO_LAB = ("the machine runs an image without the lab; load "
          "build/bench/quarry.bin, for example with -- --load ymodem")


def cache_path(kernel):
    return os.path.join(BUILD, "bench", "catalogue-%s-%s.json" % (
        machine.sha256(kernel)[:16], machine.sha256(boots.CATALOGUE)[:8]))


def cached(path):
    try:
        with open(path, encoding="utf-8") as f:
            return plan.catalogue(json.load(f))
    except (OSError, ValueError, TypeError, AttributeError, KeyError,
            plan.Wrong):
        return None


def keep(path, records):
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open("%s.%d" % (path, os.getpid()), "w", encoding="utf-8") as f:
            json.dump(records, f)
        os.replace(f.name, path)
    except OSError:
        pass    # it is asked for again next time


def ask(target, limit_s):
    """(catalogue, records) of a boot."""
    outcome = boots.catalogue(target, limit_s).run()
    if outcome.how != "ok":
        status = USAGE if outcome.how == "usage" else LOST
        raise Ended(status, outcome.why, outcome.tail)
    try:
        return plan.catalogue(outcome.records), outcome.records
    except plan.Wrong as e:
        raise Ended(LOST, str(e), outcome.tail) from None


def of_image(kernel, runner, limit_s):
    """What an image has; asked from a machine in QEMU."""
    if not os.path.isfile(kernel):
        raise Ended(USAGE, "no image %s; `make bench-image image` builds it"
                    % kernel)
    path = None if runner else cache_path(kernel)
    found = cached(path) if path else None
    if found:
        return found
    found, records = ask(boots.Qemu(kernel, "exact", "256M",
                                    runner or boots.RUN_QEMU), limit_s)
    if path:
        keep(path, records)
    return found


def describe(bench):
    params = ["%s=%s" % (p["name"], p.get("quick", "?"))
              for p in bench.get("params") or []]
    return "  %-22s %s%s" % (bench["id"], bench.get("text", ""),
                             " [%s]" % " ".join(params) if params else "")


def show(args, as_json):
    found = of_image(args.kernel, args.runner, args.timeout)
    plans = {}
    for policy, mode in (("quick", "exact"), ("full", "exact"),
                         ("timed", "smp")):
        try:
            plans[policy] = [i.key for i in plan.make(found, policy, mode)]
        except plan.Wrong:
            plans[policy] = []
    if as_json:
        print(json.dumps({"benchmarks": found.benches,
                          "variants": found.variants,
                          "probes": found.probes, "plans": plans}, indent=1))
        return
    print("benchmarks (their parameters as a quick run has them):")
    for bench in found.benches:
        print(describe(bench))
    print("\nallocators:")
    for variant in found.variants:
        print("  %-22s %s" % (variant["name"], variant.get("text", "")))
    print("\nprobes:")
    for probe in found.probes:
        print("  %-22s %s" % ("probe/" + probe["name"],
                              probe.get("text", "")))
    print("\n" + "; ".join("%s: %d results" % (name, len(keys))
                           for name, keys in plans.items()))
