"""What run.py says of failing tests: why, in a line each, right behind the verdict and again at the very end."""
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

import reasons

RUN = Path(__file__).resolve().parent.parent / "run.py"

UNITTEST = """
    import sys
    import unittest

    class Some(unittest.TestCase):
        def test_fails(self):
            print("a long log", file=sys.stderr)
            self.assertEqual(["x" * 400], ["y"])

        def test_parts(self):
            for part in (1, 2):
                with self.subTest(part=part):
                    self.assertEqual(part, 1)

        def test_raises(self):
            try:
                {}["key"]
            except KeyError as e:
                raise OSError(5, "why") from e

        @unittest.expectedFailure
        def test_unexpected(self):
            pass

        def test_passes(self):
            pass

    unittest.main(argv=["some", "-v"])
"""

CMOCKA = """\
[==========] Running 3 test(s).
[ RUN      ] test_one
[  ERROR   ] --- 0x1 != 0x2
[   LINE   ] --- tests/unit/test_some.c:7: error: Failure!
[  FAILED  ] test_one
[ RUN      ] test_two
[       OK ] test_two
[ RUN      ] test_three
[  ERROR   ] --- Test failed with exception: Segmentation fault(11)
[  FAILED  ] test_three
[==========] 3 test(s) run.
[  PASSED  ] 1 test(s).
[  FAILED  ] 2 test(s), listed below:
[  FAILED  ] test_one
[  FAILED  ] test_three
"""
OF_CMOCKA = ["test_one: 0x1 != 0x2 tests/unit/test_some.c:7",
             "test_three: Test failed with exception: Segmentation fault(11)"]


class Reasons(unittest.TestCase):
    def test_unittest(self):
        done = subprocess.run([sys.executable, "-c", textwrap.dedent(UNITTEST)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        raises, fails, parts, unexpected = sorted(reasons.of(done.stdout))
        self.assertRegex(fails, r"^FAIL: test_fails \(.*\): <string>:\d+ AssertionError: Lists differ: \['xxx.*x\.\.\.$")
        self.assertEqual(len(fails), 303)
        self.assertRegex(parts, r"^FAIL: test_parts \(.*\) \(part=2\): <string>:\d+ AssertionError: 2 != 1$")
        self.assertRegex(raises, r"^ERROR: test_raises \(.*\): <string>:\d+ OSError: \[Errno 5\] why$")
        self.assertRegex(unexpected, r"^UNEXPECTED SUCCESS: test_unexpected \(.*\)")

    def test_cmocka(self):
        self.assertEqual(reasons.of(CMOCKA), OF_CMOCKA)

    def test_ends_of_programs(self):
        for line in ("a.c:1:2: runtime error: signed integer overflow", "ended by signal 11", "stopped after 900 s",
                     "==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x1", "p: a.c:1: f: Assertion `x' failed."):
            self.assertEqual(reasons.of(f"something\n{line}\nmore\n"), [line])
        self.assertEqual(reasons.of("some\ntext\n\n"), ["text"])
        self.assertEqual(reasons.of(""), [])

    def test_many(self):
        found = reasons.of("".join(f"{n}: runtime error: x\n" for n in range(12)))
        self.assertEqual((len(found), found[-1]), (11, "and 2 more"))

    def test_run_says_why_first_and_last(self):
        with tempfile.TemporaryDirectory() as build:
            program = Path(build, "tests/unit/test_some")
            program.parent.mkdir(parents=True)
            program.write_text(f"#!/bin/sh\ncat <<'END'\n{CMOCKA}END\nexit 2\n")
            program.chmod(0o755)
            done = subprocess.run([sys.executable, RUN, "--build", build, "--only", "unit/"], stdout=subprocess.PIPE, text=True)
        lines = done.stdout.splitlines()
        why = [f"unit/test_some: {reason}" for reason in OF_CMOCKA]
        self.assertEqual(done.returncode, 1)
        self.assertRegex(lines[0], "^FAIL unit/test_some .* 1 passed")
        self.assertEqual(lines[1:3], [f"     ! {line}" for line in why])
        self.assertEqual(lines[-3:], ["1 passed, 2 failed, 0 skipped", *(f"FAIL {line}" for line in why)])


if __name__ == "__main__":
    unittest.main()
