#!/usr/bin/env python3
"""
The worst that the objects of tests/kernel/hostile.py do to the daemon, under a memory limit of 256 MB: how long another
Service's endpoint change takes until the kernel has it, from the moment that the object was read or the change was written;
how long a health page and the control socket take meanwhile; the CPU time of the main thread's longest turn, which is what
others wait for; how long SIGTERM takes right after the object was read; and the most memory that daemon and kernel took
together.
"""
import os
import re
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent


def main():
    env = dict(os.environ, HOSTILE_VERBOSE="1", PYTHONPATH=f"{TOP}/tests:{TOP}/tests/kernel")
    done = subprocess.run([sys.executable, "-m", "unittest", "test_hostile_objects"], cwd=TOP / "tests/kernel/proxy", env=env, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    print(done.stdout, end="")
    figures = "".join(rf"{what} +([\d.]+) s, " for what in ("flip", "health", "control", "turn", "stop"))
    rows = re.findall(rf"^\W*(.+?) +{figures}peak +(\d+) MB$", done.stdout, re.M)
    worst = [max(rows, key=lambda row, at=at: float(row[at])) for at in range(1, 7)]
    print(f"worst of {len(rows)}: " + ", ".join(
        f"{what} {float(row[at]) * 1000:.0f} ms ({row[0]})" for at, (what, row) in
        enumerate(zip(("another Service's change", "health page", "control socket", "CPU of a turn", "SIGTERM"), worst), 1))
        + f", peak {worst[5][6]} MB ({worst[5][0]})")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
