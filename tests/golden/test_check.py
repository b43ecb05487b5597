"""`fairlead check` as people call it: exit codes, --strict, standard input, JSON."""
import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

PROGRAM = str(Path(os.environ.get("FAIRLEAD_BUILD", Path(__file__).resolve().parents[2] / "build")).resolve() / "fairlead")
GOOD = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {clusterIP: 10.96.0.1, ports: [{port: 80}]}\n"
WARNED = GOOD.replace("port: 80", "port: 80, protocl: UDP")
REFUSED = GOOD.replace("port: 80", "port: 80000")
ALONE = ("apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: web-1, labels: "
         "{kubernetes.io/service-name: web}}\naddressType: IPv4\nendpoints: []\n")


def check(*words, text=""):
    return subprocess.run([PROGRAM, "check", *words], input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=60, check=False)


class Check(unittest.TestCase):
    def test_exit_codes(self):
        for text, plain, strict in ((GOOD, 0, 0), (WARNED, 0, 1), (REFUSED, 1, 1), (ALONE, 0, 1)):
            with self.subTest(text=text):
                done = check("-", text=text)
                self.assertEqual((done.returncode, done.stderr), (plain, ""))
                self.assertEqual(check("--strict", "-", text=text).returncode, strict)
        self.assertEqual(check("-", text=GOOD).stdout, "1 files, 1 documents, 1 objects: good\n")
        self.assertTrue(check("-", text=WARNED).stdout.startswith(
            "-:4: Service default/web: spec.ports[0].protocl: unknown field, ignored; did you mean protocol?"))

    def test_files_are_compared_with_each_other(self):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "a.yaml").write_text(GOOD)
            Path(folder, "b.yaml").write_text(ALONE)
            self.assertEqual(check("--strict", folder).returncode, 0)
            self.assertEqual(check("--strict", f"{folder}/a.yaml", f"{folder}/b.yaml").returncode, 0)
            self.assertIn("no Service default/web", check(f"{folder}/b.yaml").stdout)

    def test_filled_in_as_by_the_daemon(self):
        pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: {app: %s}, annotations: {fairlead/pod-ip: 10.1.0.1}}\n"
        service = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {%sports: [{port: 80}]}\n"
        selecting = service % "selector: {app: web}, "
        for text, said in (
                (service % "", "good"),
                (selecting + "---\n" + pod % "web", "good"),
                (selecting + "---\n" + pod % "db", "Service default/web: spec.selector: no endpoints: no Pod here has these labels"),
                (selecting + "---\n" + ALONE, "good"),
                (service % "ipFamilyPolicy: SingleStack, ipFamilies: [IPv4, IPv6], ",
                 "-:1: Service default/web: spec.ipFamilyPolicy: SingleStack, but two families are asked for"),
                (service % "type: LoadBalancer, loadBalancerIP: 192.0.2.1, ", "good")):
            with self.subTest(text=text):
                self.assertIn(said, check("-", text=text).stdout)
        done = check("--lb-pool", "198.51.100.0/24", "-", text=service % "type: LoadBalancer, loadBalancerIP: 192.0.2.1, ")
        self.assertIn("spec.loadBalancerIP: 192.0.2.1 is not in --lb-pool", done.stdout)
        self.assertEqual(check("-", text=service % "ipFamilyPolicy: SingleStack, ipFamilies: [IPv4, IPv6], ").returncode, 1)
        self.assertEqual(check("--service-node-port-range", "x", "-", text=GOOD).returncode, 2)

    def test_exec_probes(self):
        pod = ("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, %s}]}\n"
               % "livenessProbe: {exec: {command: [x]}}, readinessProbe: {tcpSocket: {port: 80}}")
        done = check("-", text=pod)
        self.assertEqual((done.returncode, done.stdout), (
            0, "-:1: Pod default/p: spec.containers: exec probes of container c are not run without --allow-exec-probes: it counts as "
            "if it had none\n"))
        self.assertIn("good", check("--allow-exec-probes", "-", text=pod).stdout)
        self.assertEqual(check("-", text=pod.replace("port: 80", "port: '80'")).returncode, 1)

    def test_standard_input_that_cannot_be_read(self):
        with tempfile.TemporaryDirectory() as folder:
            for shell in ("exec <&-; exec \"$0\" check -", f"exec \"$0\" check - <{folder}"):
                done = subprocess.run(["sh", "-c", shell, PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                      timeout=60, check=False)
                self.assertEqual((done.returncode, done.stdout), (1, ""), done)
                self.assertRegex(done.stderr, r"^fairlead check: standard input: .+\n$")

    def test_json(self):
        self.assertEqual(json.loads(check("-o", "json", "-", text=GOOD).stdout), [])
        problem, = json.loads(check("-o", "json", "-", text=REFUSED).stdout)
        self.assertEqual((problem["file"], problem["line"], problem["kind"], problem["name"], problem["severity"]),
                         ("-", 4, "Service", "web", "error"))
        self.assertEqual(problem["field"], "spec.ports[0].port")


if __name__ == "__main__":
    unittest.main()
