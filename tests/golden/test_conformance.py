"""Every test that docs/dns-conformance.md names is there, and every RFC that it has to cover is in it."""
import ast
import re
import unittest
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
PAGE = (TESTS.parent / "docs" / "dns-conformance.md").read_text()
RFCS = (1035, 1982, 2181, 2308, 3597, 5936, 6891, 7766, 7828, 7873, 8020, 8482, 8906, 8914, 9018, 9210)


def python_tests(path):
    """Class.name of each; inherited ones count for the class that has them."""
    return {f"{c.name}.{f.name}" for c in ast.parse(path.read_text()).body if isinstance(c, ast.ClassDef)
            for f in c.body if isinstance(f, ast.FunctionDef) and f.name.startswith("test_")}


def c_tests(path):
    return set(re.findall(r"\bcmocka_unit_test\w*\(\s*(\w+)", path.read_text()))


def tests_in(name):
    for path, find in ((TESTS / f"{name}.c", c_tests), (TESTS / f"{name}.py", python_tests)):
        if path.exists():
            return find(path)
    return None


def missing(page):
    """What it names in backticks as folder/file:name and is not there."""
    found = []
    for name, test in sorted(set(re.findall(r"`(\w+/[\w/]+):([\w.]+)`", page))):
        there = tests_in(name)
        if there is None or test not in there:
            found.append(f"{name}:{test}")
    return found


class Conformance(unittest.TestCase):
    def test_every_named_test_exists(self):
        self.assertEqual(missing(PAGE), [])

    def test_a_missing_one_is_found(self):
        page = PAGE + "`unit/test_serial:nowhere` `unit/test_nowhere:arithmetic` `kernel/dns/test_serial:Serial.test_nowhere`"
        self.assertEqual(len(missing(page)), 3)

    def test_every_rfc_is_covered(self):
        headings = re.findall(r"^## (.*)$", PAGE, re.M)
        for rfc in RFCS:
            self.assertTrue(any(str(rfc) in heading for heading in headings), rfc)

    def test_every_row_shows_a_test_or_says_why_not(self):
        rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| section")]
        self.assertGreater(len(rows), 90)
        for row in rows:
            self.assertRegex(row, r"`\w+/[\w/]+:[\w.]+`|not needed:|not met:|, and never put together|only with ldns"
                             r"|prints with ldns")


if __name__ == "__main__":
    unittest.main()
