#!/usr/bin/env python3
"""Runs the steps of deploy/Dockerfile in chroots made with debootstrap, for machines without a container runtime, and
then the program in the resulting root. usage: tests/image.py [--keep FOLDER]. Needs root and a Debian mirror."""
import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
SUITES = {"debian:12-slim": "bookworm"}
MOUNTS = ("proc", "dev")


def run(*command, **kwargs):
    print("+", *map(str, command), flush=True)
    subprocess.run([str(part) for part in command], check=True, **kwargs)


def instructions(text):
    """(name, arguments) of a Dockerfile; continued lines joined, comments left out."""
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.M)
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip():
            name, _, rest = line.strip().partition(" ")
            yield name.upper(), rest.strip()


def mirror():
    """The first Debian mirror that this machine's apt uses, as arguments; none: debootstrap's own default."""
    for path in [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]:
        if path.is_file():
            match = re.search(r"^(?:deb\s+(?:\[.*?\]\s+)?|URIs:\s*)(https?://\S+/debian/?)(?:\s|$)", path.read_text(), re.M)
            if match:
                return [match[1]]
    return []


class Stage:
    """One root folder and what the Dockerfile has said about it."""

    def __init__(self, root):
        self.root, self.workdir, self.env, self.entry = root, "/", {}, []

    def inside(self, path):
        return self.root / str(path).lstrip("/")

    def sh(self, command):
        """As RUN does: /bin/sh in the root, with the build arguments as environment."""
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive", **self.env}
        for name in ("http_proxy", "https_proxy", "no_proxy"):
            if name in os.environ:
                env[name] = os.environ[name]
        script = f"cd {shlex.quote(self.workdir)} && {command}"
        # a mount and process namespace of its own: nothing is left mounted or running, whatever happens
        mounts = " && ".join(f"mount --{'rbind' if m == 'dev' else 'bind'} /{m} {self.root}/{m}" for m in MOUNTS)
        run("unshare", "-m", "sh", "-c", f"{mounts} && exec chroot {self.root} /bin/sh -c \"$0\"", script, env=env)


def base(folder, image):
    """The tree of a base image, made once."""
    root = folder / "base"
    if not root.exists():
        run("debootstrap", "--variant=minbase", SUITES[image], root, *mirror(), stdout=subprocess.DEVNULL)
        for name in ("resolv.conf", "hosts"):
            shutil.copy(f"/etc/{name}", root / "etc" / name)
        for path in Path("/etc/apt/apt.conf.d").glob("*proxy*"):
            shutil.copy(path, root / "etc/apt/apt.conf.d")
    return root


def copy(stage, stages, arguments):
    source_stage = None
    if arguments.startswith("--from="):
        name, _, arguments = arguments.partition(" ")
        source_stage = stages[name.removeprefix("--from=")]
    source, target = arguments.split()
    if source_stage:
        source = source_stage.inside(source)
    elif source == ".":
        # what git knows, as .dockerignore leaves out the rest
        stage.inside(target).mkdir(parents=True, exist_ok=True)
        run("sh", "-c", f"git ls-files -co --exclude-standard | tar -cf - -T - | tar -xf - -C {stage.inside(target)}", cwd=TOP)
        return
    else:
        source = TOP / source
    stage.inside(target).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, stage.inside(target))


def build(folder):
    stages, stage = {}, None
    for name, rest in instructions((TOP / "deploy/Dockerfile").read_text()):
        if name == "FROM":
            image, _, alias = rest.partition(" AS ")
            root = folder / f"stage{len(stages)}"
            run("cp", "-a", base(folder, image), root)
            stage = stages[alias or "last"] = Stage(root)
        elif name == "ARG":
            key, _, value = rest.partition("=")
            stage.env[key] = value
        elif name == "WORKDIR":
            stage.workdir = rest
            stage.inside(rest).mkdir(parents=True, exist_ok=True)
        elif name == "COPY":
            copy(stage, stages, rest)
        elif name == "RUN":
            stage.sh(rest)
        elif name in ("ENTRYPOINT", "CMD"):
            stage.entry += [part.strip('" ') for part in rest.strip("[]").split(",")]
        else:
            raise SystemExit(f"deploy/Dockerfile: {name}: not known here")
    return stage


def main():
    parser = argparse.ArgumentParser(description="Runs the steps of deploy/Dockerfile in chroots.")
    parser.add_argument("--keep", type=Path, help="leave the roots in this folder")
    options = parser.parse_args()
    folder = options.keep or Path(tempfile.mkdtemp(prefix="fairlead-image-"))
    try:
        stage = build(folder)
        stage.sh(" ".join(map(shlex.quote, stage.entry)))
        stage.sh("fairlead version")
        compilers = [str(p) for p in stage.root.glob("usr/bin/*gcc*")]
        if compilers:
            raise SystemExit(f"the image holds a compiler: {compilers}")
        size = subprocess.run(["du", "-sm", stage.root], check=True, stdout=subprocess.PIPE, text=True).stdout.split()[0]
        print(f"image: {size} MB, entry {' '.join(stage.entry)}: ok")
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
