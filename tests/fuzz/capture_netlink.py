#!/usr/bin/env python3
"""
Makes the stored inputs of fuzz_netlink: what the kernel of this machine sends about a table of fairlead, the flows
through it, and the addresses of a node. One file per recv. usage (root): tests/fuzz/capture_netlink.py FOLDER
"""
import socket
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "kernel"))
import lab  # noqa: E402
import manifests as m  # noqa: E402
import traffic  # noqa: E402

NETLINK_ROUTE, NETLINK_NETFILTER = 0, 12
NFNLGRP_NFTABLES, RTMGRP = 7, 0x10 | 0x100 | 0x40 | 0x400  # addresses and routes of both families
GETSETELEM, GETSET, CT_GET, GETADDR, GETROUTE = 10 << 8 | 13, 10 << 8 | 10, 1 << 8 | 1, 22, 26
REQUEST_DUMP = 0x301
INET = 1
SO_RCVBUFFORCE = 33
KEY4, KEY6 = "10.96.0.1 . tcp . 80", "fd00:96::1 . tcp . 80"


def attribute(kind, value):
    data = struct.pack("=HH", 4 + len(value), kind) + value
    return data + bytes(-len(data) % 4)


def receive(sock):
    """Everything that waits, one recv each."""
    out = []
    try:
        while True:
            out.append(sock.recv(65536))
    except OSError:  # no more, or more than the socket holds
        return out


def dump(node, protocol, kind, body):
    with node.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol) as sock:
        sock.settimeout(0.2)
        sock.send(struct.pack("=IHHII", 16 + len(body), kind, REQUEST_DUMP, 1, 0) + body)
        return receive(sock)


def about(set_name=None):
    body = struct.pack("=BBH", INET, 0, 0) + attribute(1, b"fairlead\0")
    return body + (attribute(2, set_name.encode() + b"\0") if set_name else b"")


def services():
    both = ["10.96.0.1", "fd00:96::1"]
    ranges = {"type": "LoadBalancer", "loadBalancerSourceRanges": ["192.168.0.0/24", "fd00::/64", "10.0.0.0/9"],
              "externalTrafficPolicy": "Local", "sessionAffinity": "ClientIP", "ipFamilyPolicy": "RequireDualStack"}
    restricted = m.service("source-ranges", both, [m.port(80, "x", node_port=30080)], **ranges)
    restricted["status"] = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}, {"ip": "2001:db8::1"}]}}
    return [restricted, m.slice("source-ranges", [m.endpoint("10.244.0.10", nodeName="here")], [("x", 8080)]),
            m.slice("source-ranges", [m.endpoint("fd00:244::10", nodeName="here")], [("x", 8080)]),
            m.service("udp", ["10.96.0.2"], [m.port(53, "d", "UDP")]), m.slice("udp", ["10.244.0.10"], [("d", 53, "UDP")]),
            m.service("none", ["10.96.0.3"], [80])]


def changes():
    """Lines for nft, each a transaction."""
    at = "element inet fairlead"
    yield f"delete {at} dispatch4 {{ {KEY4} }}; add {at} dispatch4 {{ {KEY4} : goto cluster4-4 }}"
    yield f"add {at} endpoints6 {{ {KEY6} . 7 : fd00:244::7 . 8080 }}; delete {at} endpoints6 {{ {KEY6} . 7 }}"
    yield f"add {at} allowed-sources4 {{ {KEY4} . 172.16.0.0/12 . ipv4, {KEY4} . 11.0.0.3-11.0.0.9 . ipv4 }}"
    yield f"add {at} service-cidrs4 {{ 10.200.0.0/16 }}; add {at} service-cidrs6 {{ fd00:200::/112 }}"
    yield f"add {at} affinity4 {{ 10.0.0.1 . {KEY4} timeout 60s : 10.244.0.10 . 8080 }}"
    yield f"add {at} cluster-ips4 {{ 10.96.9.9 }}; add {at} dispatch4 {{ 10.9.9.9 . udp . 53 : accept }}"
    yield "flush map inet fairlead affinity-frontends4"
    yield "insert rule inet fairlead prerouting counter; add chain inet fairlead other"


def capture(node, pod, out):
    with node.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as nft, \
         node.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE) as route:
        nft.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        nft.bind((0, 1 << (NFNLGRP_NFTABLES - 1)))
        route.bind((0, RTMGRP))
        nft.setblocking(False)
        route.setblocking(False)
        for i, line in enumerate(changes()):
            node.nft(line)
            out[f"notify-{i}"] = b"".join(receive(nft))
        node.ip("addr add 192.0.2.9/24 dev eth0", "addr add 2001:db8::9/64 dev eth0 nodad", "addr del 192.0.2.9/24 dev eth0",
                "route add default metric 900 nexthop via 192.168.0.3 dev eth0 nexthop via 192.168.0.4 dev eth0")
        out["notify-host"] = b"".join(receive(route))
        node.nft("delete table inet fairlead")
        out["notify-deleted"] = b"".join(receive(nft))[:4096]


def main():
    folder, out = Path(sys.argv[1]), {}
    with lab.Lab() as the_lab:
        node = the_lab.node()
        pod = the_lab.pod(node, "pod", "10.244.0.10", "fd00:244::10")
        the_lab.servers.tcp(pod, "pod", 8080)
        client = the_lab.pod(node, "client", "10.244.0.99", "fd00:244::99")
        manifests = m.Folder(the_lab.folder / "m")
        manifests.put("all", *services())
        daemon = the_lab.daemon(node, manifests, "--node-name", "here", "--cluster-cidr", "10.244.0.0/16,fd00:244::/64", "--service-cidr",
                                "10.96.0.0/16,fd00:96::/112")
        for vip in ("10.96.0.1", "fd00:96::1"):
            traffic.connect(client, vip, 80)
        client.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("10.96.0.2", 53))
        daemon.kill()
        for name in ("dispatch", "source-ranges", "local", "internal", "endpoints", "internal-endpoints", "cluster-ips",
                     "service-cidrs", "allowed-sources", "affinity-frontends", "affinity"):
            for digit in "46":
                out[f"dump-{name}{digit}"] = b"".join(dump(node, NETLINK_NETFILTER, GETSETELEM, about(name + digit)))
        out["dump-sets"] = b"".join(dump(node, NETLINK_NETFILTER, GETSET, about()))[:4096]
        for family in (socket.AF_INET, socket.AF_INET6):
            body = struct.pack("=BBH", family, 0, 0)
            out[f"flows-{family}"] = b"".join(dump(node, NETLINK_NETFILTER, CT_GET, body))
        out["addresses"] = b"".join(dump(node, NETLINK_ROUTE, GETADDR, bytes(8)))
        out["routes"] = b"".join(dump(node, NETLINK_ROUTE, GETROUTE, bytes(12)))
        capture(node, pod, out)
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in out.items():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
