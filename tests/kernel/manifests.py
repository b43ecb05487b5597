"""Kubernetes objects as dictionaries, and a manifest folder that is written the way people write: atomically."""
import json
import os
from pathlib import Path


def port(number, name="", proto="TCP", node_port=None, target=None):
    """A port of a Service."""
    out = {"port": number, "protocol": proto}
    if name:
        out["name"] = name
    if node_port:
        out["nodePort"] = node_port
    if target:
        out["targetPort"] = target
    return out


def service(name, cluster_ips=(), ports=(), ns="default", **spec):
    """A Service. cluster_ips: a text or a sequence; "None" for headless. Further fields of spec by name."""
    ips = [cluster_ips] if isinstance(cluster_ips, str) else list(cluster_ips)
    body = {"ports": [p if isinstance(p, dict) else port(p) for p in ports], **spec}
    if ips:
        body |= {"clusterIP": ips[0], "clusterIPs": ips}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": ns}, "spec": body}


def endpoint(*addresses, ready=None, serving=None, terminating=None, **fields):
    """An endpoint of a slice; conditions that are None are left out. Fields: hostname, nodeName, zone, hints, …"""
    conditions = {"ready": ready, "serving": serving, "terminating": terminating}
    conditions = {k: v for k, v in conditions.items() if v is not None}
    return {"addresses": list(addresses), **({"conditions": conditions} if conditions else {}), **fields}


def slice(service_name, endpoints, ports, ns="default", name=None, family=None):
    """An EndpointSlice of a Service. endpoints: addresses or endpoint(…); ports: numbers, or (name, number[, proto])."""
    endpoints = [endpoint(e) if isinstance(e, str) else e for e in endpoints]
    if family is None:
        family = "IPv6" if endpoints and ":" in endpoints[0]["addresses"][0] else "IPv4"
    made = []
    for p in ports:
        p_name, number, proto = ("", p, "TCP") if isinstance(p, int) else (*p, "TCP")[:3]
        made.append({"name": p_name, "port": number, "protocol": proto})
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": family, "endpoints": endpoints,
            "metadata": {"name": name or f"{service_name}-{family.lower()}", "namespace": ns,
                         "labels": {"kubernetes.io/service-name": service_name}}, "ports": made}


def namespace(name):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def node(name, *addresses, pod_cidrs=(), zone=None):
    return {"apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": zone} if zone else {}},
            "spec": {"podCIDR": pod_cidrs[0], "podCIDRs": list(pod_cidrs)} if pod_cidrs else {},
            "status": {"addresses": [{"type": "InternalIP", "address": a} for a in addresses]}}


class Folder:
    """A folder of manifests; put() replaces a file by atomic rename."""

    def __init__(self, path):
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)

    def put(self, name, *objects):
        """Writes NAME.json with the objects as one List, or, when given text, NAME with that text."""
        if len(objects) == 1 and isinstance(objects[0], str):
            target, text = self.path / name, objects[0]
        else:
            target = self.path / f"{name}.json"
            text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}, indent=1)
        # a name that the daemon does not read, then a rename: no half-written file is ever seen
        temporary = self.path / f".{target.name}.new"
        temporary.write_text(text)
        os.rename(temporary, target)

    def remove(self, name):
        target = self.path / name
        (target if target.exists() else self.path / f"{name}.json").unlink()
