#!/usr/bin/env python3
"""Runs fuzz targets (libFuzzer builds) one after the other and prints a table: target, executions, findings.

  run.py --build DIR --seconds N [NAME…]

New inputs are kept in DIR/corpus/NAME for the next run; a finding is a file DIR/NAME-… and the end of its report. All
targets run, whatever one finds; exit 1 when any did.
"""
import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def run(program, build, seconds):
    """(executions, findings, report)"""
    name = program.name.removeprefix("fuzz_")
    corpus, stored, words = build / "corpus" / name, FOLDER / "corpus" / name, FOLDER / f"{name}.dict"
    corpus.mkdir(parents=True, exist_ok=True)
    command = [program, f"-max_total_time={seconds}", "-timeout=60", f"-artifact_prefix={build}/{name}-", "-print_final_stats=1",
               *([f"-dict={words}"] if words.exists() else []), corpus, *([stored] if stored.is_dir() else [])]
    # No leak check: the hash tables of liburcu keep flags in their pointers, which hides what they hold from it.
    done = subprocess.run(command, env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"), stderr=subprocess.STDOUT,
                          stdout=subprocess.PIPE, text=True, errors="replace", check=False)
    counted = re.search(r"stat::number_of_executed_units: (\d+)", done.stdout)
    steps = re.findall(r"^#(\d+)", done.stdout, re.M)
    executions = int(counted.group(1)) if counted else int(steps[-1]) if steps else 0
    return executions, int(done.returncode != 0), done.stdout


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--seconds", type=int, required=True, help="for each target")
    parser.add_argument("names", nargs="*", help="of targets; all without")
    options = parser.parse_args()
    programs = [p for p in sorted((options.build / "tests/fuzz").glob("fuzz_*"))
                if p.suffix == "" and (not options.names or p.name.removeprefix("fuzz_") in options.names)]
    total, reports = [0, 0], []
    print(f"{'target':16} {'executions':>12} {'findings':>9}")
    for program in programs:
        executions, findings, report = run(program, options.build.resolve(), options.seconds)
        print(f"{program.name.removeprefix('fuzz_'):16} {executions:12} {findings:9}", flush=True)
        total = [total[0] + executions, total[1] + findings]
        reports += [f"\n{program.name}:\n" + "\n".join(report.splitlines()[-60:])] if findings else []
    print(f"{'all':16} {total[0]:12} {total[1]:9}")
    print("\n".join(reports), end="\n" if reports else "")
    return 1 if reports or not programs else 0


if __name__ == "__main__":
    sys.exit(main())
