"""Certificates for tests: an authority of its own, a server and a client."""
import os
import subprocess


def make_tls(folder, names=("DNS:localhost", "IP:127.0.0.1", "IP:::1"), prefix=""):
    """→ (ca.crt, server.crt, server.key, client.crt, client.key) as paths."""
    def path(name):
        return os.path.join(folder, prefix + name)

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def key(name):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", path(name + ".key"),
                "-out", path(name + (".crt" if name == "ca" else ".csr"))]

    openssl("req", "-x509", *key("ca"), "-subj", f"/CN=test CA {prefix}", "-days", "2",
            "-addext", "basicConstraints=critical,CA:TRUE")
    for name, extension in (("server", f"subjectAltName={','.join(names)}"), ("client", "extendedKeyUsage=clientAuth")):
        openssl("req", *key(name), "-subj", f"/CN={name}")
        with open(path(name + ".ext"), "w") as f:
            f.write(extension + "\n")
        openssl("x509", "-req", "-in", path(name + ".csr"), "-CA", path("ca.crt"), "-CAkey", path("ca.key"),
                "-CAcreateserial", "-days", "2", "-extfile", path(name + ".ext"), "-out", path(name + ".crt"))
    return [path(name) for name in ("ca.crt", "server.crt", "server.key", "client.crt", "client.key")]
