#!/usr/bin/env bash
# A small lab in network namespaces: a client, a gateway that runs fairlead, three backends with a web server each.
#
#   client 10.1.0.2 ---- gateway 10.1.0.1 ---- backend-0 10.244.0.10
#                        (fairlead, DNS        backend-1 10.244.0.11
#                         10.96.0.10)          backend-2 10.244.0.12     and the same with fd00:1::, fd00:244::
#
# usage: lab.sh up | down | in client|gateway|backend-N COMMAND…     (demo.sh sources this file for its functions)
# Nothing of the host is changed but namespaces named $LAB_PREFIX… and the folder $LAB_FOLDER.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LAB_PREFIX=${LAB_PREFIX:-fairlead-}
LAB_FOLDER=${LAB_FOLDER:-/run/fairlead-lab}
FAIRLEAD=${FAIRLEAD:-${FAIRLEAD_BUILD:-$(cd "$here/../.." && pwd)/build}/fairlead}
lab_nodes="gateway client backend-0 backend-1 backend-2"

# lab_in NODE COMMAND…: runs a command in a namespace; names are resolved by fairlead there, whatever the host does
lab_in() {
	local node=$1
	shift
	# shellcheck disable=SC2016 # expanded by the inner shell
	ip netns exec "$LAB_PREFIX$node" sh -c 'mount --bind "$1/resolv.conf" /etc/resolv.conf &&
		mount --bind "$1/nsswitch.conf" /etc/nsswitch.conf && shift && exec "$@"' sh "$LAB_FOLDER" "$@"
}

# lab_link NODE GATEWAY_DEVICE GATEWAY4 NODE4 GATEWAY6 NODE6: one cable between the gateway and a node
lab_link() {
	local gateway=${LAB_PREFIX}gateway node=$LAB_PREFIX$1
	ip -n "$gateway" link add "$2" type veth peer name eth0 netns "$node"
	ip -n "$gateway" -batch - <<-EOT
		link set $2 up
		addr add $3/32 dev $2
		addr add $5/128 dev $2 nodad
		route add $4/32 dev $2 src $3
		route add $6/128 dev $2 src $5
	EOT
	ip -n "$node" -batch - <<-EOT
		link set lo up
		link set eth0 up
		addr add $4/32 dev eth0
		addr add $6/128 dev eth0 nodad
		route add default via $3 dev eth0 onlink
		route add default via $5 dev eth0 onlink
	EOT
}

lab_net_up() {
	local node n
	for node in $lab_nodes; do
		ip netns add "$LAB_PREFIX$node"
	done
	ip -n "${LAB_PREFIX}gateway" link set lo up
	ip netns exec "${LAB_PREFIX}gateway" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
		echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
	# the cluster DNS address is an address of the gateway
	ip -n "${LAB_PREFIX}gateway" addr add 10.96.0.10/32 dev lo
	lab_link client c 10.1.0.1 10.1.0.2 fd00:1::1 fd00:1::2
	ip -n "${LAB_PREFIX}gateway" route add default via 10.1.0.2 dev c src 10.1.0.1
	for n in 0 1 2; do
		lab_link backend-$n b$n 10.244.0.1 10.244.0.1$n fd00:244::1 fd00:244::1$n
	done
}

# lab_start FILE COMMAND…: a process of the lab, in the background; its id is noted
lab_start() {
	local log=$1
	shift
	setsid "$@" </dev/null >>"$log" 2>&1 &
	echo $! >>"$LAB_FOLDER/pids"
}

lab_daemon_up() {
	lab_start "$LAB_FOLDER/fairlead.log" ip netns exec "${LAB_PREFIX}gateway" "$FAIRLEAD" run --forward none \
		--manifests "$LAB_FOLDER/manifests" --node-name gateway --cluster-cidr 10.244.0.0/16,fd00:244::/64 \
		--dns-listen 10.96.0.10 --control "$LAB_FOLDER/control.sock" --state-dir "$LAB_FOLDER/state"
	if ! "$FAIRLEAD" status --wait 20s --control "$LAB_FOLDER/control.sock" >/dev/null; then
		echo "fairlead did not come up; its log:" >&2
		cat "$LAB_FOLDER/fairlead.log" >&2
		return 1
	fi
}

# the daemon is started last
lab_daemon() { tail -n 1 "$LAB_FOLDER/pids"; }

# Says what the lab lacks here.
lab_can() {
	local why probe=${LAB_PREFIX}probe
	local chroot='In a chroot, its root must be a mount; outside: mount --bind ROOT ROOT, mount -t proc proc ROOT/proc'
	[ "$(id -u)" = 0 ] || { echo "lab: needs root, for network namespaces" >&2 && return 1; }
	[ -e /proc/self/ns/net ] || { printf 'lab: /proc is not mounted\n%s\n' "$chroot" >&2 && return 1; }
	if why=$(ip netns add "$probe" 2>&1 && ip netns exec "$probe" true 2>&1); then
		ip netns del "$probe"
		return 0
	fi
	ip netns del "$probe" 2>/dev/null || true
	printf 'lab: network namespaces cannot be used here: %s\n%s\n' "$why" "$chroot" >&2
	echo "In a container: it needs CAP_SYS_ADMIN and CAP_NET_ADMIN (--privileged)" >&2
	return 1
}

lab_up() {
	local n
	[ -x "$FAIRLEAD" ] || { echo "lab: $FAIRLEAD is missing; type make" >&2 && return 1; }
	lab_can || return 1
	mkdir -p "$LAB_FOLDER/manifests"
	: >"$LAB_FOLDER/pids"
	cp "$here"/manifests/*.yaml "$LAB_FOLDER/manifests/"
	printf '%s\n' 'nameserver 10.96.0.10' 'search shop.svc.cluster.local svc.cluster.local cluster.local' \
		'options ndots:5' >"$LAB_FOLDER/resolv.conf"
	echo 'hosts: files dns' >"$LAB_FOLDER/nsswitch.conf"
	lab_net_up
	for n in 0 1 2; do
		lab_start "$LAB_FOLDER/backend-$n.log" ip netns exec "${LAB_PREFIX}backend-$n" \
			python3 "$here/backend.py" "backend-$n" 8080
	done
	for n in 0 1 2; do
		curl_until_up "$n"
	done
	lab_daemon_up
}

curl_until_up() {
	local tries
	for tries in $(seq 200); do
		ip netns exec "${LAB_PREFIX}client" curl -s -o /dev/null "http://10.244.0.1$1:8080/" && return 0
		sleep 0.05
	done
	echo "lab: backend-$1 does not answer after $tries tries" >&2
	return 1
}

lab_down() {
	local node pid
	if [ -f "$LAB_FOLDER/pids" ]; then
		while read -r pid; do
			# only what is still one of ours: its folder or namespace stands in its command line
			if grep -qsaF -e "$LAB_FOLDER" -e "$here/backend.py" "/proc/$pid/cmdline"; then
				kill "$pid" 2>/dev/null || true
			fi
		done <"$LAB_FOLDER/pids"
	fi
	for node in $lab_nodes; do
		ip netns del "$LAB_PREFIX$node" 2>/dev/null || true
	done
	rm -rf "$LAB_FOLDER"
}

# from_here PATH: as one types it in this folder
from_here() {
	local path
	path=$(realpath --relative-to="$PWD" "$1")
	case $path in */*) echo "$path" ;; *) echo "./$path" ;; esac
}

lab_help() {
	local to ask with=
	[ "$LAB_PREFIX" = fairlead- ] || with="LAB_PREFIX=$LAB_PREFIX "
	[ "$LAB_FOLDER" = /run/fairlead-lab ] || with="${with}LAB_FOLDER=$LAB_FOLDER "
	to="$with$(from_here "$here/lab.sh") in"
	ask="--control $LAB_FOLDER/control.sock"
	cat <<-EOT
		The lab is up. Try:
		  $to client curl http://web/                          a name, the search path, a virtual address
		  $to client dig +short db.shop.svc.cluster.local      all ready pods of a headless service
		  $to client dig db-0.db.shop.svc.cluster.local        one pod by its name
		  $to client curl http://10.1.0.1:30080/               a node port
		  $to client curl -6 http://web/                       the same over IPv6
		  $to gateway nft list table inet fairlead             what is in the kernel
		  $(from_here "$FAIRLEAD") status $ask
		  $(from_here "$FAIRLEAD") endpoints shop/web $ask
		Edit the manifests in $LAB_FOLDER/manifests (ready: false → true) and look again. Log: $LAB_FOLDER/fairlead.log
		Remove it all: ${with}make lab-down
	EOT
}

[ "${BASH_SOURCE[0]}" = "$0" ] || return 0
case ${1:-} in
up)
	[ ! -e "$LAB_FOLDER" ] || { echo "lab: it is up already; make lab-down removes it" && exit 1; }
	trap 'lab_down' EXIT
	lab_up
	trap - EXIT
	lab_help
	;;
down) lab_down ;;
in)
	shift
	[ $# -ge 2 ] || { echo "usage: lab.sh in client|gateway|backend-N COMMAND…" >&2 && exit 2; }
	lab_in "$@"
	;;
*)
	echo "usage: lab.sh up | down | in NODE COMMAND…" >&2
	exit 2
	;;
esac
