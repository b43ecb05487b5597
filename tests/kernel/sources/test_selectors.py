"""Pods and Services with selectors in manifests, as people write them: the cases of those who learn Kubernetes."""
import json
import socket
import unittest

import lab
from cluster import ClusterTest, DOMAIN, PODS

VIP = "10.96.5.%d"


def pod(name, address, labels, ready=True, **spec):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default", "labels": labels},
            "spec": {"containers": [{"name": "c", "image": "x", "ports": [{"name": "web", "containerPort": 8080}]}], **spec},
            "status": {"phase": "Running", "podIPs": [{"ip": address}],
                       "conditions": [{"type": "Ready", "status": "True" if ready else "False"}]}}


def service(name, vip, labels, **spec):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"},
            "spec": {"clusterIP": vip, "selector": labels, "ports": [{"port": 80, "targetPort": "web"}], **spec}}


class Selectors(ClusterTest):
    def names(self, name):
        reply = self.dig(f"{name}.default.{DOMAIN}", "A")
        return sorted(r.data for r in reply.answer)

    def test_scale_and_readiness(self):
        """One pod, then two; one that starts slowly; one that fails and is back; connections go on (notes 1, 4, 5)."""
        vip, labels = VIP % 1, {"app": "demo"}
        self.put("demo", service("demo", vip, labels), pod("demo-1", PODS["a"][0], labels))
        self.reaches(self.client, vip, 80, "a")
        self.put("demo-2", pod("demo-2", PODS["b"][0], labels, ready=False))
        self.reaches(self.client, vip, 80, "a")
        self.put("demo-2", pod("demo-2", PODS["b"][0], labels))
        self.reaches(self.client, vip, 80, "ab")
        flow = self.client.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.addCleanup(flow.close)
        flow.settimeout(lab.LIMIT_S)
        flow.connect((vip, 80))
        at = {"a": "demo-1", "b": "demo-2"}[json.loads(flow.makefile().readline())["server"]]
        self.put(at if at == "demo-2" else "demo", *([service("demo", vip, labels)] if at == "demo-1" else []),
                 pod(at, PODS["a" if at == "demo-1" else "b"][0], labels, ready=False))
        self.reaches(self.client, vip, 80, "b" if at == "demo-1" else "a")
        flow.sendall(b"still there")
        self.assertEqual(flow.recv(100), b"still there")

    def test_terminating_pod_gets_nothing_new(self):
        """Note 3: preStop sleeps, the replacement is not ready yet."""
        vip, labels = VIP % 2, {"app": "stop"}
        going = pod("stop-1", PODS["a"][0], labels)
        going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        self.put("stop", service("stop", vip, labels), going, pod("stop-2", PODS["b"][0], labels))
        self.reaches(self.client, vip, 80, "b")
        self.put("stop", service("stop", vip, labels), going, pod("stop-2", PODS["b"][0], labels, ready=False))
        self.reaches(self.client, vip, 80, "a")  # the last resort: serving while it ends

    def test_stateful_set(self):
        """Notes 8, 9: per-pod names, a pod made anew with another address."""
        labels = {"app": "mysql"}

        def member(number, address, ready=True):
            name = f"mysql-{number}"
            return pod(name, address, labels, ready, hostname=name, subdomain="mysql")

        self.put("mysql", service("mysql", "None", labels), service("mysql-read", VIP % 3, labels),
                 member(0, PODS["a"][0]), member(1, PODS["b"][0]))
        self.assertEqual(self.names("mysql"), [PODS["a"][0], PODS["b"][0]])
        self.assertEqual(self.names("mysql-0.mysql"), [PODS["a"][0]])
        self.assertEqual(self.names("mysql-read"), [VIP % 3])
        self.reaches(self.client, VIP % 3, 80, "ab")
        self.put("mysql", service("mysql", "None", labels), service("mysql-read", VIP % 3, labels),
                 member(0, PODS["c"][0]), member(1, PODS["b"][0], ready=False))
        self.assertEqual(self.names("mysql-0.mysql"), [PODS["c"][0]])
        self.assertEqual(self.names("mysql"), [PODS["c"][0]])

    def test_blue_green(self):
        """Note 10."""
        vip = VIP % 4
        pods = [pod("blue", PODS["a"][0], {"app": "x", "color": "blue"}), pod("green", PODS["b"][0], {"app": "x", "color": "green"})]
        self.put("pods", *pods)
        for color, want in (("blue", "a"), ("green", "b")):
            self.put("color", service("color", vip, {"app": "x", "color": color}))
            self.reaches(self.client, vip, 80, want)

    def test_workload_without_pods_is_told(self):
        self.put("work", service("work", VIP % 5, {"app": "work"}),
                 {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "work", "namespace": "default"},
                  "spec": {"selector": {"matchLabels": {"app": "work"}}, "template": {"metadata": {"labels": {"app": "work"}}}}})
        lines = [line for line in self.daemon.log().splitlines() if "Deployment default/work" in line]
        self.assertEqual(len(lines), 1, lines)
        self.assertRegex(lines[0], r"work\.json:\d+: Deployment default/work: skipped: nothing is started here.*Service work")
        check = self.node.run(lab.BUILD / "fairlead", "check", self.folder.path / "work.json")
        self.assertIn("Deployment default/work: skipped", check.stdout)


if __name__ == "__main__":
    unittest.main()
