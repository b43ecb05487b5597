#!/usr/bin/env python3
"""
The worst that the objects of tests/kernel/hostile.py do to the daemon, under a memory limit of 256 MB: how long another
Service's endpoint change takes until the kernel has it, from the moment that the object was read or the change was written;
how long SIGTERM takes right after the object was read; and the most memory that daemon and kernel took together.
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
    rows = re.findall(r"^\W*(.+?) +flip +([\d.]+) s, stop +([\d.]+) s, peak +(\d+) MB$", done.stdout, re.M)
    worst = [max(rows, key=lambda row, at=at: float(row[at])) for at in (1, 2, 3)]
    print(f"worst of {len(rows)}: another Service's change {float(worst[0][1]) * 1000:.0f} ms ({worst[0][0]}), "
          f"SIGTERM {float(worst[1][2]) * 1000:.0f} ms ({worst[1][0]}), peak {worst[2][3]} MB ({worst[2][0]})")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
