#!/bin/sh
# Installs the Debian packages that building, testing and the lab need; does nothing when all are there.
# `deps.sh lint` installs what `make lint` needs beyond them, `deps.sh image` what `make test-image` needs, `deps.sh kernel`
# the virtual machine of `make test-kernel`, `deps.sh bench` the load generator of `make bench-dns`; `deps.sh build` and
# `deps.sh runtime` are for images: to build the program, to run it.
set -eu

# build: compiler and libraries
build="gcc libc6-dev make pkg-config git libmnl-dev libnftnl-dev libldns-dev libev-dev libcjson-dev libyaml-dev liburcu-dev
libxxhash-dev libcurl4-openssl-dev libssl-dev libcap-ng-dev
libseccomp-dev"
# tests and lab: real clients, namespaces and tools
tools="libcmocka-dev python3-minimal python3-yaml python3 iproute2 procps netbase nftables conntrack curl bind9-dnsutils musl-tools
openssl nghttp2-proxy python3-grpcio zsh fish chromium systemd"
# a second compiler with its sanitizers and libFuzzer, formatting, shell scripts
lint="clang libclang-rt-dev clang-format shellcheck"

command -v kubectl >/dev/null || tools="$tools kubernetes-client"
# the program's libraries, and the usual certificate authorities for kubeconfigs that name none
runtime="libmnl0 libnftnl11 libldns3 libev4 libcjson1 libyaml-0-2 liburcu8 libcurl4 libssl3
libcap-ng0 libseccomp2 ca-certificates"

case ${1:-} in
lint) wanted=$lint ;;
image) wanted=debootstrap ;;
kernel) wanted="qemu-system-x86 busybox-static kmod" ;;
bench) wanted=dnsperf ;;
build) wanted=$build ;;
runtime) wanted=$runtime ;;
*) wanted="$build $tools" ;;
esac
missing=""
for package in $wanted; do
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ]; then
	echo "make deps: needs root to install:$missing" >&2
	exit 1
fi
echo "make deps: installing$missing"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # a list of package names
apt-get install -qq -y --no-install-recommends $missing >/dev/null 2>&1 ||
	{ apt-get update -qq && apt-get install -qq -y --no-install-recommends $missing >/dev/null; }
