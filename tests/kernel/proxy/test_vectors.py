"""
Every nftables flow of tests/vectors/proxy.json on the real kernel: kube-proxy's own unit tests, packet by packet. Each
flow is one new connection from its source to its destination; what is checked is who answers (the exact set of
endpoints, each of them reached), whether the source was masqueraded, or that the connection is refused, dropped, or left
alone. All flows are replayed a second time in IPv6, with every address mapped to 2001:db8:4::<the IPv4 address>.
"""
import ipaddress
import itertools
import json
import re
import unittest
from pathlib import Path

import lab
import manifests as m
import traffic

VECTORS = json.loads((Path(__file__).resolve().parents[2] / "vectors/proxy.json").read_text())
# flows that cannot be replayed yet: (test name, flow name) → reason
NOT_YET = {}


def mapped(text):
    """IPv4 addresses and prefixes in a JSON text → IPv6 ones that keep their relations."""
    def address(match):
        # leading zeros as in 010.020 are decimal here, as in kube-proxy
        quad = ".".join(str(int(part)) for part in match[1].split("."))
        mapped = ipaddress.IPv6Address(int(ipaddress.IPv6Address("2001:db8:4::")) + int(ipaddress.IPv4Address(quad)))
        if match[2]:
            return f"{mapped}/{96 + int(match[2][1:])}"
        return f"[{mapped}]{match[3]}" if match[3] else str(mapped)

    return re.sub(r"(?<![\w.:])(\d{1,3}(?:\.\d{1,3}){3})(?![\w.])(/\d+)?(:\d+)?", address, text)


def in_ipv6(test):
    test = json.loads(mapped(json.dumps(test)).replace('"addressType": "IPv4"', '"addressType": "IPv6"'))
    test["node"]["family"] = "IPv6"
    return test


class Stage:
    """The network of one test: a node with all its addresses, and a namespace for each other address."""

    def __init__(self, test):
        self.node_facts = node = test["node"]
        self.six = node["family"] == "IPv6"
        self.lab = lab.Lab()
        own = [a for a in node["localInterfaces"]["eth0"] if (":" in a) == self.six and not a.startswith("2001:db8::")
               and not a.startswith("2001:db8:1:")]
        self.node = self.lab.node(addrs=own)
        self.own = {a.split("/")[0] for a in own}
        # everything that the proxy leaves alone ends here, where every address is at home and a server listens
        self.world = self.lab.pod(self.node, "world", "2001:db8:9::1" if self.six else "198.51.100.1")
        device = f"v{len(self.lab.namespaces)}"
        self.node.ip(f"route replace default dev {device} src {node['nodeIP']}")
        self.others, self.serving, self.homes = {}, set(), set()
        self.folder = m.Folder(self.lab.folder / "manifests")
        self.daemon = self.lab.daemon(self.node, self.folder, *self.flags())
        self.steps = itertools.count(1)

    def flags(self):
        node = self.node_facts
        yield from ("--node-name", node["nodeName"], "--node-ip", node["nodeIP"])
        mine = [a for a in node["nodePortAddresses"] if (":" in a) == self.six and not a.startswith("2001:db8::")]
        yield from ("--nodeport-addresses", ",".join(mine))
        yield from ("--service-cidr", ",".join(node["serviceCIDRs"]))
        yield from ("--external-ips", "0.0.0.0/0,::/0")  # kube-proxy serves them also at the node's own addresses
        if node["detectLocal"]:
            yield from ("--detect-local-mode", node["detectLocal"]["mode"], "--cluster-cidr", node["detectLocal"]["cidr"])
        if node["masqueradeAll"]:
            yield "--masquerade-all"

    def at(self, addr):
        """The namespace that has this address."""
        if addr in self.own:
            return self.node
        if addr not in self.others:
            self.others[addr] = self.lab.pod(self.node, f"n{len(self.others)}", addr)
        return self.others[addr]

    def serve(self, ns, name, proto, port):
        if (ns.name, proto, port) not in self.serving:
            self.serving.add((ns.name, proto, port))
            getattr(self.lab.servers, proto)(ns, name, port)

    def apply(self, test):
        """Puts the objects of the test in force. A headless service tells when: DNS shows it after the kernel has all."""
        number = next(self.steps)
        name = f"step-{number}"
        marker = (m.service(name, "None", [m.port(80)], ns="marker"),
                  m.slice(name, ["2001:db8::7" if self.six else "192.0.2.7"], [80], ns="marker"))
        self.folder.put("objects", *test["services"], *test["endpointslices"], *marker)
        kind = "AAAA" if self.six else "A"
        lab.wait_until(lambda: traffic.dig(self.node, "127.0.0.1", f"{name}.marker.svc.cluster.local", kind).answer,
                       what=f"{test['name']} in force")

    def replay(self, flow):
        want, proto = flow["expect"], flow["proto"]
        source = self.source(flow)
        go = {"proto": proto, "src": flow["src"]}
        if want["action"] == "dnat":
            by_name = {}
            for endpoint in want["endpoints"]:
                addr, port = endpoint.rsplit(":", 1)
                self.serve(self.at(addr.strip("[]")), endpoint, proto, int(port))
                by_name[endpoint] = addr.strip("[]")
            replies = traffic.servers_reached(source, flow["dst"], flow["dport"], by_name, **go)
            for reply in replies:
                self.check_source(flow, by_name[reply.server], reply)
            return
        home = self.node if flow["dst"] in self.own else self.world
        self.serve(home, "left alone", proto, flow["dport"])
        if home is self.world and flow["dst"] not in self.homes:
            self.homes.add(flow["dst"])
            self.world.add_addr(flow["dst"], "eth0")
        reply = traffic.connect(source, flow["dst"], flow["dport"], limit_s=0.7 if want["action"] == "drop" else 5, **go)
        got = {"ok": "none" if reply.server == "left alone" else reply.server, "refused": "reject",
               "timeout": "drop"}.get(reply.outcome, reply.outcome)
        assert got == want["action"], f"{flow['name']}: {got} instead of {want['action']}"
        if got == "none" and flow["masq"] is False:
            assert reply.client == flow["src"], f"{flow['name']}: seen as {reply.client}"

    def source(self, flow):
        if flow["src_kind"] == "node":
            return self.node
        if flow["src_kind"] == "lb-vip-as-source":
            if flow["src"] not in self.node.addrs:
                self.node.add_addr(flow["src"], "lo")
            return self.node
        return self.at(flow["src"])

    def check_source(self, flow, reached, reply):
        seen, masqueraded = reply.client, flow["masq"]
        if flow["src"] in {e.rsplit(":", 1)[0].strip("[]") for e in flow["expect"]["endpoints"]}:
            # hairpin: the vectors look at the first endpoint only; here, a pod that reaches itself
            masqueraded = flow["src"] == reached
        if masqueraded is True and seen not in self.node.addrs:
            raise AssertionError(f"{flow['name']}: {reached} sees {seen}, not the node")
        if masqueraded is False and seen != flow["src"]:
            raise AssertionError(f"{flow['name']}: {reached} sees {seen}, not the source {flow['src']}")


class Flows(unittest.TestCase):
    """One test per test of the vectors, steps in order; filled in below."""


def replay_all(tests):
    def run(self):
        stage = Stage(tests[0])
        self.addCleanup(stage.lab.end)
        for test in tests:
            stage.apply(test)
            for flow in test["flows"]:
                reason = NOT_YET.get((test["name"], flow["name"]))
                if reason:
                    print(f"skip {test['name']}: {flow['name']}: {reason}")
                    continue
                with self.subTest(test=test["name"], flow=flow["name"], dst=f"{flow['dst']}:{flow['dport']}"):
                    try:
                        stage.replay(flow)
                    except AssertionError as wrong:
                        raise AssertionError(f"{wrong}\n{stage.daemon.log()[-2000:]}") from None

    return run


class CountTest(unittest.TestCase):
    def test_nothing_is_left_out(self):
        self.assertEqual(sum(len(t["flows"]) for t in VECTORS["tests"] if t["backend"] == "nftables"), 125)
        self.assertEqual(VECTORS["counts"]["flows"], 125)

    def test_the_ipv6_mapping(self):
        self.assertEqual(mapped('"10.0.0.0/8" "10.1.2.3:80" "192.168.0.2"'),
                         '"2001:db8:4::a00:0/104" "[2001:db8:4::a01:203]:80" "2001:db8:4::c0a8:2"')


for base, steps in itertools.groupby(VECTORS["tests"], key=lambda t: t["name"].split("#")[0]):
    steps = list(steps)
    word = re.sub(r"\W+", "_", base.removeprefix("nft/"))
    setattr(Flows, f"test_ipv4_{word}", replay_all(steps))
    setattr(Flows, f"test_ipv6_{word}", replay_all([in_ipv6(t) for t in steps]))

if __name__ == "__main__":
    unittest.main()
