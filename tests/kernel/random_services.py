"""Random Services and EndpointSlices for tests with a seed: few names and addresses for many, so that claims meet."""
import random

import manifests

PORTS = [("a", 80, "TCP"), ("b", 80, "UDP"), ("c", 81, "UDP"), ("d", 81, "TCP"), ("e", 81, "SCTP")]
NODE_PORTS, TARGET_PORTS, HEALTH_PORTS = (30000, 30001, 30002), (8080, 8081), (30100, 30101, 30102)
NODE_ADDRS = ("192.168.0.2", "fd00::2", "192.168.0.3", "fd00::3")
NODE_VIP = "198.51.100.1"  # a load balancer address that the node may have itself
PODS = {"p0": ("10.244.0.10", "fd00:244::10"), "p1": ("10.244.0.11", "fd00:244::11"),
        "q0": ("10.244.1.10", "fd00:244:0:1::10"), "q1": ("10.244.1.11", "fd00:244:0:1::11")}
CLUSTER_IPS = ([f"10.96.0.{n}" for n in range(1, 6)], [f"fd00:96::{n}" for n in range(1, 6)])
VIPS = ([NODE_VIP, "198.51.100.2"], ["2001:db8:51::1", "2001:db8:51::2"])
EXTERNALS = (["203.0.113.1", NODE_VIP], ["2001:db8:113::1"])
RANGES = ["10.244.0.0/24", "192.168.0.1/32", "192.168.0.0/24", "10.0.0.0/8", "0.0.0.0/0", "203.0.113.0/24",
          "fd00:244::/64", "fd00::/64", "fd00::/16", "::/0", "2001:db8::/32"]
LEAVING = {"ready": False, "serving": True, "terminating": True}
CONDITIONS = [{}, {}, {}, {"ready": True}, LEAVING, LEAVING, {"ready": False}, {"ready": False, "serving": False},
              {"ready": False, "serving": False, "terminating": True},
              {"ready": True, "serving": True, "terminating": True}]


class Objects:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def some(self, both, least=0):
        """Addresses of either family."""
        flat = [a for family in both for a in family]
        return self.random.sample(flat, self.random.randrange(least, 3))

    def ports(self, node_ports):
        r, used = self.random, set()
        chosen = r.sample(PORTS, r.choice([1, 1, 2, 3, 4]))
        for name, number, proto in chosen:
            node_port = r.choice(NODE_PORTS) if node_ports and r.random() < 0.8 else None
            if (node_port, proto) in used:
                node_port = None
            used.add((node_port, proto))
            yield manifests.port(number, "" if len(chosen) == 1 and r.random() < 0.3 else name, proto, node_port)

    def fill_node_ports(self, ports):
        """Each port of a NodePort Service has one, as an API server sees to; else one would be allocated here."""
        for p in ports:
            taken = {(q.get("nodePort"), q["protocol"]) for q in ports}
            if "nodePort" not in p:
                p["nodePort"] = next(n for n in NODE_PORTS if (n, p["protocol"]) not in taken)

    def cluster_ips(self):
        r = self.random
        return [r.choice(f) for f in r.choice([CLUSTER_IPS[:1], CLUSTER_IPS[1:], CLUSTER_IPS, CLUSTER_IPS[::-1]])]

    def service(self, name):
        r = self.random
        kind = r.choice(["ClusterIP", "ClusterIP", "NodePort", *["LoadBalancer"] * 4, "ExternalName", "None"])
        if kind == "ExternalName":
            return manifests.service(name, type=kind, externalName="www.example.org")
        if kind == "None":
            return manifests.service(name, "None", list(self.ports(False)))
        spec = {"type": kind, "sessionAffinity": r.choice(["None", "None", "ClientIP"]),
                "internalTrafficPolicy": r.choice(["Cluster", "Cluster", "Local"])}
        if spec["sessionAffinity"] == "ClientIP" and r.random() < 0.5:
            spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": r.choice([600, 86400])}}
        if r.random() < 0.3:
            spec["externalIPs"] = self.some(EXTERNALS)
        if kind != "ClusterIP" or spec.get("externalIPs"):
            spec["externalTrafficPolicy"] = r.choice(["Cluster", "Local"])
        service = manifests.service(name, self.cluster_ips(), list(self.ports(kind != "ClusterIP")), **spec)
        if kind == "NodePort":
            self.fill_node_ports(service["spec"]["ports"])
        if kind == "LoadBalancer":
            service["spec"]["allocateLoadBalancerNodePorts"] = False
            self.balance(service)
        if r.random() < 0.5:
            service["metadata"]["creationTimestamp"] = f"2026-11-20T18:00:0{r.randrange(4)}Z"
        if r.random() < 0.1:
            service["metadata"].setdefault("annotations", {})["fairlead/lb"] = "maglev"
        if r.random() < 0.05:
            service["metadata"]["labels"] = {"service.kubernetes.io/service-proxy-name": "other"}
        return service

    def balance(self, service):
        r, spec = self.random, service["spec"]
        ingress = [{"ip": ip, **r.choice([{}, {"ipMode": "VIP"}, {"ipMode": "Proxy"}])} for ip in self.some(VIPS, 1)]
        service["status"] = {"loadBalancer": {"ingress": ingress + [{"hostname": "lb.example.org"}]}}
        if r.random() < 0.7:
            spec["loadBalancerSourceRanges"] = r.sample(RANGES, r.randrange(1, 4))
        if r.random() < 0.2:
            service["metadata"]["annotations"] = {"fairlead/source-ranges": "all"}
        if spec["externalTrafficPolicy"] == "Local":
            spec["healthCheckNodePort"] = r.choice(HEALTH_PORTS)

    def endpoint(self, addr):
        r, hints, node = self.random, {}, self.random.choice(["n1", "n1", "n2", None])
        if r.random() < 0.5:
            hints["forZones"] = [{"name": z} for z in r.sample("ab", r.randrange(1, 3))]
        if r.random() < 0.3:
            hints["forNodes"] = [{"name": n} for n in r.sample(["n1", "n2"], 1)]
        return manifests.endpoint(addr, **r.choice(CONDITIONS), **({"nodeName": node} if node else {}),
                                  **({"hints": hints} if hints else {}))

    def slices(self, service):
        """Ports by the names of the service's, mostly; one endpoint may stand in two slices."""
        r, name = self.random, service["metadata"]["name"]
        names = [(p.get("name", ""), p["protocol"]) for p in service["spec"].get("ports", ())] or [("a", "TCP")]
        hinted, waved = r.random() < 0.3, r.random() < 0.4  # hints count only when all have them; all alike
        for number in range(r.randrange(1, 5)):
            family = r.randrange(2)
            addrs = [PODS[pod][family] for pod in PODS] + [NODE_ADDRS[family]]
            endpoints = [self.endpoint(a) for a in r.sample(addrs, r.randrange(5))]
            for endpoint in endpoints:
                if waved:
                    endpoint.pop("conditions", None)
                if hinted:
                    endpoint["hints"] = {"forZones": [{"name": r.choice("ab")}],
                                         "forNodes": [{"name": r.choice(["n1", "n2"])}]}
            ports = [(n, r.choice(TARGET_PORTS), proto) for n, proto in names if r.random() < 0.9]
            made = manifests.slice(name, endpoints, ports, name=f"{name}-{number}", family=("IPv4", "IPv6")[family])
            if r.random() < 0.2 and endpoints:
                weights = ",".join(f"{a}={r.choice([1, 2, 3])}" for a in addrs)
                made["metadata"]["annotations"] = {"fairlead/weight": weights}
            yield made
