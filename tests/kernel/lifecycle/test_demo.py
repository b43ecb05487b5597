"""`make demo` and `make lab` as they are: all that they show must be as expected, and nothing is left behind."""
import os
import signal
import subprocess
import unittest
from pathlib import Path

import lab
import patience

FOLDER = Path(__file__).resolve().parents[3] / "deploy/lab"


def namespaces(prefix):
    """Those of one demo or lab: others may run beside it."""
    return [n for n in os.listdir("/run/netns") if n.startswith(prefix)] if os.path.isdir("/run/netns") else []


class DemoTest(unittest.TestCase):
    def setUp(self):
        self.env = dict(os.environ, FAIRLEAD=str(lab.BUILD / "fairlead"))

    def test_the_demo_shows_what_it_says(self):
        process = subprocess.Popen([FOLDER / "demo.sh"], env=self.env, stdout=subprocess.PIPE, text=True,
                                   stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        out, _ = process.communicate(timeout=300 * patience.FACTOR)
        self.assertEqual(process.returncode, 0, out)
        self.assertNotIn("WRONG", out)
        self.assertEqual(namespaces(f"fairlead-{process.pid}-"), [])

    def test_an_interrupted_demo_cleans_up(self):
        process = subprocess.Popen([FOLDER / "demo.sh"], env=self.env, stdout=subprocess.PIPE, text=True,
                                   stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)
        for line in process.stdout:
            if line.startswith("1. "):
                break
        os.killpg(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=60 * patience.FACTOR)
        self.assertEqual(process.returncode, 130, out)
        self.assertEqual(namespaces(f"fairlead-{process.pid}-"), [])

    def test_the_lab_stays_until_it_is_taken_down(self):
        env = dict(self.env, LAB_PREFIX=f"fl-{os.getpid()}-lab-", LAB_FOLDER=f"/tmp/fairlead-lab-{os.getpid()}-make")

        def run(*args):
            return subprocess.run([FOLDER / "lab.sh", *args], env=env, cwd=FOLDER, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, timeout=120 * patience.FACTOR, stdin=subprocess.DEVNULL)

        self.addCleanup(run, "down")
        up = run("up")
        self.assertEqual(up.returncode, 0, up.stdout)
        self.assertIn("make lab-down", up.stdout)
        self.assertTrue(os.path.exists(f"{env['LAB_FOLDER']}/state/dns.serial"), "the host's state folder is left alone")
        self.assertRegex(run("in", "client", "curl", "-sS", "http://web/hostname").stdout, r"^backend-[01]$")
        hints = [line.strip().rsplit("   ", 1)[0] for line in up.stdout.splitlines() if "lab.sh in" in line]
        self.assertEqual(len(hints), 6, up.stdout)
        for hint in hints:  # typed as printed, in a shell that knows nothing of the variables
            typed = subprocess.run(["sh", "-c", hint], cwd=FOLDER, env={"PATH": os.environ["PATH"]}, capture_output=True,
                                   text=True, timeout=60 * patience.FACTOR)
            self.assertEqual((typed.returncode, typed.stdout.strip() != ""), (0, True), f"{hint}\n{typed.stderr}")
        self.assertNotEqual(run("up").returncode, 0)  # there is one already
        self.assertEqual(run("down").returncode, 0)
        self.assertFalse(os.path.exists(env["LAB_FOLDER"]))
        self.assertEqual(namespaces(env["LAB_PREFIX"]), [])

    def test_what_is_missing_is_said(self):
        """As in a plain chroot, which has no /proc."""
        done = subprocess.run(["unshare", "-m", "sh", "-c", 'mount -t tmpfs none /proc && exec "$0" up', FOLDER / "lab.sh"],
                              env=dict(self.env, LAB_PREFIX=f"fl-{os.getpid()}-none-", LAB_FOLDER="/tmp/fairlead-lab-none"),
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("lab: /proc is not mounted\nIn a chroot, ", done.stderr)


if __name__ == "__main__":
    unittest.main()
