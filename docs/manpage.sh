#!/bin/sh
# Writes the man page from what `fairlead help` says, so that the two cannot differ. usage: docs/manpage.sh PROGRAM >PAGE
set -eu
program=$1

# what roff would take for a request, an escape or a hyphen, and what it does not know
escaped() { sed -e 's/\\/\\e/g' -e 's/-/\\-/g' -e "s/^\([.']\)/\\\\\&\1/" -e 's/…/\\[u2026]/g'; }

# the flags of one command: "  --name VALUE   text" → .TP entries; a value stands after one blank and is in capitals
flags() {
	"$program" help "$1" | escaped |
		sed -nE 's/^  (\\-[^ ]+( [A-Z][^ ]*)?) +(.*)/.TP\n.B \1\n\3/p'
}

commands=$("$program" help | sed -n 's/^  \([a-z][a-z]*\).*/\1/p')

cat <<'EOT'
.TH FAIRLEAD 8 "" "fairlead" "System administration"
.SH NAME
fairlead \- Service proxy and cluster DNS of one Kubernetes node
.SH SYNOPSIS
.B fairlead
.I COMMAND
.RI [ FLAG ]...
.SH DESCRIPTION
.B fairlead run
follows Services and EndpointSlices, from the Kubernetes API or from a folder of manifests, programs nftables through
netlink, and answers cluster DNS from the same state. A change shows in DNS after the kernel has it. All its rules are
in one table; a Service is elements of maps in it. On SIGTERM and SIGINT it stops and leaves the rules; SIGHUP makes it
read its manifests again.
EOT
for command in $commands; do
	"$program" help "$command" | escaped | awk -v c="$command" '
		NR == 1 { sub(/^usage: /, ""); print ".SH " toupper(c) "\n.B " $0 }
		NR == 3 { print ".PP\n" toupper(substr($0, 1, 1)) substr($0, 2) "." }'
	flags "$command"
done
cat <<'EOT'
.SH EXIT STATUS
0 yes or done, 1 no, not found or failed, 2 wrong usage or configuration (one line names the flag, or file and line), 3 no
daemon answers.
.SH FILES
.TP
.I /run/fairlead/control.sock
the socket of the commands that ask the daemon; mode 0600
.SH EXAMPLES
.EX
fairlead run \-\-manifests /etc/fairlead \-\-dns\-listen 192.168.0.1 \-\-cluster\-cidr 10.244.0.0/16
fairlead status \-\-wait 10s
fairlead check /etc/fairlead
.EE
.SH SEE ALSO
.BR nft (8),
.BR dig (1)
EOT
