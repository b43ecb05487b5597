"""What `fairlead check` may cost, whatever it reads: memory six times the file, time linear in it."""
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

BUILD = Path(os.environ.get("FAIRLEAD_BUILD", Path(__file__).resolve().parents[2] / "build")).resolve()
FAIRLEAD = BUILD / "fairlead"
SANITIZED = "san-" in str(BUILD)  # memory is the sanitizer's
MEGABYTE = 1 << 20
SECONDS_PER_10_MB = 12 if SANITIZED else 4  # of CPU; under 1 where nothing else runs


def service(number):
    return (f"apiVersion: v1\nkind: Service\nmetadata: {{name: s{number}}}\n"
            f"spec: {{clusterIP: 10.{number >> 16}.{number >> 8 & 255}.{number & 255}, ports: [{{port: 80}}]}}\n---\n")


def until(size, of):
    count = size // len(of(0)) + 1
    return "".join(map(of, range(count)))


SHAPES = {
    "one object, again and again": lambda size: until(size, lambda i: service(1)),
    "many objects": lambda size: until(size, service),
    "very small objects": lambda size: until(size, lambda i: f"{{kind: Pod, apiVersion: v1, metadata: {{name: a{i}}}}}\n---\n"),
    "small JSON": lambda size: until(size, lambda i: f'{{"kind":"Namespace","apiVersion":"v1","metadata":{{"name":"a{i}"}}}}\n'),
    "a flow list": lambda size: "a: [" + until(size, lambda i: "1,") + "]\n",
    "a flow map": lambda size: "a: {" + until(size, lambda i: f"k{i}: 1,") + "}\n",
    "a JSON array": lambda size: '{"a": [' + until(size, lambda i: "1,") + "1]}\n",
    "unknown fields": lambda size: service(1).replace("\n---\n", "\n") + until(size, lambda i: f"field{i}: 1\n"),
    "a mistake in each": lambda size: until(size, lambda i: service(i).replace("port: 80", "port: 80, protocl: UDP")),
    "unknown kinds": lambda size: until(size, lambda i: f"apiVersion: a{i}/v1\nkind: K{i}\nmetadata: {{name: x}}\n---\n"),
    "labels": lambda size: "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  labels:\n"
                           + until(size, lambda i: f"    k{i}: b c\n"),
    "anchors": lambda size: "a:\n" + until(size, lambda i: f"- &a{i} b\n- *a{i}\n"),
    "separators": lambda size: until(size, lambda i: "---\n"),
    "documents of no use": lambda size: until(size, lambda i: "--- a\n"),
    "JSON objects of no use": lambda size: until(size, lambda i: "{}"),
    "items of no use": lambda size: "apiVersion: v1\nitems:\n" + until(size, lambda i: "- a: 1\n") + "kind: List\n",
    "JSON items of no use": lambda size: '{"apiVersion": "v1", "kind": "List", "items": [' + until(size, lambda i: "{},") + "{}]}",
    "tag directives": lambda size: until(size, lambda i: f"%TAG !a{i}! tag:a\n") + "--- a\n",
    "open brackets": lambda size: until(size, lambda i: "["),
    "a long text": lambda size: "a: |\n" + until(size, lambda i: "  text text text\n"),
    "an Endpoints object": lambda size: '{"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "a"}, "subsets": '
                                        '[{"addresses": [' + until(size, lambda i: f'{{"ip": "10.1.{i >> 8 & 255}.{i & 255}"}},')
                                        + '{"ip": "10.1.1.1"}]}]}\n',
}


class Bounds(unittest.TestCase):
    def cost(self, text):
        """(seconds of CPU, bytes of memory) of a check, and how large the file is."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "a.yaml"
            path.write_text(text)
            pid = os.fork()
            if pid == 0:
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, 1)
                os.dup2(null, 2)
                os.execv(FAIRLEAD, [FAIRLEAD, "check", path])
            _, status, usage = os.wait4(pid, 0)
            self.assertIn(os.waitstatus_to_exitcode(status), (0, 1))
            return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, path.stat().st_size

    def test_memory_and_time(self):
        for name, shape in SHAPES.items():
            with self.subTest(shape=name):
                seconds, memory, size = self.cost(shape(10 * MEGABYTE))
                if not SANITIZED:
                    self.assertLess(memory, 6 * size)
                self.assertLess(seconds, SECONDS_PER_10_MB * size / (10 * MEGABYTE))

    def test_too_many_documents(self):
        """One line for the rest, wherever it begins, and what is in front of it counts."""
        few = service(1) + service(2)
        for shape in ("--- a\n" * 150000, "{}\n" * 150000):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "a.yaml"
                path.write_text(few + shape)
                done = subprocess.run([FAIRLEAD, "check", path], capture_output=True, text=True, check=False)
                told = [text for text in done.stdout.splitlines() if "too many documents in one file" in text]
                self.assertEqual(len(told), 1, told)
                self.assertIn(f"{path}:{10 + 100000 - 2 + 1}: ", told[0])
                self.assertEqual(len(done.stdout.splitlines()), 100000 - 2 + 1)

    def test_40_mb(self):
        """The shapes that were worst once; four times the text is at most six times the work."""
        for name in ("a flow list", "one object, again and again"):
            with self.subTest(shape=name):
                few, _, _ = self.cost(SHAPES[name](10 * MEGABYTE))
                seconds, memory, size = self.cost(SHAPES[name](40 * MEGABYTE))
                if not SANITIZED:
                    self.assertLess(memory, 6 * size)
                self.assertLess(seconds, 6 * few + 1)


if __name__ == "__main__":
    unittest.main()
