#!/bin/sh
# Installs the Debian packages that building, testing and the lab need; does nothing when all are there.
# `deps.sh lint` installs what `make lint` needs beyond them.
set -eu

# build: compiler and libraries
build="gcc make pkg-config git libmnl-dev libnftnl-dev libldns-dev libev-dev libcjson-dev libfyaml-dev liburcu-dev
libmicrohttpd-dev libxxhash-dev libcurl4-openssl-dev"
# tests and lab: real clients, namespaces and tools
tools="libcmocka-dev python3-minimal python3 iproute2 procps netbase nftables conntrack curl bind9-dnsutils
openssl nghttp2-proxy"
# a second compiler with its sanitizers and libFuzzer, formatting, shell scripts
lint="clang libclang-rt-dev clang-format shellcheck"

wanted="$build $tools"
[ "${1:-}" != lint ] || wanted=$lint
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
