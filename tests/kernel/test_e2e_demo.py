"""`make demo` and `make lab` as they are: all that they show must be as expected, and nothing is left behind."""
import os
import signal
import subprocess
import unittest
from pathlib import Path

import lab

FOLDER = Path(__file__).resolve().parents[2] / "deploy/lab"


def namespaces():
    return {n for n in os.listdir("/run/netns") if n.startswith("fairlead")} if os.path.isdir("/run/netns") else set()


class DemoTest(unittest.TestCase):
    def setUp(self):
        self.env = dict(os.environ, FAIRLEAD=str(lab.BUILD / "fairlead"))
        self.before = namespaces()

    def test_the_demo_shows_what_it_says(self):
        done = subprocess.run([FOLDER / "demo.sh"], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=300, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertNotIn("WRONG", done.stdout)
        self.assertEqual(namespaces() - self.before, set())

    def test_an_interrupted_demo_cleans_up(self):
        process = subprocess.Popen([FOLDER / "demo.sh"], env=self.env, stdout=subprocess.PIPE, text=True,
                                   stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)
        mine = f"fairlead-{process.pid}-"
        for line in process.stdout:
            if line.startswith("1. "):
                break
        os.killpg(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, out)
        self.assertEqual([n for n in namespaces() if n.startswith(mine)], [])

    def test_the_lab_stays_until_it_is_taken_down(self):
        env = dict(self.env, LAB_PREFIX=f"fl-{os.getpid()}-lab-", LAB_FOLDER=f"/tmp/fairlead-lab-{os.getpid()}-make")

        def run(*args):
            return subprocess.run([FOLDER / "lab.sh", *args], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, timeout=120, stdin=subprocess.DEVNULL)

        self.addCleanup(run, "down")
        up = run("up")
        self.assertEqual(up.returncode, 0, up.stdout)
        self.assertIn("make lab-down", up.stdout)
        self.assertRegex(run("in", "client", "curl", "-sS", "http://web/hostname").stdout, r"^backend-[01]$")
        self.assertNotEqual(run("up").returncode, 0)  # there is one already
        self.assertEqual(run("down").returncode, 0)
        self.assertFalse(os.path.exists(env["LAB_FOLDER"]))
        self.assertEqual([n for n in os.listdir("/run/netns") if n.startswith(env["LAB_PREFIX"])], [])


if __name__ == "__main__":
    unittest.main()
