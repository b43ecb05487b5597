#!/usr/bin/env bash
# Shows fairlead at work in the lab of lab.sh, and fails when something is not as it says. usage: demo.sh
set -euo pipefail
export LC_ALL=C # sorting and messages
LAB_PREFIX=fairlead-$$-
LAB_FOLDER=$(mktemp -d "${TMPDIR:-/tmp}/fairlead-demo-XXXXXX")
# shellcheck source=deploy/lab/lab.sh
. "$(dirname "$0")/lab.sh"
wrong=0 here=${here:?} # set by lab.sh

cleanup() {
	local code=$?
	trap - EXIT INT TERM HUP
	if [ "$code" != 0 ] && [ -s "$LAB_FOLDER/fairlead.log" ]; then
		echo "--- log of fairlead:" && tail -n 40 "$LAB_FOLDER/fairlead.log"
	fi
	lab_down
	exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

say() { printf '\n%s\n' "$*"; }

# show EXPECTED COMMAND…: types the command at the client; what it prints must match the whole of EXPECTED (a regex)
show() {
	local expected=$1 out
	shift
	printf '  client$ %s\n' "$*"
	out=$(lab_in client "$@" 2>&1) || out="$out
(exit code $?)"
	printf '    %s\n' "${out//$'\n'/$'\n'    }"
	expect "$expected" "$(sort <<<"$out")"
}

expect() {
	if ! [[ $2 =~ ^($1)$ ]]; then
		printf '    WRONG: expected %s\n' "$1"
		wrong=$((wrong + 1))
	fi
}

# spread URL COUNT: that many connections, counted by who answered
spread() {
	# shellcheck disable=SC2016 # expanded by the inner shell
	lab_in client sh -c 'i=0; while [ $i -lt "$2" ]; do curl -sS -m 5 "$1" 2>&1; i=$((i + 1)); done' sh "$1" "$2" |
		sort | uniq -c | awk '{ n = $1; $1 = ""; printf "%s%s: %d", (NR > 1 ? ", " : ""), substr($0, 2), n } END { print "" }'
}

show_spread() {
	local out
	# shellcheck disable=SC2016 # text to show, not to expand
	printf '  client$ for i in $(seq %s); do curl %s; done | sort | uniq -c\n' "$2" "$1"
	out=$(spread "$1" "$2")
	printf '    %s\n' "$out"
	expect "$3" "$out"
}

# set_ready ADDRESS true|false: edits both manifests as an operator would: a new file, renamed over the old one
set_ready() {
	local file
	for file in web.yaml db.yaml; do
		sed "/addresses: \[\"\?[0-9a-f.:]*[.:]$1\"\?\]/,/conditions/s/ready: [a-z]*/ready: $2/" \
			"$LAB_FOLDER/manifests/$file" >"$LAB_FOLDER/$file.new"
		mv "$LAB_FOLDER/$file.new" "$LAB_FOLDER/manifests/$file"
	done
}

# wait_dns COUNT: until the headless service has that many addresses
wait_dns() {
	local tries=0
	until [ "$(lab_in client dig +short db.shop.svc.cluster.local | wc -l)" = "$1" ]; do
		tries=$((tries + 1))
		[ $tries -lt 200 ] || { echo "    WRONG: DNS does not show $1 addresses" && exit 1; }
		sleep 0.05
	done
}

elements() { ip netns exec "${LAB_PREFIX}gateway" nft list table inet fairlead | grep -c ' : ' || true; }
rules() { ip netns exec "${LAB_PREFIX}gateway" nft -s list table inet fairlead | grep -cE '^\s*(chain|map|set) ' || true; }

echo "A client, a gateway that runs fairlead, three backends, each in a network namespace of its own."
echo "Manifests: $(cd "$here/manifests" && echo ./*.yaml) in deploy/lab/manifests."
lab_up

say "1. A service has a name and a virtual address (ClusterIP), in both families."
show '10\.96\.0\.20' dig +short web.shop.svc.cluster.local A
show 'fd00:96::20' dig +short web.shop.svc.cluster.local AAAA

say "2. Connections to it are spread over the ready pods; backend-2 is not ready. Short names work by the search path."
show 'backend-[01] answers 10\.244\.0\.1' curl -sS -4 http://web/
show_spread http://web/hostname 40 'backend-0: [0-9]+, backend-1: [0-9]+'
show 'backend-[01]' curl -sS -6 http://web.shop/hostname

say "3. A NodePort is the same on the gateway's own address."
show 'backend-[01]' curl -sS http://10.1.0.1:30080/hostname

say "4. A headless service answers with its ready pods; each has a name of its own; SRV tells the port; and back."
show $'10\\.244\\.0\\.10\n10\\.244\\.0\\.11' dig +short db.shop.svc.cluster.local
show '10\.244\.0\.10' dig +short db-0.db.shop.svc.cluster.local
show $'0 50 8080 db-0.*\n0 50 8080 db-1.*' dig +short _sql._tcp.db.shop.svc.cluster.local SRV
show 'web\.shop\.svc\.cluster\.local\.' dig +short -x 10.96.0.20

say "5. An ExternalName is an alias for something outside."
show 'www\.example\.org\.' dig +short docs.shop.svc.cluster.local CNAME

say "6. No ready pod: refused at once, no time-out. A port that the service does not have: refused too."
show $'\\(exit code 7\\)\ncurl: \\(7\\) .*' curl -sS -m 5 http://slow/
show $'\\(exit code 7\\)\ncurl: \\(7\\) .*' curl -sS -m 5 http://web:81/

chains=$(rules) && before=$(elements)
say "7. backend-2 becomes ready (its manifests are edited): traffic and DNS follow."
set_ready 12 true
wait_dns 3
show $'10\\.244\\.0\\.10\n10\\.244\\.0\\.11\n10\\.244\\.0\\.12' dig +short db.shop.svc.cluster.local
show_spread http://web/hostname 60 'backend-0: [0-9]+, backend-1: [0-9]+, backend-2: [0-9]+'

say "8. backend-0 stops being ready: nothing goes there any more, and no connection fails."
set_ready 10 false
wait_dns 2
show $'10\\.244\\.0\\.11\n10\\.244\\.0\\.12' dig +short db.shop.svc.cluster.local
show_spread http://web/hostname 40 'backend-1: [0-9]+, backend-2: [0-9]+'

say "9. All that changed in the kernel were map elements: chains, maps and rules are as before."
printf '  chains, maps and sets: %s before, %s now; map elements: %s before, %s now\n' \
	"$chains" "$(rules)" "$before" "$(elements)"
expect "$chains" "$(rules)"

say "10. The daemon is killed: the rules stay in the kernel and go on working."
kill -9 "$(lab_daemon)"
wait "$(lab_daemon)" 2>/dev/null || true # quietly
show_spread http://10.96.0.20/hostname 20 'backend-1: [0-9]+, backend-2: [0-9]+'

if [ "$wrong" != 0 ]; then
	say "$wrong of the above are not as they should be."
	exit 1
fi
say "All as expected; the lab is removed. \`make lab\` builds it again and leaves it running."
