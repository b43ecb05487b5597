"""What deploy/ holds for clusters and systemd: parsed by kubectl without a server, and compared with the program."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import yaml

from follow import Follow, cluster, wait_until

TOP = Path(__file__).resolve().parent.parent.parent
FOLDER = TOP / "deploy/kubernetes"
PROGRAM = Path(os.environ.get("FAIRLEAD_BUILD", TOP / "build")) / "fairlead"


def kubectl(*arguments, text=None):
    """JSON objects that kubectl prints; it is never told of a server."""
    done = subprocess.run(["kubectl", *map(str, arguments)], input=text, capture_output=True, text=True,
                          env={**os.environ, "KUBECONFIG": "/dev/null", "HOME": "/nonexistent"})
    if done.returncode != 0:
        raise AssertionError(f"kubectl {arguments}: {done.stderr}")
    return done.stdout


def objects_of(text):
    decoder, found, at = json.JSONDecoder(), [], 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        obj, at = decoder.raw_decode(text, at)
        found.append(obj)
    return found


def lacks(part, whole, path=""):
    """Where `whole` lacks something of `part`; "" when nowhere."""
    if isinstance(part, dict):
        return next((where for key in part if (where := lacks(part[key], whole.get(key), f"{path}.{key}")
                     if isinstance(whole, dict) else path)), "")
    if isinstance(part, list):
        if not isinstance(whole, list) or len(part) != len(whole):
            return path
        return next((where for i, item in enumerate(part) if (where := lacks(item, whole[i], f"{path}[{i}]"))), "")
    return "" if part == whole else path


class Kubernetes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.text = kubectl("kustomize", FOLDER)
        # annotate --local prints every field as it stands in the file, whether it means something or not
        cls.objects = {o["kind"]: o for o in objects_of(kubectl("annotate", "--local", "-f", "-", "a=b", "-o", "json",
                                                                text=cls.text))}

    def with_dns(self):
        """The objects of an overlay with the DNS half."""
        with tempfile.TemporaryDirectory(dir=TOP / "build") as overlay:
            (Path(overlay) / "kustomization.yaml").write_text(
                "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
                f"resources: [{os.path.relpath(FOLDER, overlay)}]\ncomponents: [{os.path.relpath(FOLDER, overlay)}/dns]\n")
            text = kubectl("kustomize", overlay)
        return {o["kind"]: o for o in objects_of(kubectl("annotate", "--local", "-f", "-", "a=b", "-o", "json", text=text))}

    def test_everything_is_there(self):
        self.assertEqual(set(self.objects),
                         {"ServiceAccount", "ClusterRole", "ClusterRoleBinding", "ConfigMap", "DaemonSet"})
        for kind in ("ServiceAccount", "ConfigMap", "DaemonSet"):
            self.assertEqual(self.objects[kind]["metadata"]["namespace"], "kube-system")

    def test_kubectl_knows_every_field(self):
        """These commands decode into the API's own types: a misspelt field would be lost on the way."""
        commands = {"daemonset.yaml": ("set", "env", "A=b"), "clusterrolebinding.yaml": ("set", "subject", "--user=nobody")}
        for file, command in commands.items():
            raw = objects_of(kubectl("annotate", "--local", "-f", FOLDER / file, "a-", "-o", "json"))[0]
            typed = objects_of(kubectl(*command, "--local", "-f", FOLDER / file, "-o", "json"))[0]
            if "subjects" in raw:  # what the command itself adds
                raw["subjects"].append({"kind": "User", "name": "nobody"})
            else:
                raw["spec"]["template"]["spec"]["containers"][0]["env"].append({"name": "A", "value": "b"})
            self.assertEqual(lacks(raw, typed), "")

    def used_of(self, kinds, *flags):
        used = set()
        for streaming in (True, False):
            with cluster(streaming=streaming) as server, Follow("--apiserver", server.url, *flags) as f:
                f.wait_complete()
                wait_until(lambda: server.watching() == kinds)
                for _, plural, mode, _ in server.requests:
                    verb = "watch" if mode in ("watch", "stream") else "list"
                    used.add((server.by_plural[plural].group, plural, verb))
        return used

    @staticmethod
    def granted_by(objects):
        return {(group, resource, verb) for rule in objects["ClusterRole"]["rules"]
                for group in rule["apiGroups"] for resource in rule["resources"] for verb in rule["verbs"]}

    def test_role_has_what_is_used_and_no_more(self):
        self.assertEqual(self.granted_by(self.objects), self.used_of(6))
        self.assertEqual({verb for verb in self.granted_by(self.objects) if verb[1] not in ("namespaces", "pods")},
                         self.used_of(4, "--proxy-only", "yes"))
        binding, account = self.objects["ClusterRoleBinding"], self.objects["ServiceAccount"]
        self.assertEqual(binding["roleRef"]["name"], self.objects["ClusterRole"]["metadata"]["name"])
        self.assertEqual((binding["subjects"][0]["name"], binding["subjects"][0]["namespace"]),
                         (account["metadata"]["name"], account["metadata"]["namespace"]))

    def test_flags_are_understood(self):
        container = self.objects["DaemonSet"]["spec"]["template"]["spec"]["containers"][0]
        values = self.objects["ConfigMap"]["data"]
        name = container["envFrom"][0]["configMapRef"]["name"]
        self.assertEqual(name, self.objects["ConfigMap"]["metadata"]["name"])
        self.assertRegex(name, "^fairlead-[a-z0-9]{10}$", "an edit rolls out")
        args = [re.sub(r"\$\((\w+)\)", lambda m: values[m[1]], arg) for arg in container["args"]]
        done = subprocess.run([PROGRAM, *args, "--ca-file=/nonexistent/ca"], capture_output=True, text=True,
                              env={"NODE_NAME": "node-a"})
        self.assertEqual(done.returncode, 2)
        self.assertIn("CA file /nonexistent/ca", done.stderr, "every flag before it was fine")

    def test_privileges(self):
        spec = self.objects["DaemonSet"]["spec"]["template"]["spec"]
        security = spec["containers"][0]["securityContext"]
        self.assertEqual(security["capabilities"], {"drop": ["ALL"], "add": ["NET_ADMIN", "NET_BIND_SERVICE"]})
        with_dns = self.with_dns()["DaemonSet"]["spec"]["template"]["spec"]["containers"][0]
        self.assertEqual(with_dns["args"], [*spec["containers"][0]["args"], "--dns-listen=$(HOST_IP)"])
        self.assertTrue(security["readOnlyRootFilesystem"])
        self.assertFalse(security["allowPrivilegeEscalation"])
        self.assertTrue(spec["hostNetwork"])
        self.assertEqual(spec["priorityClassName"], "system-node-critical")
        for probe in ("startupProbe", "livenessProbe"):
            self.assertEqual(spec["containers"][0][probe]["httpGet"]["port"], 10256)

    def test_two_pods_share_a_node_during_an_upgrade(self):
        daemonset = self.objects["DaemonSet"]["spec"]
        self.assertEqual(daemonset["updateStrategy"]["rollingUpdate"], {"maxSurge": 1, "maxUnavailable": 0})
        spec = daemonset["template"]["spec"]
        container = spec["containers"][0]
        self.assertNotIn("ports", container, "host ports would keep the second one off the node")
        path = [a for a in container["args"] if a.startswith("--take-over=")][0].removeprefix("--take-over=")
        mounts = {m["mountPath"]: m["name"] for m in container["volumeMounts"]}
        volumes = {v["name"]: v for v in spec["volumes"]}
        self.assertIn("hostPath", volumes[mounts[os.path.dirname(path)]], "both pods see it")
        self.assertIn("emptyDir", volumes[mounts["/run/fairlead"]], "the readiness probe asks this process")
        self.assertEqual(container["readinessProbe"]["exec"]["command"][0], "/usr/sbin/fairlead")
        self.assertIn('ENTRYPOINT ["/usr/sbin/fairlead"]', (TOP / "deploy/Dockerfile").read_text())

    def test_patches_of_kube_dns_are_each_others_way_back(self):
        there, back = (yaml.safe_load((FOLDER / "dns" / f"to-{name}.yaml").read_text())["spec"] for name in ("fairlead", "coredns"))
        labels = self.objects["DaemonSet"]["spec"]["template"]["metadata"]["labels"]
        self.assertEqual({key: value for key, value in there["selector"].items() if value}, labels)
        self.assertEqual({key for key, value in there["selector"].items() if not value},
                         {key for key, value in back["selector"].items() if value})
        self.assertEqual({key for key, value in back["selector"].items() if not value}, set(labels))
        self.assertEqual([p for p in back["ports"] if p["name"] != "metrics"], there["ports"])

    def test_what_is_stored_outlives_the_pod(self):
        """The flag's default folder is the node's: a state in the pod's own file system would be gone with it."""
        shown = subprocess.run([PROGRAM, "help", "run"], capture_output=True, text=True, check=True).stdout
        self.assertRegex(shown, r"--state-dir[^-]*/var/lib/fairlead")
        spec = self.objects["DaemonSet"]["spec"]["template"]["spec"]
        mounts = {m["mountPath"]: m["name"] for m in spec["containers"][0]["volumeMounts"]}
        volumes = {v["name"]: v for v in spec["volumes"]}
        self.assertEqual(volumes[mounts["/var/lib/fairlead"]]["hostPath"]["path"], "/var/lib/fairlead")
        self.assertIn("/run/fairlead", mounts)
        self.assertIn("\nStateDirectory=fairlead\n", (TOP / "deploy/systemd/fairlead.service").read_text())


class Documented(unittest.TestCase):
    """The overlay of docs/kubernetes.md, put together from its pieces."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        shutil.copytree(FOLDER, self.folder / "deploy/kubernetes")
        (self.folder / "overlay").mkdir()
        text = (TOP / "docs/kubernetes.md").read_text()
        blocks = re.findall(r"^( *)```yaml\n(.*?)^ *```$", text, re.M | re.S)
        self.pieces = ["".join(line[len(pad):] if line.strip() else line for line in block.splitlines(True))
                       for pad, block in blocks]

    def built(self, *pieces, edit=lambda text: text):
        """{kind: object} as kustomize makes them of pieces of the page."""
        whole = "".join(self.pieces[n] for n in pieces)
        yaml.safe_load(whole)
        (self.folder / "overlay/kustomization.yaml").write_text(edit(whole))
        return {o["kind"]: o for o in yaml.safe_load_all(kubectl("kustomize", self.folder / "overlay"))}

    @staticmethod
    def container(objects):
        return objects["DaemonSet"]["spec"]["template"]["spec"]["containers"][0]

    def test_both_halves(self):
        objects = self.built(0)
        self.assertEqual(objects["ConfigMap"]["data"]["FAIRLEAD_CLUSTER_CIDR"], "10.244.0.0/16,fd00:10:244::/56")
        self.assertEqual(self.container(objects)["image"], "registry.example/fairlead:1")
        self.assertNotIn("--no-dns", self.container(objects)["args"])

    def test_an_edit_rolls_out(self):
        names = [self.container(self.built(0, edit=lambda text, port=port: text.replace(":6443", port)))["envFrom"][0]
                 ["configMapRef"]["name"] for port in (":6443", ":6444", ":6443")]
        self.assertNotEqual(names[0], names[1])
        self.assertEqual(names[0], names[2])

    def test_only_dns_and_alerts(self):
        objects = self.built(0, 1, 2)
        container, values = self.container(objects), objects["ConfigMap"]["data"]
        self.assertNotIn("--no-dns", container["args"])
        self.assertEqual(objects["DaemonSet"]["spec"]["template"]["metadata"]["labels"],
                         {"app.kubernetes.io/name": "fairlead", "k8s-app": "kube-proxy"})
        self.assertEqual(objects["DaemonSet"]["spec"]["selector"]["matchLabels"], {"app.kubernetes.io/name": "fairlead"})
        fields = {e["name"]: e["valueFrom"]["fieldRef"]["fieldPath"] for e in container["env"]}
        self.assertEqual(fields, {"NODE_NAME": "spec.nodeName", "HOST_IP": "status.hostIPs"})
        values["HOST_IP"] = "192.0.2.1,2001:db8::1"
        args = [re.sub(r"\$\((\w+)\)", lambda m: values[m[1]], arg) for arg in container["args"]]
        done = subprocess.run([PROGRAM, *args, "--ca-file=/nonexistent/ca"], capture_output=True, text=True,
                              env={"NODE_NAME": "node-a"})
        self.assertIn("CA file /nonexistent/ca", done.stderr, "every flag before it was fine")

    def test_flags_of_the_page_exist(self):
        known = subprocess.run([PROGRAM, "help", "run"], capture_output=True, text=True, check=True).stdout
        page = (TOP / "docs/kubernetes.md").read_text()
        others = {"--skip-phases", "--patch-file", "--replicas", "--clusterip", "--tcp", "--cleanup", "--build-arg", "--profile", "--image", "--type", "--now", "--always"}
        for flag in set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page)) - others:
            self.assertTrue(flag.rstrip("-") in known, flag)


class Systemd(unittest.TestCase):
    def test_unit_starts_behind_the_firewall(self):
        """A saved rule set flushes what is there, and cannot hold our table (docs/rules.md)."""
        after = re.search(r"^After=(.*)$", (TOP / "deploy/systemd/fairlead.service").read_text(), re.M)
        self.assertIn("nftables.service", after[1].split())

    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
    def test_unit(self):
        text = (TOP / "deploy/systemd/fairlead.service").read_text()
        self.assertIn("\nStartLimitIntervalSec=0\n", text)  # else Restart=always ends after five failures
        with tempfile.TemporaryDirectory() as folder:
            unit = Path(folder) / "fairlead.service"
            unit.write_text(text.replace("/usr/local/sbin/fairlead", str(PROGRAM)))
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
    def test_exposure(self):
        """docs/kubernetes.md says of each setting that counts why it stays."""
        unit = TOP / "deploy/systemd/fairlead.service"
        command = ("systemd-analyze", "security", "--offline=true", "--no-pager")
        done = subprocess.run([*command, "--threshold=17", unit], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        rows = json.loads(subprocess.run([*command, "--json=short", unit], capture_output=True, text=True).stdout)
        counted = {row["name"] for row in rows if row["set"] is False and row["exposure"] is not None}
        page = (TOP / "docs/kubernetes.md").read_text()
        told = re.search(r"\n\| setting that counts .*?\n\n", page, re.S)[0].replace("\\|", "|")
        self.assertEqual(set(re.findall(r"(?m)^\| `([^`]+)`", told)), counted)


if __name__ == "__main__":
    unittest.main()
