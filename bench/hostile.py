#!/usr/bin/env python3
"""The worst that the objects of tests/kernel/hostile.py do to the daemon: how long another Service's endpoint change takes
from the rename of its file to the kernel's commit (with the question to the kernel that sees it), and peak memory."""
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
    rows = re.findall(r"^\W*(.+?) +flip +([\d.]+) s, peak +(\d+) MB$", done.stdout, re.M)
    flip, peak = max(rows, key=lambda row: float(row[1])), max(rows, key=lambda row: int(row[2]))
    print(f"worst of {len(rows)}: flip {float(flip[1]) * 1000:.0f} ms ({flip[0]}), peak {peak[2]} MB ({peak[0]})")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
