# SPDX-License-Identifier: MIT
"""The few statistics that a benchmark needs, and why these.

Theory of operation

1. Times of a computer are skewed: most lie near the least, some far above. So
   the median stands for them, the interval around it comes from resampling,
   and nothing here takes them for normally distributed.
2. No sample is dropped. What lies beyond Tukey's fences (1.5 and 3 times the
   distance of the quartiles from the nearer of them) is counted and shown.
3. Whether two runs differ is asked of ranks: Mann and Whitney's test when the
   runs are independent, Wilcoxon's when each sample of one belongs to one of
   the other. Both are exact, by counting, for the few samples without ties
   that benchmarks have; else the normal approximation corrected for ties.
4. Resampling draws from a seed: the same samples give the same interval.
"""
import functools
import itertools
import math
import random
import statistics

RESAMPLES = 10000
# Of more than these samples fewer resamples are drawn: the time of a summary
# is bounded, and so many samples hardly need one.
DRAWS_MAX = 400000
EXACT_MAX = 40      # samples of both sides, for an exact Mann-Whitney
PAIRS_EXACT_MAX = 25
CHANGE_MAX = 1e12   # as much as need be told apart


def bootstrap(samples, seed, share=0.95):
    """The percentile interval of the median."""
    ordered = sorted(samples)
    count = len(ordered)
    if ordered[0] == ordered[-1]:
        return [ordered[0], ordered[0]]
    # Indices stand for samples: sorted small integers are the fastest.
    draw = random.Random(seed).choices
    rounds = max(200, min(RESAMPLES, DRAWS_MAX // count))
    places = range(count)
    low, high = (count - 1) // 2, count // 2
    found = []
    for _ in range(rounds):
        picked = sorted(draw(places, k=count))
        found.append((ordered[picked[low]] + ordered[picked[high]]) / 2)
    found.sort()
    cut = int(rounds * (1 - share) / 2)
    return [found[cut], found[-1 - cut]]


def quartiles(samples):
    """First and third, interpolated between the samples."""
    if len(samples) < 2:
        return samples[0], samples[0]
    cuts = statistics.quantiles(samples, n=4, method="inclusive")
    return cuts[0], cuts[2]


def outliers(samples):
    """{mild, severe}: counts beyond 1.5 and beyond 3 quartile distances."""
    first, third = quartiles(samples)
    wide = third - first
    count = {"mild": 0, "severe": 0}
    for sample in samples:
        beyond = max(first - sample, sample - third)
        if beyond > 3 * wide:
            count["severe"] += 1
        elif beyond > 1.5 * wide:
            count["mild"] += 1
    return count


def mad(samples):
    """The median distance from the median, as it is: not scaled."""
    middle = statistics.median(samples)
    return statistics.median(abs(s - middle) for s in samples)


def cv(samples):
    """Standard deviation by mean; 0 for one sample."""
    if len(samples) < 2:
        return 0.0
    spread = statistics.stdev(samples)
    if spread == 0:
        return 0.0
    mean = statistics.fmean(samples)
    return spread / abs(mean) if mean else math.inf


def summarise(samples, seed=0):
    """What a metric says of its samples, by the names of the schema."""
    if not samples:
        raise ValueError("no samples")
    return {"median": statistics.median(samples),
            "ci95": bootstrap(samples, seed), "mad": mad(samples),
            "min": min(samples), "max": max(samples),
            "outliers": outliers(samples)}


def _ranks(values):
    """Ranks from 1, equal values share theirs; sum of t^3 - t over ties."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks, ties, start = [0.0] * len(values), 0, 0
    while start < len(order):
        end = start
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for i in order[start:end]:
            ranks[i] = (start + 1 + end) / 2
        ties += (end - start) ** 3 - (end - start)
        start = end
    return ranks, ties


def _two_sided(distance, variance):
    """P that a normal lies so far out; half a step towards the middle."""
    if variance <= 0:
        return 1.0
    z = max(0.0, distance - 0.5) / math.sqrt(variance)
    return min(1.0, math.erfc(z / math.sqrt(2)))


@functools.lru_cache(maxsize=64)
def _subset_sums(items, size):
    """How many subsets of `size` of 1 … items have which sum: a list."""
    top = sum(range(items - size + 1, items + 1))
    ways = [[0] * (top + 1) for _ in range(size + 1)]
    ways[0][0] = 1
    for item in range(1, items + 1):
        for n in range(min(size, item), 0, -1):
            row, fewer = ways[n], ways[n - 1]
            for total in range(top, item - 1, -1):
                row[total] += fewer[total - item]
    return ways[size]


def mann_whitney(a, b):
    """P of such a difference, or a larger one, if a and b were one.

    Two-sided. U is the number of pairs in which the sample of a is greater.
    """
    n, m = len(a), len(b)
    if not n or not m:
        return 1.0
    ranks, ties = _ranks(list(a) + list(b))
    rank_sum = sum(ranks[:n])
    least = n * (n + 1) / 2
    u = rank_sum - least
    if not ties and n + m <= EXACT_MAX:
        ways = _subset_sums(n + m, n)
        end = int(least + min(u, n * m - u))
        return min(1.0, 2 * sum(ways[:end + 1]) / math.comb(n + m, n))
    total = n + m
    variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)))
    return _two_sided(abs(u - n * m / 2), variance)


def least_p(n, m):
    """The smallest P that so many samples can give, all of a below all of b.

    With ties it is the same: ties only make groups more alike.
    """
    return min(1.0, 2 / math.comb(n + m, n))


@functools.lru_cache(maxsize=64)
def _signed_sums(count):
    """How many of the 2^count choices of signs give which positive sum."""
    ways = [1]
    for item in range(1, count + 1):
        longer = ways + [0] * item
        for total, number in enumerate(ways):
            longer[total + item] += number
        ways = longer
    return ways


def wilcoxon(ratios):
    """P of such ratios, two-sided, if they scattered around 1 evenly.

    Signed ranks of their logarithms: half and double are equally far from 1.
    Ratios of 1 say nothing and are left out.
    """
    # Rounded: 1.1 and 1/1.1 are a tie, whatever their last bits are.
    logs = [x for x in (round(math.log(r), 12) for r in ratios) if x]
    count = len(logs)
    if not count:
        return 1.0
    ranks, ties = _ranks([abs(x) for x in logs])
    up = sum(rank for rank, x in zip(ranks, logs) if x > 0)
    total = count * (count + 1) / 2
    if not ties and count <= PAIRS_EXACT_MAX:
        ways = _signed_sums(count)
        return min(1.0, 2 * sum(ways[:int(min(up, total - up)) + 1])
                   / 2 ** count)
    variance = count * (count + 1) * (2 * count + 1) / 24 - ties / 48
    return _two_sided(abs(up - total / 2), variance)


def sign(ratios):
    """The same of the signs alone: how often above 1, how often below."""
    up = sum(r > 1 for r in ratios)
    down = sum(r < 1 for r in ratios)
    count = up + down
    tail = sum(math.comb(count, i) for i in range(min(up, down) + 1))
    return min(1.0, 2 * tail / 2 ** count)


def changes(figures):
    """|Δ| from each figure to the next, relative; what was 0 is left out."""
    return [min(abs(after / before - 1), CHANGE_MAX)
            for before, after in itertools.pairwise(figures) if before]


def floor(deltas):
    """Above what a change is unlike those of history: Q3 + 3 IQR; 0 when
    history is too short to tell."""
    if len(deltas) < 4:
        return 0.0
    first, third = quartiles(deltas)
    return third + 3 * (third - first)
