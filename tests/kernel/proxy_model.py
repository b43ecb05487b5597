"""
What kube-proxy's nftables mode does with a new connection, as a few plain functions over the objects as written: the
behaviour tables of Kubernetes, not the daemon's code, in other words and without its shortcuts. Random tests compare
the two. Where kube-proxy leaves something undefined the daemon's documented rule stands: an address that two Services
claim belongs to the first by kind (PRECEDENCE), age and name, and within one Service to the first of FRONTENDS.
"""
import collections
import ipaddress

Verdict = collections.namedtuple("Verdict", "action endpoints masquerade affinity")
"""action: dnat, reject, drop or none (not a service's); endpoints: (address, port) pairs that may answer."""
Target = collections.namedtuple("Target", "addr port ready serving terminating local zones nodes")
Frontend = collections.namedtuple("Frontend", "kind service port family")
FRONTENDS = ("ClusterIP", "LoadBalancer", "externalIP", "NodePort")
PRECEDENCE = ("ClusterIP", "NodePort", "LoadBalancer", "externalIP")
OTHERS = ("service-proxy-name", "headless")


def family_of(addr):
    return ipaddress.ip_address(addr).version


def inside(addr, cidrs):
    """Any of the ranges holds the address."""
    return any(ipaddress.ip_address(addr) in ipaddress.ip_network(c) for c in cidrs)


class Node:
    """The facts about a node that decide: flags, its own objects and addresses."""

    def __init__(self, name, ips, addrs, zone=None, pod_cidrs=(), service_cidrs=(), nodeport="primary",
                 detect="ClusterCIDR", cluster_cidrs=(), masquerade_all=False):
        self.name, self.ips, self.addrs, self.zone = name, ips, addrs, zone
        self.service_cidrs, self.nodeport, self.masquerade_all = service_cidrs, nodeport, masquerade_all
        self.detect = detect
        self.local_cidrs = {"ClusterCIDR": cluster_cidrs, "NodeCIDR": pod_cidrs, "none": ()}.get(detect)

    def primary(self, family):
        return next((ip for ip in self.ips if family_of(ip) == family), None)

    def nodeport_addrs(self):
        """--nodeport-addresses: the first node IP of each family, or what lies in the CIDRs, all without any."""
        for addr in self.addrs:
            family = family_of(addr)
            cidrs = [c for c in self.nodeport.split(",") if "/" in c and ipaddress.ip_network(c).version == family]
            if self.nodeport == "primary":
                if addr == self.primary(family):
                    yield addr
            elif not cidrs or inside(addr, cidrs):
                yield addr

    def detects(self, family):
        """The detector can tell pods of this family from others."""
        return self.local_cidrs is None or any(ipaddress.ip_network(c).version == family for c in self.local_cidrs)

    def is_local(self, source):
        """A pod of this node to the detector. source: a Source."""
        if self.local_cidrs is None:
            return source.device == "v2" if self.detect == "BridgeInterface" else source.device.startswith("v")
        return inside(source.addr, self.local_cidrs)


Source = collections.namedtuple("Source", "addr device")
"""Where a connection comes from; device "": the node itself."""


class Model:
    def __init__(self, node, objects):
        self.node = node
        self.services = sorted((o for o in objects if o["kind"] == "Service" and is_proxied(o)),
                               key=lambda o: o["metadata"]["name"])
        self.slices = sorted((o for o in objects if o["kind"] == "EndpointSlice"), key=lambda o: o["metadata"]["name"])
        self.owners = {}
        for service in self.services:
            own = {}
            for key, frontend in self.frontends(service):
                own.setdefault(key, frontend)
            for key, frontend in own.items():
                self.owners[key] = min(self.owners.get(key, frontend), frontend, key=precedence)
        self.cluster_ips = {ip for s in self.services for ip in s["spec"]["clusterIPs"]}

    def frontends(self, service):
        """(address, protocol, port) → Frontend, the kinds in the order of FRONTENDS."""
        spec = service["spec"]
        families = {family_of(ip) for ip in spec["clusterIPs"]}
        by_kind = {"ClusterIP": spec["clusterIPs"], "LoadBalancer": balancer_ips(service),
                   "externalIP": [ip for ip in spec.get("externalIPs", ()) if ip not in self.node.addrs], "NodePort": list(self.node.nodeport_addrs())}
        for kind in FRONTENDS:
            for addr in by_kind[kind]:
                for port in spec["ports"]:
                    number = port.get("nodePort") if kind == "NodePort" else port["port"]
                    if number and family_of(addr) in families:
                        yield (addr, port["protocol"], number), Frontend(kind, service, port, family_of(addr))

    # ---- endpoints ----

    @staticmethod
    def standing(target):
        return 0 if target.terminating else 2 if target.ready else 1

    def targets(self, frontend):
        """Every endpoint of a service port; of two for one address and port the one that is not terminating counts, then the ready one."""
        out = {}
        for piece in self.slices:
            if piece["metadata"]["labels"]["kubernetes.io/service-name"] != frontend.service["metadata"]["name"] or \
                    piece["addressType"] != f"IPv{frontend.family}":
                continue
            for port in piece["ports"]:
                if (port["name"], port["protocol"]) != (frontend.port.get("name", ""), frontend.port["protocol"]):
                    continue
                for endpoint in piece["endpoints"]:
                    target = self.target(endpoint, port["port"])
                    before = out.get((target.addr, target.port))
                    if before is None or self.standing(target) > self.standing(before):
                        out[target.addr, target.port] = target
        return list(out.values())

    def target(self, endpoint, port):
        conditions, hints = endpoint.get("conditions", {}), endpoint.get("hints", {})
        return Target(endpoint["addresses"][0], port, conditions.get("ready", True), conditions.get("serving", True),
                      conditions.get("terminating", False), endpoint.get("nodeName") == self.node.name,
                      {z["name"] for z in hints.get("forZones", ())}, {n["name"] for n in hints.get("forNodes", ())})

    def cluster_pool(self, targets):
        ready = [t for t in targets if t.ready]
        if all(t.nodes for t in ready) and any(self.node.name in t.nodes for t in ready):
            return [t for t in ready if self.node.name in t.nodes]
        if all(t.zones for t in ready) and any(self.node.zone in t.zones for t in ready):
            return [t for t in ready if self.node.zone in t.zones]
        return ready or [t for t in targets if t.serving and t.terminating]

    @staticmethod
    def local_pool(targets):
        local = [t for t in targets if t.local]
        return [t for t in local if t.ready] or [t for t in local if t.serving and t.terminating]

    def no_local(self, policy, family):
        """How many service ports of a family have endpoints, but under their policy Local none for some address."""
        count = 0
        for service in self.services:
            spec, ports = service["spec"], {}
            for _, f in self.frontends(service):
                if f.family == family and (f.kind == "ClusterIP") == (policy == "internal"):
                    ports[f.port["port"], f.port["protocol"]] = f
            for frontend in ports.values() if spec.get(f"{policy}TrafficPolicy") == "Local" else ():
                targets = self.targets(frontend)
                count += bool(self.cluster_pool(targets)) and not self.local_pool(targets)
        return count

    def local_ready(self, service, family):
        """What the health check of a Service counts: addresses, whatever their ports."""
        names = {(p["name"], p["protocol"]) for s in self.slices for p in s["ports"]}
        ports = [Frontend(None, service, {"name": name, "protocol": proto}, family) for name, proto in names]
        return len({t.addr for port in ports for t in self.targets(port) if t.local and t.ready})

    # ---- connections ----

    def verdict(self, source, dst, proto, port):
        """What becomes of a new connection."""
        frontend = self.owners.get((dst, proto, port))
        if frontend is None:
            if dst in self.cluster_ips:
                return Verdict("reject", set(), False, False)
            unallocated = inside(dst, self.node.service_cidrs) and dst not in self.node.addrs
            return Verdict("drop" if unallocated else "none", set(), False, False)
        if self.is_restricted(frontend, source):
            return Verdict("drop", set(), False, False)
        return self.balance(frontend, source)

    def is_restricted(self, frontend, source):
        spec = frontend.service["spec"]
        ranges = [r for r in spec.get("loadBalancerSourceRanges", ())
                  if ipaddress.ip_network(r).version == frontend.family]
        everywhere = frontend.service["metadata"].get("annotations", {}).get("fairlead/source-ranges") == "all"
        if not ranges or (frontend.kind != "LoadBalancer" and not everywhere):
            return False
        if inside(source.addr, ranges):
            return False
        node_ip = self.node.primary(frontend.family)
        return not (node_ip and inside(node_ip, ranges) and source.addr in balancer_ips(frontend.service))

    def balance(self, frontend, source):
        spec, node = frontend.service["spec"], self.node
        targets = self.targets(frontend)
        if not any(t.ready or (t.serving and t.terminating) for t in targets):
            return Verdict("reject", set(), False, False)
        from_node = source.device == ""
        local_source = node.detects(frontend.family) and not from_node and node.is_local(source)
        if frontend.kind == "ClusterIP":
            narrow = spec.get("internalTrafficPolicy") == "Local"
            masquerade = node.masquerade_all or (node.detects(frontend.family) and not local_source)
        elif spec.get("externalTrafficPolicy") == "Local":
            narrow = not (local_source or from_node)
            masquerade = from_node
        else:
            narrow, masquerade = False, True
        pool = self.local_pool(targets) if narrow else self.cluster_pool(targets)
        if not pool:
            return Verdict("drop", set(), False, False)
        return Verdict("dnat", {(t.addr, t.port) for t in pool}, masquerade, spec.get("sessionAffinity") == "ClientIP")

    def still_serves(self, dst, proto, port, endpoint):
        """An open UDP flow to dst that is answered by endpoint stays there. None: no Service's frontend."""
        frontend = self.owners.get((dst, proto, port))
        if frontend is None:
            return None
        return any((t.addr, t.port) == endpoint and t.serving for t in self.targets(frontend))


def precedence(frontend):
    """Sorts the claims on one key: the first has it. A Service of unknown age counts as the youngest."""
    meta = frontend.service["metadata"]
    return PRECEDENCE.index(frontend.kind), meta.get("creationTimestamp", "9999"), meta["name"]


def is_proxied(service):
    spec, labels = service["spec"], service["metadata"].get("labels", {})
    return spec.get("type") != "ExternalName" and "None" not in spec.get("clusterIPs", ["None"]) and \
        not any(f"service.kubernetes.io/{label}" in labels for label in OTHERS)


def balancer_ips(service):
    ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress", ())
    return [i["ip"] for i in ingress if "ip" in i and i.get("ipMode", "VIP") == "VIP"]
