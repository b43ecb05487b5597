#!/usr/bin/env python3
"""Runs every test and says how many passed: unit programs, stored fuzz inputs, golden and kernel tests.

  tests/run.py --build DIR [--only WORD]…

Unit tests are cmocka programs in DIR/tests/unit, fuzz targets replay tests/fuzz/corpus/NAME, every other test is a
unittest module tests/golden/test_*.py or tests/kernel/test_*.py that finds the program in $FAIRLEAD_BUILD.
"""
import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
LIMIT_S = 900


def counts_cmocka(text):
    passed = sum(int(n) for n in re.findall(r"\[  PASSED  \] (\d+) test", text))
    failed = sum(int(n) for n in re.findall(r"\[  FAILED  \] (?:tests: )?(\d+) test", text))
    skipped = sum(int(n) for n in re.findall(r"\[  SKIPPED \] (?:tests: )?(\d+) test", text))
    return passed, failed, skipped


def counts_unittest(text):
    ran = sum(int(n) for n in re.findall(r"^Ran (\d+) test", text, re.M))
    bad = sum(int(n) for n in re.findall(r"(?:failures|errors|unexpected successes)=(\d+)", text))
    skipped = sum(int(n) for n in re.findall(r"skipped=(\d+)", text))
    return max(0, ran - bad - skipped), bad, skipped  # a failing setUpClass counts as bad, not as ran


def counts_replay(text):
    return sum(int(n) for n in re.findall(r"replayed (\d+) input", text)), 0, 0


def jobs(build):
    """(name, command, count function), cheapest first."""
    for program in sorted((build / "tests/unit").glob("test_*")):
        if program.suffix == "":
            yield f"unit/{program.name}", [str(program)], counts_cmocka
    for program in sorted((build / "tests/fuzz").glob("fuzz_*")):
        if program.suffix == "":
            corpus = TOP / "tests/fuzz/corpus" / program.name.removeprefix("fuzz_")
            yield f"fuzz/{program.name}", [str(program), str(corpus)], counts_replay
    for folder in ("golden", "kernel"):
        for module in sorted((TOP / "tests" / folder).glob("test_*.py")):
            yield f"{folder}/{module.stem}", [sys.executable, "-m", "unittest", "-v", module.stem], counts_unittest


def run(name, command, count, env):
    folder = TOP / "tests" / name.split("/")[0]
    start = time.monotonic()
    try:
        done = subprocess.run(command, cwd=folder if folder.is_dir() else TOP, env=env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                              timeout=LIMIT_S)
        text, code = done.stdout, done.returncode
    except subprocess.TimeoutExpired as late:
        text, code = f"{late.stdout or ''}\nstopped after {LIMIT_S} s", 1
    passed, failed, skipped = count(text)
    if (code != 0 or passed + skipped == 0) and failed == 0:
        failed = 1  # crashed, or ran nothing: a test that cannot fail is a defect
    verdict = "FAIL" if failed else "ok"
    print(f"{verdict:4} {name:34} {passed} passed{f', {skipped} skipped' if skipped else ''}"
          f"  {time.monotonic() - start:.1f} s", flush=True)
    if failed:
        print("".join(f"     | {line}\n" for line in text.splitlines()[-120:]), flush=True)
    elif skipped:
        print("".join(f"     | {line}\n" for line in text.splitlines() if "skip" in line.lower()), end="", flush=True)
    return passed, failed, skipped


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, default=TOP / "build")
    parser.add_argument("--only", action="append", default=[], help="run only tests whose name has this word")
    options = parser.parse_args()
    build = options.build.resolve()
    env = dict(os.environ, FAIRLEAD_BUILD=str(build), PYTHONPATH=str(TOP / "tests"), PYTHONDONTWRITEBYTECODE="1",
               ASAN_OPTIONS="detect_leaks=1:abort_on_error=0", UBSAN_OPTIONS="print_stacktrace=1")
    total = [0, 0, 0]
    for name, command, count in jobs(build):
        if options.only and not any(word in name for word in options.only):
            continue
        for i, n in enumerate(run(name, command, count, env)):
            total[i] += n
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    sys.exit(main())
