"""What the shells themselves complete with the scripts of `fairlead completion`, and what is suggested for a mistake."""
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

PROGRAM = str(Path(os.environ.get("FAIRLEAD_BUILD", Path(__file__).resolve().parents[2] / "build")) / "fairlead")
COMMANDS = {"run", "status", "services", "endpoints", "check", "resolvconf", "query", "explain", "cleanup", "cache",
            "completion", "version", "help"}


def run(*command, **kwargs):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, check=False, **kwargs)


def script(shell):
    done = run(PROGRAM, "completion", shell)
    assert done.returncode == 0 and not done.stderr, done
    return done.stdout


def by_bash(*words):
    quoted = " ".join(f"'{word}'" for word in words)
    line = (f"{script('bash')}\nCOMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _fairlead; "
            "printf '%s\\n' \"${COMPREPLY[@]}\"")
    done = run("bash", "-c", line)
    assert not done.stderr, done.stderr
    return set(done.stdout.split())


def by_fish(*words):
    with tempfile.TemporaryDirectory() as home:
        done = run("fish", "-c", f"{script('fish')}\ncomplete -C '{' '.join(words)}'", env=dict(os.environ, HOME=home))
    assert not done.stderr, done.stderr
    return {line.split("\t")[0] for line in done.stdout.splitlines()}


class Completion(unittest.TestCase):
    def test_bash_and_fish_complete(self):
        for complete in (by_bash, by_fish):
            with self.subTest(complete.__name__):
                self.assertLessEqual(COMMANDS, complete("fairlead", ""))
                self.assertEqual(complete("fairlead", "serv"), {"services"})
                self.assertEqual(complete("fairlead", "run", "--dns-po"), {"--dns-pods"})
                self.assertEqual(complete("fairlead", "run", "--dns-pods", ""), {"disabled", "insecure", "verified"})
                self.assertEqual(complete("fairlead", "status", "-o", "j"), {"json"})
                self.assertEqual(complete("fairlead", "help", "ca"), {"cache"})
                self.assertNotIn("--manifests", complete("fairlead", "status", "--"))

    def test_files(self):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "web.yaml").touch()
            for words in (("check",), ("run", "--kubeconfig")):
                self.assertEqual(by_bash("fairlead", *words, f"{folder}/w"), {f"{folder}/web.yaml"})
                self.assertEqual(by_fish("fairlead", *words, f"{folder}/w"), {f"{folder}/web.yaml"})

    def test_every_flag_of_help_is_there(self):
        for command in COMMANDS:
            flags = {line.split()[0] for line in run(PROGRAM, "help", command).stdout.splitlines() if line.startswith("  -")}
            self.assertTrue(flags)
            for flag in flags:
                self.assertIn(flag, by_bash("fairlead", command, flag))

    def test_zsh_reads_it(self):
        told = "compdef() { :; }\n_describe() { print -l -- $commands; }\n_arguments() { print -l -- $@; }\n"
        done = run("zsh", "-f", "-c", f"{told}{script('zsh')}\nwords=(fairlead ''); CURRENT=2; _fairlead\nwords=(fairlead run ''); CURRENT=3; _fairlead")
        self.assertEqual(done.stderr, "")
        lines = done.stdout.splitlines()
        self.assertLessEqual(COMMANDS, {line.split(":")[0] for line in lines})
        self.assertTrue(any(line.startswith("--dns-pods[") and line.endswith("(disabled insecure verified)") for line in lines))

    def test_another_shell_is_refused(self):
        done = run(PROGRAM, "completion", "tcsh")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("must be bash, zsh or fish", done.stderr)


class Suggestions(unittest.TestCase):
    def test_the_nearest_one(self):
        for words, says in ((("sevices",), "sevices: unknown command; did you mean services?"),
                            (("help", "quary"), "quary: unknown command; did you mean query?"),
                            (("frobnicate",), "frobnicate: unknown command; try `fairlead help`"),
                            (("run", "--dns-lisen", "x"), "--dns-lisen: unknown flag; did you mean --dns-listen?"),
                            (("status", "-wait"), "-wait: unknown flag; did you mean --wait?"),
                            (("run", "--xyz"), "--xyz: unknown flag\n")):
            done = run(PROGRAM, *words)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn(says, done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1)

    def test_version(self):
        self.assertEqual(run(PROGRAM, "--version").stdout, run(PROGRAM, "version").stdout)


if __name__ == "__main__":
    unittest.main()
