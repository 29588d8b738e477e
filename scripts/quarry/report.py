# SPDX-License-Identifier: MIT
"""Exit statuses of a run, and one line for the person.

0 all ran; 1 a script raised an error or powered off with a code other than 0;
2 usage; 3 kernel panic; 4 time-out, hang or machine lost.
"""
import os
import sys

OK, FAILED, USAGE, PANIC, LOST = range(5)


def program():
    return os.path.basename(os.path.realpath(sys.argv[0]))


def say(text):
    """One line for the person, never a traceback over a closed stream."""
    try:
        sys.stderr.write("%s: %s\n" % (program(), text))
        sys.stderr.flush()
    except (OSError, ValueError):
        pass


def usage(text):
    say(text)
    sys.exit(USAGE)
