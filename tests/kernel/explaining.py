"""What the tests of `fairlead explain` share: to ask it, and to look at its first line."""


class Explaining:
    def explain(self, *words, code=None):
        done = self.daemon.call("explain", *words, check=False)
        if code is not None:
            self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def verdict(self, *words):
        """The first line of a fault."""
        done = self.explain(*words, code=1)
        return done.stdout.split("\n", 1)[0]

    def names(self, words, *expected):
        first = self.verdict(*words)
        for text in expected:
            self.assertIn(text, first)
