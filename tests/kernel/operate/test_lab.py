"""The lab itself, against hand-written nft rules: what the other kernel tests believe of it must hold without us."""
import os
import subprocess
import sys
import unittest

import lab
import traffic

RULES = """
table inet hand {
	chain in {
		type nat hook prerouting priority dstnat
		ip daddr 10.96.0.1 meta l4proto { tcp, udp, sctp } dnat to 10.244.0.10
		ip daddr 10.96.0.2 reject
		ip daddr 10.96.0.3 drop
		ip6 daddr fd00:96::1 dnat to fd00:244::10
	}
	chain out {
		type nat hook output priority -100
		ip daddr 10.96.0.1 dnat to 10.244.0.10
		ip daddr 10.96.0.2 reject
	}
	chain leave {
		type nat hook postrouting priority srcnat
		ip saddr 10.244.0.10 ip daddr 10.244.0.10 masquerade
	}
}
"""


class LabTest(unittest.TestCase):
    def setUp(self):
        self.lab = lab.Lab()
        self.addCleanup(self.lab.end)
        self.node = self.lab.node()
        self.pod = self.lab.pod(self.node, "pod", "10.244.0.10", "fd00:244::10")
        self.other = self.lab.pod(self.node, "other", "10.244.0.11", "fd00:244::11")
        self.client = self.lab.host(self.node, "client", "192.168.0.1", "fd00:0::1")
        self.lab.servers.tcp(self.pod, "one", 80)
        self.lab.servers.udp(self.pod, "one", 80)
        self.lab.servers.sctp(self.pod, "one", 80)
        self.lab.servers.http(self.pod, "one", 8080)

    def test_everyone_reaches_a_pod_unchanged(self):
        for source in (self.other, self.client, self.node):
            for addr, own in zip(("10.244.0.10", "fd00:244::10"), source.addrs):
                for proto, size in (("tcp", 2000), ("udp", 2000), ("sctp", 0)):
                    with self.subTest(source=source.short, addr=addr, proto=proto):
                        reply = traffic.connect(source, addr, 80, proto, data=b"x" * size)
                        self.assertEqual((reply.outcome, reply.server), ("ok", "one"))
                        # fd00::1 is how fd00:0::1 reads in short
                        self.assertEqual(reply.client, own.replace(":0::", "::"))

    def test_real_clients(self):
        self.assertEqual(traffic.curl(self.client, "http://10.244.0.10:8080/hostname").body, "one")
        self.assertEqual(traffic.curl(self.client, "http://10.244.0.10:8080/clientip").body, "192.168.0.1")
        self.assertEqual(traffic.curl(self.client, "http://10.244.0.10:81/").exit, 7)
        self.assertEqual(traffic.dig(self.client, "10.244.0.10", "a.b", "A", port=81).status, None)

    def test_translation_refusal_and_silence_are_told_apart(self):
        self.node.run("nft", "-f", "-", input=RULES)
        for proto in ("tcp", "udp", "sctp"):
            for source in (self.pod, self.other, self.client, self.node):
                with self.subTest(proto=proto, source=source.short):
                    self.assertEqual(traffic.connect(source, "10.96.0.1", 80, proto).server, "one")
                    self.assertEqual(traffic.connect(source, "10.96.0.2", 80, proto).outcome, "refused")
            self.assertEqual(traffic.connect(self.client, "10.96.0.3", 80, proto, limit_s=0.5).outcome, "timeout")
        self.assertEqual(traffic.connect(self.other, "fd00:96::1", 80).server, "one")
        hairpin = traffic.connect(self.pod, "10.96.0.1", 80)
        self.assertIn(hairpin.client, self.node.addrs)

    def test_a_killed_lab_is_swept_by_the_next(self):
        process, name = self.other_lab()
        process.kill()
        process.communicate()
        lab.sweep()
        self.assertFalse(os.path.exists(f"/run/netns/{name}"))

    def test_a_terminated_lab_cleans_up(self):
        process, name = self.other_lab()
        process.terminate()
        process.communicate()
        self.assertFalse(os.path.exists(f"/run/netns/{name}"))

    def other_lab(self):
        """A process with a lab, and the name of its namespace. It is there as long as the process: others sweep, too."""
        process = subprocess.Popen([sys.executable, "-c", "import lab, time; x = lab.Lab(); print(x.ns('left').name, "
                                    "flush=True); time.sleep(600)"], stdout=subprocess.PIPE, text=True)
        name = process.stdout.readline().strip()
        self.assertTrue(os.path.exists(f"/run/netns/{name}"))
        return process, name


if __name__ == "__main__":
    unittest.main()
