#!/usr/bin/env python3
"""Runs tests under another kernel: in a virtual machine whose root are the files of this one, read only, below a layer
of memory. usage: tests/vm/run.py [--kernel KERNEL] -- COMMAND…

KERNEL is a package as apt names it, PACKAGE/SUITE for a suite that apt is not set up for, a .deb, or a kernel image with
its modules in ../lib/modules. Needs root. Without virtualisation in the processor it emulates one, which is slow: the
variable FAIRLEAD_PATIENCE tells the tests so."""
import argparse
import os
import re
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(TOP / "tests"))
from image import mirror  # noqa: E402

BEFORE_ROOT = ("virtio_pci", "9pnet_virtio", "9p", "overlay")  # modules; later ones are loaded from the root
EMULATED = 4  # how much longer things may take there


def output(*command, **kwargs):
    return subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True, **kwargs).stdout


# ---- the kernel ----

def apt_options(folder, suite):
    """Arguments that show apt another suite of this machine's mirror and leave no trace in its own lists."""
    if not suite:
        return []
    for name in ("lists", "archives"):
        (folder / name / "partial").mkdir(parents=True, exist_ok=True)
    if not mirror():
        raise SystemExit(f"no mirror among this machine's apt sources to fetch {suite} from")
    source = folder / f"{suite}.list"
    source.write_text(f"deb {' '.join(mirror())} {suite} main\n")
    return [f"-oDir::Etc::sourcelist={source}", "-oDir::Etc::sourceparts=-", f"-oDir::State::lists={folder}/lists",
            f"-oDir::Cache={folder}"]


def fetch(package, suite, folder):
    """The .deb of a package; of the kernel of the day for a package that only depends on that."""
    options = ["-qq", "-oAPT::Sandbox::User=root", *apt_options(folder / "apt", suite)]
    if suite:
        output("apt-get", *options, "update")
    dependency = re.search(r"Depends: (linux-image-\S+)", output("apt-cache", *options, "depends", package))
    package = dependency[1] if dependency else package
    output("apt-get", *options, "download", package, cwd=folder)
    return max(folder.glob(f"{package}_*.deb"), key=os.path.getmtime)


def unpack(deb, folder):
    """The kernel image of a .deb, its modules beside it."""
    root = folder / deb.name.removesuffix(".deb")
    if not root.exists():
        shutil.rmtree(folder / "new", ignore_errors=True)
        output("dpkg-deb", "-x", deb, folder / "new")
        (folder / "new").rename(root)
    return next(root.glob("boot/vmlinuz-*"))


def find_image(kernel, folder):
    path = Path(kernel)
    if not path.is_file():
        package, _, suite = kernel.partition("/")
        path = fetch(package, suite, folder)
    return unpack(path, folder) if path.suffix == ".deb" else path.resolve()


def release(image):
    """What `uname -r` will say: a kernel image has it where the word at 0x20e points to, behind the first sector."""
    with open(image, "rb") as file:
        head = file.read(65536)
    if head[0x202:0x206] != b"HdrS":
        raise SystemExit(f"{image}: not a kernel image for x86")
    start = 0x200 + struct.unpack_from("<H", head, 0x20e)[0]
    return head[start:].split(b" ", 1)[0].decode()


# ---- the machine ----

def modules_to_load(modules):
    """Files that the initramfs loads, in order; what is built in is not among them."""
    if not (modules / "modules.dep").exists():
        output("depmod", "-b", modules.parents[2], modules.name)
    wanted = [output("modprobe", "-d", modules.parents[2], "-S", modules.name, "--show-depends", name)
              for name in BEFORE_ROOT]
    return list(dict.fromkeys(re.findall(r"^insmod (\S+)", "".join(wanted), re.M)))


def make_initramfs(folder, modules, job):
    """busybox, init.sh, the modules that reach the root, and the job."""
    root = folder / "initramfs"
    for name in ("bin", "dev", "modules"):
        (root / name).mkdir(parents=True)
    shutil.copy("/bin/busybox", root / "bin/busybox")
    (root / "bin/sh").symlink_to("busybox")
    shutil.copy(HERE / "init.sh", root / "init")
    (root / "init").chmod(0o755)
    (root / "job").write_text("".join(f"{name}={shlex.quote(str(value))}\n" for name, value in job.items()))
    files = modules_to_load(modules) if modules.exists() else []
    for file in files:
        shutil.copy(file, root / "modules")
    (root / "modules/order").write_text("".join(f"{Path(file).name}\n" for file in files))
    image = folder / "initramfs.cpio"
    with open(image, "wb") as out:
        names = "".join(f"{path.relative_to(root)}\n" for path in sorted(root.rglob("*")))
        subprocess.run(["busybox", "cpio", "-o", "-H", "newc"], cwd=root, input=names.encode(), stdout=out,
                       stderr=subprocess.DEVNULL, check=True)
    return image


def virtualises():
    return re.search(r"\b(vmx|svm)\b", Path("/proc/cpuinfo").read_text()) and os.access("/dev/kvm", os.R_OK | os.W_OK)


def machine(image, initramfs, kernel_log, memory_mb):
    """The command of a machine: kernel messages into a file, what the tests print onto standard output."""
    # emulating a processor with wider registers is slower
    how = "-accel kvm -cpu host" if virtualises() else "-accel tcg,thread=multi,tb-size=1024 -cpu Nehalem"
    return ["qemu-system-x86_64", *how.split(), "-smp", str(os.cpu_count()), "-m", str(memory_mb), "-nodefaults",
            "-no-reboot", "-display", "none", "-serial", f"file:{kernel_log}", "-serial", "stdio", "-kernel", image,
            "-initrd", initramfs, "-append", "console=ttyS0 panic=-1 mitigations=off quiet loglevel=5",
            "-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap"]


def watch(command, limit_s):
    """Passes on what the machine prints; the exit code that its last line tells, or None."""
    code = None
    with subprocess.Popen(["timeout", str(limit_s), *map(str, command)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, text=True, errors="replace") as process:
        for line in process.stdout:
            last = re.fullmatch(r"vm: exit (\d+)", line.strip())
            if last:
                code = int(last[1])
            else:
                print(line.rstrip(), flush=True)
    return code


def complaints(kernel_log):
    """What the kernel found wrong with itself; not that it was slow."""
    text = kernel_log.read_text(errors="replace") if kernel_log.exists() else ""
    return re.findall(r"^.*(?:WARNING: CPU|BUG: (?!soft lockup)|Oops|Kernel panic).*$", text, re.M)


def main():
    parser = argparse.ArgumentParser(description="Runs a command under another kernel in a virtual machine.")
    parser.add_argument("--kernel", default="linux-image-amd64")
    parser.add_argument("--keep", type=Path, default=TOP / "build/vm", help="folder for kernels and the kernel's messages")
    parser.add_argument("--limit", type=int, default=3600, help="seconds")
    parser.add_argument("--memory", type=int, default=3072, help="MB")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    options.keep.mkdir(parents=True, exist_ok=True)
    image = find_image(options.kernel, options.keep)
    modules = image.parent.parent / "lib/modules" / release(image)
    job = {"TOP": TOP, "MODULES": modules if modules.exists() else "", "RUN": shlex.join(options.command),
           "FAIRLEAD_PATIENCE": os.environ.get("FAIRLEAD_PATIENCE", 1 if virtualises() else EMULATED)}
    kernel_log = options.keep / f"{release(image)}.log"
    with tempfile.TemporaryDirectory(prefix="fairlead-vm-") as folder:
        initramfs = make_initramfs(Path(folder), modules, job)
        code = watch(machine(image, initramfs, kernel_log, options.memory), options.limit)
    wrong = complaints(kernel_log)
    print(*wrong, sep="\n", end="\n" if wrong else "")
    if code is None:
        raise SystemExit(f"the machine ended before the tests did; the kernel's messages: {kernel_log}")
    return code or (1 if wrong else 0)


if __name__ == "__main__":
    sys.exit(main())
