#!/usr/bin/env python3
"""
How fast Pods and Services with selectors become kernel state: 5 000 Pods and 1 000 Services in 5 MB of YAML. Time from the
start of the process to the full state, and from the rename of one Pod's file to the kernel commit of its endpoint (the Pod
becomes ready, or is no more). Prints one table. usage: bench/pods.py [--pods N] [--services N]
"""
import argparse
import os
import statistics
import time

import scale  # first: finds the rest
import lab

POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: app-{app}-7c5ddbdf54-{number:05d}
  namespace: shop
  labels:
    app: app-{app}
    environment: production
    pod-template-hash: 7c5ddbdf54
  annotations:
    prometheus.io/scrape: "true"
    prometheus.io/port: "9102"
spec:
  nodeName: node-{node}
  restartPolicy: Always
  serviceAccountName: default
  containers:
  - name: web
    image: registry.example.org/shop/app-{app}:1.4.2
    imagePullPolicy: IfNotPresent
    env:
    - name: LOG_LEVEL
      value: info
    - name: DATABASE_URL
      value: postgres://shop@database.shop.svc.cluster.local:5432/shop
    ports:
    - name: web
      containerPort: 8080
      protocol: TCP
    - name: metrics
      containerPort: 9102
      protocol: TCP
    readinessProbe:
      httpGet:
        path: /healthz
        port: web
      periodSeconds: 5
status:
  phase: Running
  conditions:
  - type: Ready
    status: "{ready}"
  podIPs:
  - ip: 10.200.{high}.{low}
"""

SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: app-{app}
  namespace: shop
spec:
  selector:
    app: app-{app}
    environment: production
  ports:
  - name: http
    port: 80
    targetPort: web
"""


def pod(number, apps, ready=True):
    return POD.format(app=number % apps, number=number, node=number % 7, ready=ready, high=number // 256, low=number % 256)


class Run(scale.Followed):
    """One daemon; single: all Pods but those that change are in one file."""

    def __init__(self, the_lab, single, pods, services, changing):
        self.lab, self.count, self.pods, self.services = the_lab, changing, pods, services
        self.node = the_lab.node(f"node-{single}")
        self.path = the_lab.folder / f"form-{single}" / "manifests"
        self.path.mkdir(parents=True)
        self.write("services", [SERVICE.format(app=n) for n in range(services)])
        if single:
            self.write("pods", [pod(n, services) for n in range(changing, pods)])
        for n in range(changing if single else pods):
            self.write(f"pod-{n}", [pod(n, services)])

    def write(self, name, documents):
        temporary = self.path.parent / "new"
        temporary.write_text("---\n".join(documents))
        moment = time.perf_counter()
        os.rename(temporary, self.path / f"{name}.yaml")
        return moment

    def change(self, number, lost):
        return self.write(f"pod-{number}", [pod(number, self.services, ready=lost is None)])

    def start(self):
        self.daemon = self.lab.daemon(self.node, self.path, "--nodeport-addresses", "primary", "--dns-listen", "127.0.0.1",
                                      start=False)
        begin = time.perf_counter()
        self.daemon.start(ready=False)
        self.daemon.wait_ready()
        return time.perf_counter() - begin

    def endpoint_count(self):
        return len(self.node.run("nft", "list", "map", "inet", "fairlead", "endpoints4", limit_s=300).stdout.split(" : 10.200.")) - 1


def main():
    parser = argparse.ArgumentParser(description="How fast Pods and selectors become kernel state.")
    parser.add_argument("--pods", type=int, default=5000)
    parser.add_argument("--services", type=int, default=1000)
    parser.add_argument("--flips", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print(scale.machine("libyaml-0-2"))
    print(f"{options.pods} Pods, {options.services} Services with selectors, from --manifests\n")
    print(f"{'manifests':24} {'size':>8} {'full state':>11} {'flip p50':>9} {'p90':>8} {'RSS':>8}   n")
    worst_start, worst_flip = 0, 0
    with lab.Lab() as the_lab:
        for single in (True, False):
            run = Run(the_lab, single, options.pods, options.services, options.flips // 2)
            best = None
            for n in range(options.repeats):
                if n:
                    run.daemon.stop()
                    run.node.run(run.daemon.program, "cleanup")
                    (run.daemon.folder / "state" / "allocations.json").unlink()
                took = run.start()
                best = took if best is None else min(best, took)
            found = run.endpoint_count()
            if found != options.pods:
                raise SystemExit(f"{found} endpoints in the kernel, {options.pods} expected")
            times = run.flips(options.flips)
            size = sum(path.stat().st_size for path in run.path.iterdir())
            print(f"{'one file of Pods' if single else 'a file for each Pod':24} {size / 1e6:5.1f} MB {best:9.2f} s "
                  f"{statistics.median(times):6.2f} ms {scale.quantile(times, .9):5.2f} ms {scale.memory_mb(run.daemon)[0]:5.1f} MB "
                  f"{len(times):3}", flush=True)
            worst_start, worst_flip = max(worst_start, best if single else 0), max(worst_flip, statistics.median(times))
    met = "met" if worst_start <= 1.5 and worst_flip <= 5 else "not met"
    print(f"\nfull state {worst_start:.2f} s of one file (bar 1.5), a Pod's file to the kernel {worst_flip:.2f} ms (bar 5): {met}")


if __name__ == "__main__":
    main()
