# SPDX-License-Identifier: MIT
"""What tests of the benchmarks' results share."""
import copy
import os
import sys

from bench_sample import sample
from lib import ROOT, check, folder

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "scripts"))
from quarry.bench import result

PAIR = "micro/pair,ours,harts=1"
LARSON = "smp/larson,ours,harts=2"


def raises(error, function, *arguments):
    """The text of the error that a call ends with."""
    try:
        function(*arguments)
    except error as problem:
        return str(problem)
    raise AssertionError("%s was not raised" % error.__name__)


def close(got, wanted, by=1e-9):
    check(abs(got - wanted) <= by, "got %r, wanted %r" % (got, wanted))


def saved(data, name="r.json"):
    path = os.path.join(folder(), name)
    result.write(path, data)
    return path


def changed(change, data=None):
    """A sample after `change(data)`."""
    data = copy.deepcopy(data or sample())
    change(data)
    return data
