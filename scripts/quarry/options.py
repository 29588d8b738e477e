# SPDX-License-Identifier: MIT
"""The arguments that every runner knows, with one meaning in all of them.

--script and --eval keep their order: one list, `args.items`, of (kind, value).
"""
import argparse
import os
import re

from quarry.report import usage

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
DEFAULT_TIMEOUT_S = 60.0
# Their values may begin with a dash, which argparse takes for options.
DASHED = ("--append", "--eval")


class Item(argparse.Action):
    """Collects --script and --eval into one list, in the order given."""

    def __call__(self, parser, namespace, values, option_string=None):
        namespace.items = (namespace.items or []) + [
            (option_string.lstrip("-"), values)]


def join_dashed(argv, dashed):
    """The arguments, each of these options in one word with its value."""
    joined, rest = [], list(argv)
    while rest:
        word = rest.pop(0)
        if word in dashed and rest:
            word += "=" + rest.pop(0)
        joined.append(word)
    return joined


def add_shared(p, kernel, timeout_help):
    p.add_argument("--append", default="", metavar="STR",
                   help="boot arguments")
    p.add_argument("--initrd", metavar="DIR|ARCHIVE")
    p.add_argument("--kernel", metavar="FILE",
                   default=os.path.join(ROOT, "build", kernel))
    p.add_argument("--script", action=Item, metavar="FILE.lua")
    p.add_argument("--eval", action=Item, metavar="LUA")
    p.add_argument("--timeout", type=float, metavar="S", help=timeout_help)
    p.add_argument("--log", metavar="FILE",
                   help="write the console output there, too")
    p.set_defaults(items=[])


def check_timeout(args, wanted):
    """Fill in the default where a limit is wanted; refuse nonsense."""
    if args.timeout is None and wanted:
        args.timeout = DEFAULT_TIMEOUT_S
    if args.timeout is not None and not args.timeout > 0:
        usage("--timeout %g: must be above 0" % args.timeout)


def size_bytes(text):
    match = re.fullmatch(r"(\d{1,12})([KkMmGg]?)", text)
    if not match or int(match.group(1)) == 0:
        usage("--mem %r is no size; write for example 256M or 4G" % text)
    shift = {"": 20, "k": 10, "m": 20, "g": 30}[match.group(2).lower()]
    return int(match.group(1)) << shift
