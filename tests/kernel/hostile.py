"""Objects that a tenant may write and that ask for far more than their size: lists multiplied with each other.

Each is a name and a list of Kubernetes objects, or two lists, of which the second takes the place of the first, within what an API server takes (1.5 MB an object, names and numbers in
range). Expanding ones ask for more than --max-service-elements; the others are large, odd, or many.
"""
import manifests
from manifests import port

NS = "aaa"  # sorts in front of all others


def ports(count, **fields):
    return [{**port(1 + i, f"p{i}"), **fields} for i in range(count)]


def addresses(count, block=64):
    return [f"100.{block + i // 62500}.{i // 250 % 250}.{i % 250 + 1}" for i in range(count)]


def service(ip, port_list, ns=NS, name="hostile", annotations=None, **spec):
    made = manifests.service(name, ip, port_list, ns=ns, **spec)
    if annotations:
        made["metadata"]["annotations"] = annotations
    return made


def slice_of(endpoints, port_list, name="hostile-1", weights=None, **fields):
    made = manifests.slice("hostile", [manifests.endpoint(a, **fields) for a in endpoints],
                           [(p["name"], p["port"], p["protocol"]) for p in port_list], ns=NS, name=name)
    if weights:
        made["metadata"]["annotations"] = {"fairlead/weight": weights}
    return made


def slices_of(endpoints, port_list, name="hostile"):
    """As many slices as it takes: 1 000 endpoints each."""
    return [slice_of(endpoints[n:n + 1000], port_list, f"{name}-{n}") for n in range(0, max(len(endpoints), 1), 1000)]


def pods(count):
    return [f"10.{200 + i // 65025}.{i // 255 % 255}.{i % 255}" for i in range(count)]


def balanced(port_count, endpoint_count, annotations=None, **spec):
    listed = ports(port_count)
    return [service("10.96.200.1", listed, annotations=annotations, **spec), *slices_of(pods(endpoint_count), listed)]


MAGLEV = {"fairlead/lb": "maglev"}
LOCAL = {"type": "LoadBalancer", "externalTrafficPolicy": "Local"}
AFFINITY = {"sessionAffinity": "ClientIP"}


def ingress(made, count):
    made[0]["status"] = {"loadBalancer": {"ingress": [{"ip": a} for a in addresses(count, 80)]}}
    return made


def ranges(count):
    return [f"203.{i // 256}.{i % 256}.0/24" for i in range(count)]


def expanding():
    """(name, objects) above the budget."""
    yield "ports x endpoints", balanced(2000, 500)
    yield "20 000 ports x endpoints", balanced(20000, 100)
    yield "ports x external addresses", balanced(1000, 2, externalIPs=addresses(1000))
    yield "ports x endpoints x external addresses", balanced(50, 100, externalIPs=addresses(200))
    yield "maglev x ports", balanced(1500, 2, MAGLEV)
    yield "maglev x external addresses", balanced(1, 2, MAGLEV, externalIPs=addresses(1500))
    yield "maglev x ports x external addresses", balanced(20, 2, MAGLEV, externalIPs=addresses(100))
    yield "maglev x ports x endpoints", balanced(500, 2000, MAGLEV)
    yield "external addresses x source ranges", balanced(10, 1, {"fairlead/source-ranges": "all"}, type="LoadBalancer",
                                                         loadBalancerSourceRanges=ranges(500),
                                                         externalIPs=addresses(500))
    yield "ingress x source ranges", ingress(balanced(20, 1, type="LoadBalancer",
                                                      loadBalancerSourceRanges=ranges(1000)), 100)
    yield "60 000 source ranges", ingress(balanced(1, 1, type="LoadBalancer",
                                                   loadBalancerSourceRanges=ranges(60000)), 1)
    yield "ingress x ports x local", ingress(balanced(200, 50, **LOCAL), 100)
    yield "affinity x ports x addresses", balanced(1000, 10, externalIPs=addresses(100), **AFFINITY)
    yield "endpoints x addresses", balanced(1, 5000, externalIPs=addresses(500))
    yield "endpoints x ingress", ingress(balanced(1, 5000, type="LoadBalancer"), 500)
    yield "maglev x affinity x local", ingress(balanced(20, 10, MAGLEV, **LOCAL, **AFFINITY), 50)
    listed = [{**p, "nodePort": 30000 + i} for i, p in enumerate(ports(1500))]
    yield "node ports x maglev", [service("10.96.200.1", listed, annotations=MAGLEV, type="NodePort"),
                                  *slices_of(pods(3), listed)]
    listed = ports(100)
    yield "many slices x ports", [service("10.96.200.1", listed),
                                  *(slice_of(pods(100 * n + 100)[100 * n:], listed, f"hostile-{n}") for n in range(50))]
    yield "weights x ports", [service("10.96.200.1", ports(40)),
                              slice_of(pods(200), ports(40), weights=",".join(f"{a}=100" for a in pods(200)))]


def large():
    """(name, objects) within the budget, or of another kind."""
    yield "20 000 ports", balanced(20000, 1)
    yield "small maglev x ports", balanced(150, 2, MAGLEV)
    yield "small maglev x ports, smallest", balanced(1000, 100, MAGLEV)
    yield "small maglev x external addresses", balanced(1, 2, MAGLEV, externalIPs=addresses(500))
    yield "small maglev x affinity x local", ingress(balanced(20, 10, MAGLEV, **LOCAL, **AFFINITY), 20)
    yield "small maglev x node ports", balanced(100, 3, MAGLEV, type="NodePort")
    yield "20 000 ports, no endpoint", balanced(20000, 0)
    yield "10 000 endpoints", balanced(1, 10000)
    listed = ports(20000)
    yield "headless, 20 000 ports", [service("None", listed), slice_of(pods(5), listed)]
    yield "headless, 10 000 endpoints", [service("None", ports(1)), *slices_of(pods(10000), ports(1))]
    yield "headless, one hostname", [service("None", ports(1)), *(slice_of(pods(5000)[n:n + 1000], ports(1), f"hostile-{n}", hostname="same")
                                                                          for n in range(0, 5000, 1000))]
    yield "ports of one number", [service("None", listed), slice_of(pods(5), [{**p, "port": 80} for p in listed])]
    yield "names that match nothing", [service("10.96.200.1", ports(5000)),
                                       slice_of(pods(50), [{**p, "name": "x" + p["name"]} for p in ports(5000)])]
    yield "2 000 slices", [service("10.96.200.1", ports(1)),
                           *(slice_of(pods(n + 1)[n:], ports(1), f"hostile-{n}") for n in range(2000))]
    yield "one endpoint in 1 000 slices", [service("10.96.200.1", ports(1)),
                                           *(slice_of(pods(1), ports(1), f"hostile-{n}") for n in range(1000))]
    yield "5 000 external addresses", balanced(1, 1, externalIPs=addresses(5000))
    yield "50 000 external addresses", balanced(1, 1, externalIPs=addresses(50000))
    yield "60 000 endpoints", balanced(1, 60000)
    yield "20 000 node ports", [service("10.96.200.1", [{**p, "nodePort": p["port"]} for p in listed], type="NodePort"),
                                slice_of(pods(1), listed)]
    yield "a health check with 20 000 ports", [service("10.96.200.1", ports(1), healthCheckNodePort=31000, **LOCAL),
                                               slice_of(pods(1000), listed)]
    yield "4 000 source ranges", ingress(balanced(1, 1, type="LoadBalancer", loadBalancerSourceRanges=ranges(4000)), 1)
    yield "5 000 source ranges", balanced(1, 1, type="LoadBalancer", loadBalancerSourceRanges=ranges(5000))
    yield "overlapping source ranges", balanced(1, 1, type="LoadBalancer",
                                                loadBalancerSourceRanges=[f"10.0.0.0/{n % 24 + 8}" for n in range(2000)])
    yield "1 000 Services on one address", [service("10.96.200.1", [port(80)], name=f"same-{n}") for n in range(1000)]
    yield "1 000 Services contest external addresses", [
        service(f"10.96.{201 + n // 250}.{n % 250 + 1}", [port(80)], name=f"contest-{n}", externalIPs=addresses(20))
        for n in range(1000)]
    yield "two Services contest 1 000 ports", [
        service(f"10.96.200.{n}", ports(1000), name=f"contest-{n}", externalIPs=addresses(20)) for n in (1, 2)]
    yield "2 000 Services", [service(f"10.96.{201 + n // 250}.{n % 250 + 1}", [port(80)], name=f"many-{n}")
                             for n in range(2000)]
    yield "2 000 ExternalNames", [manifests.service(f"ext-{n}", (), [], ns=NS, type="ExternalName",
                                                    externalName=f"ext-{n + 1}.{NS}.svc.cluster.local")
                                  for n in range(2000)]
    yield "names of 63 bytes", [service("10.96.200.1", [port(80, "p" * 15)], name="n" * 63)]
    yield "a name of 71 bytes", [service("10.96.200.1", [port(80)], name="n" * 71)]
    yield "a namespace of 600 bytes", [service("10.96.200.1", [port(80)], ns="n" * 600)]
    yield "a name with a newline", [service("10.96.200.1", [port(80)], name="a\nwarning: forged")]
    yield "a name in upper case", [service("10.96.200.1", [port(80)], name="HOSTILE")]
    yield "labels of 250 kB", [{**service("10.96.200.1", [port(80)]),
                                "metadata": {"name": "hostile", "namespace": NS,
                                             "annotations": {f"a{n}": "x" * 1000 for n in range(250)}}}]
    yield "20 000 ready addresses of two families", [service("None", ports(1)),
                                                     *slices_of(pods(10000), ports(1)),
                                                     *slices_of([f"fd00::{n:x}" for n in range(1, 10000)], ports(1), "six")]
    yield "health check node ports", [service(f"10.96.{201 + n // 250}.{n % 250 + 1}", [port(80)], name=f"hc-{n}",
                                              healthCheckNodePort=31000 + n, **LOCAL) for n in range(300)]


def crowd():
    """Services that are within their budget each, and more than all together may have."""
    made = []
    for n in range(6):
        externals = [a.replace("100.", f"{100 + n}.", 1) for a in addresses(30000)]
        made += [service(f"10.96.200.{n + 1}", ports(1), name=f"crowd-{n}", externalIPs=externals)]
    return made


def edited():
    """(name, objects, what they become): many elements take the place of others."""
    def restricted(listed):
        return ingress(balanced(1, 1, type="LoadBalancer", loadBalancerSourceRanges=listed), 1)

    wide, narrow = restricted(["10.0.0.0/8"]), restricted([f"10.{i // 256}.{i % 256}.0/25" for i in range(4000)])
    yield "4 000 source ranges become one", narrow, wide
    yield "a source range becomes 4 000", wide, narrow
    yield "4 000 source ranges are others", narrow, restricted([f"11.{i // 256}.{i % 256}.0/25" for i in range(4000)])
    large = []
    for k in (1, 2):
        of_k = restricted([f"{10 * k + i // 256}.{i % 256}.0.0/25" for i in range(3900)])
        of_k[0]["metadata"]["name"] = f"large-{k}"
        of_k[0]["spec"] |= {"clusterIP": f"10.96.201.{k}", "clusterIPs": [f"10.96.201.{k}"]}
        of_k[0]["status"]["loadBalancer"]["ingress"] = [{"ip": f"203.0.113.{k}"}]
        large.append(of_k[0])
    yield "60 source ranges behind 7 800 are others", *(
        large + restricted([f"{50 + n}.{i}.0.0/25" for i in range(60)]) for n in (0, 1))
    yield "5 000 external addresses get affinity", *(balanced(1, 1, externalIPs=addresses(5000), **more) for more in ({}, AFFINITY))
    listed = [{**p, "port": 20000 + p["port"]} for p in ports(20000)]
    yield "20 000 ports are renumbered", balanced(20000, 1), [service("10.96.200.1", listed), slice_of(pods(1), ports(20000))]
    yield "10 000 endpoints are others", balanced(1, 10000), [service("10.96.200.1", ports(1)),
                                                              *slices_of(pods(20000)[10000:], ports(1))]
    yield "two Services contest 60 000 frontends", *([
        service(f"10.96.200.{n}", ports(1000), name=f"contest-{n}", externalIPs=addresses(60)) for n in which]
        for which in ((2,), (1, 2)))
