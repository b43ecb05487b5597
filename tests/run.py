#!/usr/bin/env python3
"""Runs every test and says how many passed: unit programs, stored fuzz inputs, golden and kernel tests.

  make programs && tests/run.py [--build DIR] [--only WORD]…

Unit tests are cmocka programs in DIR/tests/unit, fuzz targets replay tests/fuzz/corpus/NAME, every other test is a
unittest module tests/golden/test_*.py or tests/kernel/*/test_*.py that finds the program in $FAIRLEAD_BUILD.
"""
import argparse
import concurrent.futures
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import reasons
from kernel import patience

TOP = Path(__file__).resolve().parent.parent
LIMIT_S = 900 * patience.FACTOR


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
    for pattern in ("golden/test_*.py", "kernel/*/test_*.py"):
        for module in sorted((TOP / "tests").glob(pattern)):
            name = str(module.relative_to(TOP / "tests").with_suffix(""))
            yield name, [sys.executable, "-m", "unittest", "-v", module.stem], counts_unittest


def finish(process):
    """Its output and exit code; what is late is asked to end, so that it can clean up, then made to."""
    for limit_s, number in ((LIMIT_S, signal.SIGTERM), (20, signal.SIGKILL), (None, None)):
        try:
            text, _ = process.communicate(timeout=limit_s)
            break
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, number)
    if number != signal.SIGTERM:
        return f"{text}\nstopped after {LIMIT_S} s", 1
    return (text if process.returncode >= 0 else f"{text}\nended by signal {-process.returncode}"), process.returncode


def run(name, command, count, env):
    folder = (TOP / "tests" / name).parent
    start = time.monotonic()
    text, code = finish(subprocess.Popen(command, cwd=folder, env=env, text=True,
                                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                         errors="replace", start_new_session=True))
    passed, failed, skipped = count(text)
    if (code != 0 or passed + skipped == 0) and failed == 0:
        failed = 1  # crashed, or ran nothing: a test that cannot fail is a defect
    verdict = "FAIL" if failed else "ok"
    lines = [f"{verdict:4} {name:34} {passed} passed{f', {skipped} skipped' if skipped else ''}"
             f"  {time.monotonic() - start:.1f} s"]
    why = [f"{name}: {reason}" for reason in reasons.of(text)] if failed else []
    if failed:
        lines += [f"     ! {line}" for line in why]
        lines += [f"     | {line}" for line in text.splitlines()[-120:]]
    elif skipped:
        lines += [f"     | {line}" for line in text.splitlines() if "skip" in line.lower()]
    print("\n".join(lines), flush=True)
    return passed, failed, skipped, why


def main():
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # begun with "&": tests that interrupt programs need it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, default=TOP / "build")
    parser.add_argument("--only", action="append", default=[], help="run only tests whose name has this word")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count()), help="how many at a time")
    options = parser.parse_args()
    build = options.build.resolve()
    env = dict(os.environ, FAIRLEAD_BUILD=str(build), PYTHONPATH=f"{TOP}/tests:{TOP}/tests/kernel", PYTHONDONTWRITEBYTECODE="1",
               ASAN_OPTIONS="detect_leaks=1:abort_on_error=0", UBSAN_OPTIONS="print_stacktrace=1",
               TSAN_OPTIONS=f"suppressions={TOP}/tests/thread_sanitizer.txt")
    every = list(jobs(build))
    unknown = [word for word in options.only or () if not any(word in job[0] for job in every)]
    if unknown:
        sys.exit(f"no test has {' or '.join(unknown)} in its name; `make programs` builds the unit tests")
    wanted = [job for job in every if not options.only or any(word in job[0] for word in options.only)]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = list(pool.map(lambda job: run(*job, env), wanted))
    *counts, whys = zip(*results) if results else [()] * 4
    passed, failed, skipped = map(sum, counts)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    print("".join(f"FAIL {line}\n" for why in whys for line in why), end="")  # last: the end of a log is what is kept
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
