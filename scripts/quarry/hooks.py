# SPDX-License-Identifier: MIT
"""Shell commands that the person gives: to reset a board, to cut its power."""
import subprocess
import sys

from quarry.line import Lost

HOOK_S = 60.0


def run_hook(option, command):
    """What the command prints goes to the person; Lost when it fails."""
    if not command:
        return
    try:
        done = subprocess.run(command, shell=True, stdin=subprocess.DEVNULL,
                              stdout=sys.stderr, timeout=HOOK_S, check=False)
    except subprocess.TimeoutExpired as e:
        raise Lost("%s %r did not end within %g s"
                   % (option, command, HOOK_S)) from e
    if done.returncode != 0:
        raise Lost("%s %r failed with status %d"
                   % (option, command, done.returncode))
