"""
Random services, slices, nodes and changes of them on the real kernel, each followed by connections from every kind of
source to every address in sight: what becomes of them must be what proxy_model.py says. UDP flows that are open and
clients that are remembered must stay or move as it says, and health check node ports count as it does. MODEL_SEEDS=1-50
and MODEL_STEPS=30 in the environment try more.
"""
import json
import os
import time
import unittest

import traffic
from model_stage import COMING, ModelStage, OTHER_PORT
from proxy_model import family_of
from random_services import CLUSTER_IPS, EXTERNALS, HEALTH_PORTS, NODE_ADDRS, NODE_PORTS, PODS, VIPS
from volley import Dial, volley

SEEDS, STEPS = os.environ.get("MODEL_SEEDS", "1-3"), int(os.environ.get("MODEL_STEPS", "5"))
NO_LOCAL = "kubeproxy_sync_proxy_rules_no_local_endpoints_total"
SILENCE_S = 0.3  # is enough to call it dropped
TURNS = 350  # of connections, to see each of five endpoints by their weights: chance misses one once in 10**9 runs


def can_ask_sctp(want):
    """The SCTP server written by hand answers from the first address of its host."""
    return want.action != "none" and not {a for a, _ in want.endpoints} & set(NODE_ADDRS)


class ModelTest(ModelStage):
    # ---- what is expected of a Dial ----

    def frontend(self, dial):
        return self.model.owners.get((dial.dst, dial.proto.upper(), dial.port))

    def owner(self, dial):
        frontend = self.frontend(dial)
        return frontend and frontend.service["metadata"]["name"]

    def source_of(self, dial):
        return next(s for ns, s in self.sources if ns is dial.ns and s.addr == dial.src)

    def verdict(self, dial):
        return self.model.verdict(self.source_of(dial), dial.dst, dial.proto.upper(), dial.port)

    def patience(self, dial):
        """How long to wait for an answer to a new connection; none should come when it is dropped."""
        return SILENCE_S if self.verdict(dial).action == "drop" else traffic.ANSWER_S

    @staticmethod
    def place_of(dial, reply):
        """Which endpoint answered."""
        six = family_of(dial.dst) == 6
        return PODS[reply.server][six] if reply.server in PODS else NODE_ADDRS[six], reply.local_port

    def wrong(self, dial, reply):
        """What is wrong with the reply to a new connection, or None."""
        want, source = self.verdict(dial), self.source_of(dial)
        got = {"ok": "none" if reply.server == "left alone" else "dnat", "refused": "reject",
               "timeout": "drop"}.get(reply.outcome, reply.outcome)
        if got != want.action:
            return f"{got} instead of {want.action}"
        if got != "dnat":
            return None
        place = self.place_of(dial, reply)
        if place not in want.endpoints:
            return f"{place} instead of one of {want.endpoints}"
        on_the_way_out = place[0] not in self.node.addrs or source.device == ""  # where packets are masqueraded
        masquerade = on_the_way_out and (want.masquerade or place[0] == source.addr)
        if (reply.client in self.node.addrs) if masquerade else (reply.client == source.addr):
            return None
        return f"{reply.server} sees {reply.client}, masquerade is {masquerade}"

    def explain(self, dial, wrong):
        frontend = self.frontend(dial)
        targets = self.model.targets(frontend) if frontend else ()
        return f"{dial.ns.short} {dial.src} → {dial.proto} {dial.dst}:{dial.port}: {wrong}\n" \
            f"{self.verdict(dial)}\n{frontend}\n{targets}"

    def assert_right(self, dial, reply):
        wrong = self.wrong(dial, reply)
        self.assertIsNone(wrong, self.explain(dial, wrong))

    # ---- new connections ----

    def destinations(self):
        """Every frontend of any service that is, and some of what is next to it."""
        addrs = {a for pool in (CLUSTER_IPS, VIPS, EXTERNALS) for family in pool for a in family}
        for addr in sorted(addrs | set(self.node.addrs)):
            for port in (80, 81, OTHER_PORT, *NODE_PORTS):
                for proto in ("TCP", "UDP", "SCTP"):
                    near = (port in NODE_PORTS) == (addr in (*NODE_ADDRS, COMING)) and self.random.random() < 0.2
                    if near or (addr, proto, port) in self.model.owners:
                        yield addr, proto.lower(), port

    def dials(self):
        return [Dial(ns, source.addr, *to) for to in self.destinations() for ns, source in self.sources
                if family_of(to[0]) == family_of(source.addr)]

    def check_new_connections(self):
        self.node.run("conntrack", "-F", check=False)
        dials = self.dials()
        self.check_sctp([d for d in dials if d.proto == "sctp"])
        dials = [d for d in dials if d.proto != "sctp"]
        silent = [d for d in dials if self.verdict(d).action == "drop"]
        for dial, reply in zip(silent, volley(silent, SILENCE_S)):
            self.assert_right(dial, reply)
        seen = {d: set() for d in dials if d not in set(silent)}
        still = list(seen)
        for turn in range(TURNS):
            replies = volley(still, traffic.ANSWER_S)
            still = [d for d, reply in zip(still, replies) if not self.is_done(d, reply, seen[d], turn)]
        self.assertEqual([self.explain(d, f"only {seen[d]}") for d in still], [])
        return len(dials)

    def check_sctp(self, dials):
        """A few: one after the other."""
        for dial in [d for d in dials if can_ask_sctp(self.verdict(d))][:5]:
            limit_s = self.patience(dial)
            self.assert_right(dial, traffic.connect(dial.ns, dial.dst, dial.port, "sctp", dial.src, limit_s=limit_s))

    def is_done(self, dial, reply, seen, turn):
        """Every endpoint has answered, or, where a client stays at one, that one three times."""
        want = self.verdict(dial)
        self.assert_right(dial, reply)
        if want.action != "dnat":
            return True
        seen.add(self.place_of(dial, reply))
        if want.affinity or "fairlead/lb" in self.frontend(dial).service["metadata"].get("annotations", {}):
            self.assertEqual(len(seen), 1, self.explain(dial, seen))
            self.remembered[dial] = self.place_of(dial, reply), self.owner(dial)
            return turn >= 2
        return len(seen) == len(want.endpoints)

    # ---- what must outlive a change ----

    def may_stay(self, dial, place, owner):
        """Where a policy becomes Local clients are forgotten."""
        want, frontend = self.verdict(dial), self.frontend(dial)
        return want.affinity and place in want.endpoints and self.owner(dial) == owner and (
            frontend.kind == "ClusterIP" or frontend.service["spec"]["externalTrafficPolicy"] != "Local")

    def check_affinity(self):
        """Who is remembered goes where he went while that endpoint may serve him."""
        remembered = {} if self.reloads else self.remembered  # other rules start with an empty memory
        dials = [dial for dial, (place, owner) in remembered.items() if self.may_stay(dial, place, owner)]
        for dial, reply in zip(dials, volley(dials, traffic.ANSWER_S)):
            self.assertEqual(self.place_of(dial, reply), self.remembered[dial][0], self.explain(dial, reply))
        self.remembered = {}
        return len(dials)

    def open_flows(self):
        """To frontends, mostly, and next to them, where one may appear."""
        for dial in self.dials():
            if dial.proto != "sctp" and self.random.random() < (0.1 if self.frontend(dial) else 0.03):
                sock = traffic.open_flow(dial.ns, dial.dst, dial.proto, dial.src)
                self.addCleanup(sock.close)
                reply = traffic.exchange(sock, dial.dst, dial.port, dial.proto, limit_s=self.patience(dial))
                self.flows.append((dial, sock, reply, self.owner(dial)))

    def check_flows(self):
        for dial, sock, before, owner in self.flows:
            with sock:
                if dial.dst == COMING:
                    continue
                if dial.proto == "tcp":
                    self.check_connection(dial, sock, before)
                elif owner is None or self.owner(dial) in (owner, None):  # else there may have been a third between
                    self.check_flow(dial, sock, before)
        count, self.flows = len(self.flows), []
        return count

    def check_connection(self, dial, sock, before):
        """What is established goes on."""
        if before.outcome == "ok":
            sock.settimeout(traffic.ANSWER_S)
            sock.sendall(b"again")
            self.assertEqual(sock.recv(100), b"again", self.explain(dial, f"{before} before"))

    def check_flow(self, dial, sock, before):
        """UDP from the same source port: stays with an endpoint that serves, else is balanced anew."""
        place = self.place_of(dial, before) if before.server not in (None, "left alone") else None
        kept = place and self.model.still_serves(dial.dst, "UDP", dial.port, place)
        if before.server == "left alone" and self.frontend(dial) is None:
            kept = True  # who is refused or dropped beside the frontends is new

        def wrong():
            limit_s = traffic.ANSWER_S if kept else self.patience(dial)
            reply = traffic.exchange(sock, dial.dst, dial.port, limit_s=limit_s)
            if kept:
                return None if reply.server == before.server else f"moved to {reply}"
            return self.wrong(dial, reply)

        end, said = time.monotonic() + traffic.ANSWER_S, wrong()
        while said and not kept and time.monotonic() < end:  # until conntrack has forgotten it
            said = wrong()
        self.assertIsNone(said, f"open flow, {before} before: {self.explain(dial, said)}")

    # ---- health check node ports, figures ----

    def check_health(self):
        """They tell of the family of the address that is asked, where the Service has it, else of the one that it has. Of
        Services that want the same number one has it."""
        for number in HEALTH_PORTS:
            wanting = [s for s in self.model.services if s["spec"].get("healthCheckNodePort") == number]
            for ip in self.model.node.nodeport_addrs():
                rivals = {s["metadata"]["name"]: self.model.local_ready(s, self.family_told(s, family_of(ip)))
                          for s in wanting}
                self.check_page(f"http://{f'[{ip}]' if ':' in ip else ip}:{number}/", rivals)

    @staticmethod
    def family_told(service, asked):
        has = [family_of(c) for c in service["spec"]["clusterIPs"]]
        return asked if asked in has else has[0]

    def check_page(self, url, rivals):
        got = traffic.curl(self.node, url, "-D", "-")
        if not rivals:
            self.assertEqual(got.exit, 7, (url, got))
            return
        head, _, body = got.body.partition("\n\n")
        self.assertNotEqual(body, "", (url, got, rivals))
        name = json.loads(body)["service"]["name"]
        count = rivals[name]
        self.assertEqual(got.code, 200 if count else 503, (url, got))
        self.assertIn(f"X-Load-Balancing-Endpoint-Weight: {count}\n", head)
        self.assertEqual(json.loads(body), {"service": {"namespace": "default", "name": name}, "localEndpoints": count,
                                            "serviceProxyHealthy": True})

    def check_figures(self):
        """Service ports that turn clients away for want of a local endpoint."""
        page = traffic.curl(self.node, "http://127.0.0.1:10249/metrics").body
        for policy in ("internal", "external"):
            for family in (4, 6):
                labels = f'{{traffic_policy="{policy}",ip_family="IPv{family}"}}'
                self.assertIn(f"{NO_LOCAL}{labels} {self.model.no_local(policy, family)}\n", page)


def run(seed):
    def test(self):
        self.start(seed)
        self.flows, self.remembered = [], {}
        for number in range(STEPS):
            if number != 0:
                self.step()
            self.settle()
            with self.subTest(seed=seed, step=number):
                self.check_health()
                self.check_figures()
                flows, clients = self.check_flows(), self.check_affinity()
                count = self.check_new_connections()
                self.open_flows()
                if STEPS > 5:
                    print(f"seed {seed} step {number}: {count} places, {flows} flows, {clients} clients", flush=True)
    return test


first, last = (int(part) for part in (SEEDS.split("-") * 2)[:2])
for one in range(first, last + 1):
    setattr(ModelTest, f"test_seed_{one}", run(one))

if __name__ == "__main__":
    unittest.main()
