# SPDX-License-Identifier: MIT
"""What the host's tools share: runs on a machine, wherever it is.

    report     exit statuses; one line for the person
    options    arguments that every runner knows
    initrd     scripts and folders as an archive
    console    what the machine prints, and what that means for the run
"""
