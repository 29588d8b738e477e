# SPDX-License-Identifier: MIT
"""The benchmarks, seen from the host."""
