#!/usr/bin/env python3
"""
What the page of `--page` costs with many services: how long it takes to load with curl and in headless Chromium (beside an empty
page in the same browser), and the daemon's CPU while Chromium has it open and follows it. usage: bench/page.py [--services N] [--probes N]
"""
import argparse
import json
import statistics
import time

import scale  # first: finds the rest
import browser
import lab
import manifests as m

URL = "http://127.0.0.1:8080/"
OPEN_S, PROBED = 20, 9100


def put_services(folder, count, probes):
    items = []
    for i in range(count):
        items += [m.service(f"svc-{i}", f"10.96.{i // 250}.{i % 250 + 1}", [m.port(80, "http")], ns=f"ns-{i % 20}"),
                  m.slice(f"svc-{i}", [f"10.244.{i // 250}.{i % 250 + 1}", m.endpoint(f"10.245.{i // 250}.{i % 250 + 1}", ready=False)],
                          [("http", 8080)], ns=f"ns-{i % 20}")]
    for i in range(probes):  # of one endpoint that answers and one that does not; each time-out makes a probe of its own
        service = m.service(f"probed-{i}", f"10.97.{i // 250}.{i % 250 + 1}", [m.port(80, "http")], ns=f"ns-{i % 20}")
        service["metadata"]["annotations"] = {"fairlead/endpoints": f"192.168.0.2:{PROBED + i % 2}",
                                              "fairlead/probe": f"tcp every 1s timeout {1000 + i}ms"}
        items.append(service)
    folder.mkdir()
    (folder / "all.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))


def timed(act):
    start = time.monotonic()
    act()
    return time.monotonic() - start


def share_while(daemon, act):
    """CPU seconds a second."""
    before, start = scale.cpu_s(daemon), time.monotonic()
    act()
    return (scale.cpu_s(daemon) - before) / (time.monotonic() - start)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--services", type=int, default=5000)
    parser.add_argument("--probes", type=int, default=0, help="with a period of 1 s; their own cost is in the figure of no browser")
    options = parser.parse_args()
    with lab.Lab() as lab_:
        node = lab_.node()
        put_services(lab_.folder / "manifests", options.services, options.probes)
        lab_.servers.tcp(node, "probed", PROBED)
        daemon = lab_.daemon(node, lab_.folder / "manifests", "--page", "8080", "--dns-listen", "127.0.0.1:53")
        loads = [timed(lambda: node.run("curl", "-s", "-o", "/dev/null", URL)) for _ in range(5)]
        browser.picture(node, lab_.folder, "about:blank")
        empty = [timed(lambda: browser.picture(node, lab_.folder, "about:blank")) for _ in range(3)]
        full = [timed(lambda: browser.picture(node, lab_.folder, URL)) for _ in range(3)]
        idle = share_while(daemon, lambda: time.sleep(OPEN_S))
        with browser.open_page(node, lab_.folder, URL):
            time.sleep(5)
            followed = share_while(daemon, lambda: time.sleep(OPEN_S))
    print(f"page of {options.services} services: curl {statistics.median(loads) * 1000:.0f} ms; Chromium, shown: "
          f"{statistics.median(full) - statistics.median(empty):.2f} s more than an empty page; daemon: "
          f"{followed * 100:.2f} % of a core while a browser follows it, {idle * 100:.2f} % without")


if __name__ == "__main__":
    main()
