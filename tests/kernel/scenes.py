"""
What tests with a daemon of their own start from. NodeTest: an empty node and a folder of manifests. WebTest: a pod behind
the service `web` as well, and a client. (cluster.py is for tests that share one daemon.)
"""
import lab
import manifests
import traffic


class NodeTest(lab.LabTest):
    def setUp(self):
        self.lab = lab.Lab()
        self.addCleanup(self.lab.end)
        self.node = self.lab.node()
        self.folder = manifests.Folder(self.lab.folder / "manifests")


class WebTest(NodeTest):
    VIP, POD = "10.96.0.1", "10.244.0.10"

    def setUp(self):
        super().setUp()
        self.pod = self.lab.pod(self.node, "web-0", self.POD)
        self.client = self.lab.pod(self.node, "client", "10.244.0.99")
        self.lab.servers.tcp(self.pod, "web-0", 8080)
        self.put_web()

    def put_web(self, *addresses):
        self.folder.put("web", manifests.service("web", self.VIP, [manifests.port(80, "http")]),
                        manifests.slice("web", addresses or [self.POD], [("http", 8080)]))

    def daemon(self, *flags, **kwargs):
        return self.lab.daemon(self.node, self.folder, "--cluster-cidr", "10.244.0.0/16", *flags, **kwargs)

    def reaches_web(self):
        return traffic.connect(self.client, self.VIP, 80, limit_s=5).outcome == "ok"
