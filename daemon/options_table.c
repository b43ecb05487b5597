/* Every flag there is. A new one is one entry here and its field in struct config. */
#include <stddef.h>

#include "dns/zone/zone.h"
#include "nft/nft.h"
#include "daemon/options.h"

/* name, commands, kind, field of struct config, name of the value, help, what else counts for the kind */
#define FLAG(NAME, COMMANDS, KIND, FIELD, VALUE, HELP, ...)                                   \
	{                                                                                     \
		.name = NAME, .commands = (unsigned)(COMMANDS), .kind = KIND, .value = VALUE, \
		.offset = offsetof(struct config, FIELD), .help = HELP, __VA_ARGS__           \
	}
#define CONTROL_PATH_BYTES_MAX 100 /* sun_path is 108 bytes */

static const char *const detect_words[] = {[MODE_CLUSTER_CIDR] = "ClusterCIDR",
					   [MODE_NODE_CIDR] = "NodeCIDR",
					   [MODE_BRIDGE_INTERFACE] = "BridgeInterface",
					   [MODE_INTERFACE_PREFIX] = "InterfaceNamePrefix",
					   NULL};
static const char *const pods_words[] = {
	[PODS_DISABLED] = "disabled", [PODS_INSECURE] = "insecure", [PODS_VERIFIED] = "verified", NULL};
static const char *const output_words[] = {[OUTPUT_TEXT] = "text", [OUTPUT_JSON] = "json", NULL};

const struct option options_table[] = {
	FLAG("manifests", COMMAND_RUN, OPTION_TEXT, manifests, "DIR",
	     "source: every *.yaml, *.yml, *.json below DIR, followed"),
	FLAG("kubeconfig", COMMAND_RUN, OPTION_TEXT, kubeconfig, "FILE",
	     "source: Kubernetes API (default: the pod's service account)"),
	FLAG("apiserver", COMMAND_RUN, OPTION_TEXT, apiserver, "URL",
	     "source: Kubernetes API; wins over FILE's server"),
	FLAG("token-file", COMMAND_RUN, OPTION_TEXT, token_file, "FILE", "bearer token, read again as it rotates"),
	FLAG("ca-file", COMMAND_RUN, OPTION_TEXT, ca_file, "FILE",
	     "certificates that the API server is checked against"),
	FLAG("insecure-skip-tls-verify", COMMAND_RUN, OPTION_BOOL, insecure_skip_tls_verify, NULL,
	     "do not check the API server's certificate: whoever answers is believed"),
	FLAG("service-proxy-name", COMMAND_RUN, OPTION_TEXT, service_proxy_name, "NAME",
	     "serve the Services with this label service.kubernetes.io/service-proxy-name instead of those without",
	     .max_bytes = 63, .refuse = option_not_label),
	FLAG("node-name", COMMAND_RUN, OPTION_TEXT, node_name, "NAME",
	     "which endpoints are local (default $NODE_NAME, else the host name)"),
	FLAG("cluster-domain", COMMAND_RUN, OPTION_TEXT, cluster_domain, "NAME", "domain of cluster names",
	     .initial = "cluster.local"),
	FLAG("cluster-cidr", COMMAND_RUN, OPTION_CIDRS, cluster_cidrs, "CIDR[,CIDR]",
	     "pod ranges, for the local-traffic detector"),
	FLAG("detect-local-mode", COMMAND_RUN, OPTION_CHOICE, detect_mode, "MODE",
	     "ClusterCIDR, NodeCIDR, BridgeInterface or InterfaceNamePrefix", .initial = "ClusterCIDR",
	     .words = detect_words),
	FLAG("pod-bridge-interface", COMMAND_RUN, OPTION_TEXT, pod_bridge_interface, "NAME",
	     "for --detect-local-mode BridgeInterface", .max_bytes = 15),
	FLAG("pod-interface-name-prefix", COMMAND_RUN, OPTION_TEXT, pod_interface_prefix, "PREFIX",
	     "for --detect-local-mode InterfaceNamePrefix", .max_bytes = 15),
	FLAG("service-cidr", COMMAND_RUN, OPTION_CIDRS, service_cidrs, "CIDR[,CIDR]",
	     "unallocated addresses in it are dropped (default from ServiceCIDR objects)"),
	FLAG("nodeport-addresses", COMMAND_RUN, OPTION_TEXT, nodeport_addresses, "LIST",
	     "primary, all, localhost, CIDRs", .initial = "primary"),
	FLAG("node-ip", COMMAND_RUN, OPTION_ADDRS, node_ips, "IP[,IP]",
	     "default from the Node object, else the address of the default route"),
	FLAG("masquerade-all", COMMAND_RUN, OPTION_BOOL, masquerade_all, NULL,
	     "masquerade all connections to ClusterIPs"),
	FLAG("masquerade-bit", COMMAND_RUN, OPTION_NUMBER, masquerade_bit, "N", "bit of the packet mark, 0 to 31",
	     .initial = "14", .max = 31),
	FLAG("min-sync-period", COMMAND_RUN, OPTION_DURATION, min_sync_period_ms, "DUR",
	     "smallest gap between two kernel transactions", .initial = "0"),
	FLAG("reset-removed-tcp", COMMAND_RUN, OPTION_BOOL, reset_removed_tcp, NULL,
	     "cut TCP connections to endpoints that are gone, not merely terminating"),
	FLAG("reset-removed-tcp-grace", COMMAND_RUN, OPTION_DURATION, reset_grace_ms, "DUR", "how long they may go on",
	     .initial = "10s"),
	FLAG("no-proxy", COMMAND_RUN, OPTION_BOOL, no_proxy, NULL, "DNS only"),
	FLAG("no-dns", COMMAND_RUN, OPTION_BOOL, no_dns, NULL, "proxy only"),
	FLAG("table", COMMAND_RUN | COMMAND_CLEANUP, OPTION_TEXT, table, "NAME", "nftables table, family inet",
	     .initial = "fairlead", .max_bytes = NFT_TABLE_BYTES_MAX, .refuse = option_not_table),
	FLAG("dns-listen", COMMAND_RUN, OPTION_ADDR_PORTS, dns_listen, "ADDR[:PORT]",
	     "UDP and TCP, repeatable (default 127.0.0.1:53)"),
	FLAG("dns-workers", COMMAND_RUN, OPTION_NUMBER, dns_workers, "N", "threads", .initial = "1", .min = 1,
	     .max = 64),
	FLAG("dns-ttl", COMMAND_RUN, OPTION_NUMBER, dns_ttl_s, "SEC", "TTL of records", .initial = "5", .max = 3600),
	FLAG("dns-negative-ttl", COMMAND_RUN, OPTION_NUMBER, dns_negative_ttl_s, "SEC", "SOA minimum", .initial = "5",
	     .max = 3600),
	FLAG("dns-pods", COMMAND_RUN, OPTION_CHOICE, dns_pods, "MODE",
	     "names made of pod addresses: disabled, insecure or verified", .initial = "insecure", .words = pods_words),
	FLAG("dns-endpoint-pod-names", COMMAND_RUN, OPTION_BOOL, dns_endpoint_pod_names, NULL,
	     "endpoints without a hostname are named after their pod, not their address"),
	FLAG("dns-log", COMMAND_RUN, OPTION_BOOL, dns_log, NULL, "a line for every query on standard error"),
	FLAG("dns-log-sample", COMMAND_RUN, OPTION_NUMBER, dns_log_sample, "N", "with --dns-log: only every Nth query",
	     .initial = "1", .min = 1, .max = 1000000),
	FLAG("dns-log-suffix", COMMAND_RUN, OPTION_TEXT, dns_log_suffix, "NAME",
	     "with --dns-log: only names at or below this one"),
	FLAG("dns-fixed-order", COMMAND_RUN, OPTION_BOOL, dns_fixed_order, NULL,
	     "addresses of an answer do not take turns"),
	FLAG("dns-transfer", COMMAND_RUN, OPTION_CIDRS, dns_transfer, "CIDR[,CIDR]",
	     "who may transfer the cluster zone (AXFR)"),
	FLAG("dns-identify", COMMAND_RUN, OPTION_BOOL, dns_identify, NULL,
	     "answer version.bind and id.server (class CH) with the version and the node name"),
	FLAG("healthz-bind-address", COMMAND_RUN, OPTION_BIND, healthz, "ADDR:PORT",
	     "/healthz, /livez, /readyz; empty: none", .initial = "0.0.0.0:10256", .min = 10256),
	FLAG("metrics-bind-address", COMMAND_RUN, OPTION_BIND, metrics, "ADDR:PORT",
	     "/metrics, /proxyMode; empty: none", .initial = "127.0.0.1:10249", .min = 10249),
	FLAG("control", COMMAND_ALL, OPTION_TEXT, control, "PATH", "socket of status and other commands",
	     .initial = "/run/fairlead/control.sock", .max_bytes = CONTROL_PATH_BYTES_MAX),
	FLAG("state-dir", COMMAND_RUN, OPTION_TEXT, state_dir, "DIR",
	     "keeps the API server's last state here for a start without it; empty: none",
	     .initial = "/var/lib/fairlead", .may_be_empty = true),
	FLAG("v", COMMAND_RUN, OPTION_NUMBER, verbosity, "N", "0 warnings to 4 debug", .initial = "2", .max = 4),
	FLAG("wait", COMMAND_STATUS, OPTION_DURATION, wait_ms, "DUR",
	     "until the first full sync is in the kernel and DNS answers"),
	FLAG("o", COMMAND_STATUS | COMMAND_SERVICES | COMMAND_ENDPOINTS, OPTION_CHOICE, output, "FORMAT",
	     "text or json", .initial = "text", .words = output_words),
	{.name = NULL},
};
