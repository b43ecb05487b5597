"""Tests that start a program in a user namespace: skipped, with the reason, where these are forbidden (a chroot, a hardened
host, some containers)."""
import subprocess
import unittest

PREFIX = ("unshare", "--user", "--map-root-user", "--net")


def why_not():
    """"" where user namespaces can be made."""
    tried = subprocess.run([*PREFIX, "true"], capture_output=True, text=True)
    return "" if tried.returncode == 0 else tried.stderr.strip() or f"unshare: exit code {tried.returncode}"


WHY_NOT = why_not()
needed = unittest.skipIf(WHY_NOT, f"user namespaces are forbidden here: {WHY_NOT}")
