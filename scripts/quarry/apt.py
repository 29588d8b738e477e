# SPDX-License-Identifier: MIT
"""What this machine's apt is configured for."""
import subprocess

TIMEOUT_S = 60


def apt_bases():
    """Mirror addresses of this machine's own apt, in order, once each."""
    bases = []
    try:
        done = subprocess.run(
            ["apt-get", "indextargets", "--no-release-info",
             "--format", "$(SITE)"], stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, timeout=TIMEOUT_S, check=False)
        bases = done.stdout.decode(errors="replace").split()
    except (OSError, subprocess.TimeoutExpired):
        pass
    out = []
    for base in bases:
        if base.startswith("mirror+file:"):
            # apt-helper cannot follow a mirror list: take its first line.
            try:
                with open(base[len("mirror+file:"):], encoding="utf-8") as f:
                    base = f.readline().split()[0]
            except (OSError, IndexError):
                continue
        if base not in out:
            out.append(base)
    return out
