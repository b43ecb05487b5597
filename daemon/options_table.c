/* The flags of `fairlead run`. A new one is one entry here and its field in struct config. */
#include <stddef.h>

#include "dns/resolver/pod_dns.h"
#include "dns/resolver/search_list.h"
#include "dns/zone/zone.h"
#include "nft/nft.h"
#include "daemon/options.h"

static const char *const detect_words[] = {[MODE_CLUSTER_CIDR] = "ClusterCIDR",
					   [MODE_NODE_CIDR] = "NodeCIDR",
					   [MODE_BRIDGE_INTERFACE] = "BridgeInterface",
					   [MODE_INTERFACE_PREFIX] = "InterfaceNamePrefix",
					   NULL};
static const char *const pods_words[] = {
	[PODS_DISABLED] = "disabled", [PODS_INSECURE] = "insecure", [PODS_VERIFIED] = "verified", NULL};
static const char *const forward_words[] = {
	[FORWARD_RANDOM] = "random", [FORWARD_ROUND_ROBIN] = "round_robin", [FORWARD_SEQUENTIAL] = "sequential", NULL};
const char *const options_output_words[] = {[OUTPUT_TEXT] = "text", [OUTPUT_JSON] = "json", NULL};

static const char *add_forward(void *plan, struct arena *a, const char *text)
{
	return plan_forward(plan, a, text);
}

static const char *add_stub(void *plan, struct arena *a, const char *text)
{
	return plan_stub(plan, a, text);
}

const struct option options_run[] = {
	FLAG("manifests", OPTION_TEXT, manifests, "DIR", "source: every *.yaml, *.yml, *.json below DIR, followed"),
	FLAG("kubeconfig", OPTION_TEXT, kubeconfig, "FILE",
	     "source: Kubernetes API (default: the pod's service account)"),
	FLAG("apiserver", OPTION_TEXT, apiserver, "URL", "source: Kubernetes API; wins over FILE's server"),
	FLAG("token-file", OPTION_TEXT, token_file, "FILE", "bearer token, read again as it rotates"),
	FLAG("ca-file", OPTION_TEXT, ca_file, "FILE", "certificates that the API server is checked against"),
	FLAG("insecure-skip-tls-verify", OPTION_BOOL, insecure_skip_tls_verify, NULL,
	     "do not check the API server's certificate: any server is trusted"),
	FLAG("service-proxy-name", OPTION_TEXT, service_proxy_name, "NAME",
	     "serve the Services with this label service.kubernetes.io/service-proxy-name instead of those without",
	     .max_bytes = 63, .refuse = option_not_label),
	FLAG("node-name", OPTION_TEXT, node_name, "NAME",
	     "which endpoints are local (default $NODE_NAME, else the host name)", .refuse = option_not_node),
	FLAG("cluster-domain", OPTION_TEXT, cluster_domain, "NAME", "domain of cluster names",
	     .initial = "cluster.local", .refuse = option_not_domain),
	FLAG("cluster-cidr", OPTION_CIDRS, cluster_cidrs, "CIDR[,CIDR]", "pod ranges, for the local-traffic detector"),
	FLAG("detect-local-mode", OPTION_CHOICE, detect_mode, "MODE",
	     "ClusterCIDR, NodeCIDR, BridgeInterface or InterfaceNamePrefix", .initial = "ClusterCIDR",
	     .words = detect_words),
	FLAG("pod-bridge-interface", OPTION_TEXT, pod_bridge_interface, "NAME",
	     "for --detect-local-mode BridgeInterface", .max_bytes = 15, .refuse = option_not_interface),
	FLAG("pod-interface-name-prefix", OPTION_TEXT, pod_interface_prefix, "PREFIX",
	     "for --detect-local-mode InterfaceNamePrefix", .max_bytes = 15, .refuse = option_not_interface_prefix),
	FLAGS_ALLOCATION,
	FLAG("announce", OPTION_TEXT, announce, "IFACE",
	     "with --manifests: machines on this interface's networks reach load balancer and external addresses there "
	     "without a route",
	     .max_bytes = 15, .refuse = option_not_interface),
	FLAG_EXEC_PROBES,
	FLAG("nodeport-addresses", OPTION_TEXT, nodeport_addresses, "LIST",
	     "primary, all, localhost, addresses, CIDRs (default primary; see docs/manifests.md)",
	     .may_be_empty = true),
	FLAG("external-ips", OPTION_TEXT, external_ips, "LIST",
	     "which externalIPs of Services are served: all, none, addresses, CIDRs", .initial = "all",
	     .may_be_empty = true),
	FLAG("node-ip", OPTION_ADDRS, node_ips, "IP[,IP]",
	     "default from the Node object, else the address of the default route"),
	FLAG("masquerade-all", OPTION_BOOL, masquerade_all, NULL, "masquerade all connections to ClusterIPs"),
	FLAG("masquerade-bit", OPTION_NUMBER, masquerade_bit, "N", "bit of the packet mark, 0 to 31", .initial = "14",
	     .max = 31),
	FLAG("min-sync-period", OPTION_DURATION, min_sync_period_ms, "DUR",
	     "smallest gap between two kernel transactions", .initial = "0"),
	FLAG("max-service-elements", OPTION_NUMBER, max_service_elements, "N",
	     "what one Service may ask of kernel and DNS; above it, its last good version stays", .initial = "262144",
	     .min = 1, .max = INT64_C(1) << 40),
	FLAG("memory-target", OPTION_BYTES, memory_target, "BYTES",
	     "a Service that needs more stays at its last good version; 0: by the limit of the process, else half of "
	     "the machine's memory",
	     .initial = "0", .max = INT64_C(1) << 50),
	FLAG("reset-removed-tcp", OPTION_BOOL, reset_removed_tcp, NULL,
	     "cut TCP connections to endpoints that are gone, not merely terminating"),
	FLAG("reset-removed-tcp-grace", OPTION_DURATION, reset_grace_ms, "DUR", "grace period before the reset",
	     .initial = "10s"),
	FLAG("conntrack-max-per-core", OPTION_NUMBER, conntrack.max_per_core, "N",
	     "sets nf_conntrack_max, at least --conntrack-min (kube-proxy: 32768); 0, -1: leave it", .initial = "-1",
	     .min = -1, .max = 1048576),
	FLAG("conntrack-min", OPTION_NUMBER, conntrack.min, "N",
	     "least nf_conntrack_max to set (kube-proxy: 131072); -1: leave it", .initial = "-1", .min = -1,
	     .max = 1048576),
	FLAG("conntrack-tcp-timeout-established", OPTION_DURATION, conntrack.tcp_established_ms, "DUR",
	     "sets the time-out of idle connections (kube-proxy: 24h); 0: leave it", .initial = "0"),
	FLAG("conntrack-tcp-timeout-close-wait", OPTION_DURATION, conntrack.tcp_close_wait_ms, "DUR",
	     "sets the time-out of half-closed connections (kube-proxy: 1h); 0: leave it", .initial = "0"),
	FLAG("conntrack-tcp-be-liberal", OPTION_BOOL, conntrack.tcp_be_liberal, NULL,
	     "packets out of the TCP window are not INVALID to conntrack"),
	FLAG("conntrack-udp-timeout", OPTION_DURATION, conntrack.udp_ms, "DUR",
	     "sets the time-out of unanswered UDP flows; 0: leave it", .initial = "0"),
	FLAG("conntrack-udp-timeout-stream", OPTION_DURATION, conntrack.udp_stream_ms, "DUR",
	     "sets the time-out of answered UDP flows; 0: leave it", .initial = "0"),
	FLAG("no-proxy", OPTION_BOOL, no_proxy, NULL, "DNS only"),
	FLAG("no-dns", OPTION_BOOL, no_dns, NULL, "proxy only"),
	FLAG_TABLE,
	FLAG("dns-listen", OPTION_ADDR_PORTS, dns_listen, "LIST",
	     "ADDR[:PORT] with commas between, UDP and TCP; repeatable (default 127.0.0.1:53 with --manifests, else "
	     "only what "
	     "is steered)"),
	FLAG("cluster-dns", OPTION_PARSED, steered_dns, "IP[,IP]",
	     "address that pods ask, steered to this process while it lives, else to its Service's endpoints; none: "
	     "not "
	     "steered (default the ClusterIPs of kube-system/kube-dns)",
	     .parse = cluster_dns_parse),
	FLAG("dns-local-address", OPTION_PARSED, local_dns, "IP[,IP]",
	     "a link-local address (169.254.20.10) that pods ask, served like the cluster DNS address",
	     .parse = cluster_dns_parse_local),
	FLAG("dns-zone", OPTION_TEXT, dns_zone, "NAME",
	     "short names of Services for the local network: SERVICE.NAME, and the annotation fairlead/hostname",
	     .refuse = option_not_domain),
	FLAG("dns-hosts", OPTION_TEXT, dns_hosts, "FILE",
	     "static names outside the cluster, in the format of /etc/hosts; followed"),
	FLAG("forward", OPTION_PARSED, forward, "LIST",
	     "who answers names outside the cluster: servers ADDR[:PORT] or tls://ADDR[:PORT][#NAME] with commas "
	     "between, a resolv.conf, which is followed, or "
	     "none: "
	     "such names are REFUSED (default /etc/resolv.conf)",
	     .parse = add_forward),
	FLAG("stub-domain", OPTION_PARSED, forward, "NAME=ADDR[:PORT][,…]",
	     "who answers names at and below NAME instead, repeatable; the longest NAME wins", .parse = add_stub),
	FLAG("forward-policy", OPTION_CHOICE, forward_policy, "POLICY",
	     "which server is asked first: random, round_robin or sequential", .initial = "random",
	     .words = forward_words),
	FLAG("forward-tcp", OPTION_BOOL, forward_tcp, NULL, "ask upstream servers over TCP only"),
	FLAG("forward-timeout", OPTION_DURATION, forward_timeout_ms, "DUR",
	     "of an upstream; a query ends after twice this", .initial = "2s"),
	FLAG("dns-cache-size", OPTION_BYTES, dns_cache_bytes, "BYTES",
	     "memory for what upstream servers said; 0: nothing is kept", .initial = "16M", .max = (int64_t)16 << 30),
	FLAG("dns-cache-max-ttl", OPTION_DURATION, dns_cache_max_ttl_ms, "DUR",
	     "an answer is kept no longer, whatever its TTL", .initial = "1h"),
	FLAG("dns-cache-max-negative-ttl", OPTION_DURATION, dns_cache_max_negative_ttl_ms, "DUR",
	     "the same for NXDOMAIN and NODATA", .initial = "30m"),
	FLAG("dns-workers", OPTION_NUMBER, dns_workers, "N", "threads", .initial = "1", .min = 1, .max = 64),
	FLAG("dns-ttl", OPTION_NUMBER, dns_ttl_s, "SEC", "TTL of records", .initial = "5", .max = 3600),
	FLAG("dns-negative-ttl", OPTION_NUMBER, dns_negative_ttl_s, "SEC", "SOA minimum", .initial = "5", .max = 3600),
	FLAG("dns-pods", OPTION_CHOICE, dns_pods, "MODE", "names made of pod addresses: disabled, insecure or verified",
	     .initial = "insecure", .words = pods_words),
	FLAG("dns-endpoint-pod-names", OPTION_BOOL, dns_endpoint_pod_names, NULL,
	     "endpoints without a hostname are named after their pod, not their address"),
	FLAG("dns-log", OPTION_BOOL, dns_log, NULL, "a line for every query on standard error"),
	FLAG("dns-log-sample", OPTION_NUMBER, dns_log_sample, "N", "with --dns-log: only every Nth query",
	     .initial = "1", .min = 1, .max = 1000000),
	FLAG("dns-log-suffix", OPTION_TEXT, dns_log_suffix, "NAME", "with --dns-log: only names at or below this one",
	     .refuse = option_not_suffix),
	FLAG("dns-fixed-order", OPTION_BOOL, dns_fixed_order, NULL, "do not rotate addresses in answers"),
	FLAG("dns-transfer", OPTION_CIDRS, dns_transfer, "CIDR[,CIDR]", "who may transfer the cluster zone (AXFR)",
	     .hosts = true),
	FLAG("dns-allow", OPTION_CIDRS, dns_allow, "CIDR[,CIDR]",
	     "clients served in full, beside loopback; others get small replies, and no names outside the cluster "
	     "(default private, pod, service and node ranges)",
	     .hosts = true),
	FLAG("dns-identify", OPTION_BOOL, dns_identify, NULL,
	     "answer version.bind and id.server (class CH) with the version and the node name"),
	FLAG("dns-debug-names", OPTION_BOOL, dns_debug_names, NULL,
	     "answer TXT of whoami.dns.DOMAIN, status.dns.DOMAIN and SERVICE.NAMESPACE.why.dns.DOMAIN",
	     .initial = "true"),
	FLAG("dns-autopath", OPTION_BOOL, dns_autopath, NULL,
	     "finish the search list of pods on the server: one query for a name outside instead of one for each "
	     "domain"),
	FLAG("healthz-bind-address", OPTION_BIND, healthz, "ADDR:PORT", "/healthz, /livez, /readyz; empty: none",
	     .initial = "0.0.0.0:10256", .min = 10256),
	FLAG("metrics-bind-address", OPTION_BIND, metrics, "ADDR:PORT", "/metrics, /proxyMode; empty: none",
	     .initial = "127.0.0.1:10249", .min = 10249),
	FLAG("page", OPTION_BIND, page, "ADDR:PORT",
	     "a page to look at: services, endpoints, rates, changes; a port alone is on 127.0.0.1", .initial = "",
	     .loopback = true, .min = 10250),
	FLAG_CONTROL,
	FLAG("take-over", OPTION_TEXT, take_over, "PATH",
	     "socket that a running process hands over by, so that an upgrade loses nothing; this one takes its place "
	     "there "
	     "(default none)",
	     .max_bytes = CONTROL_PATH_BYTES_MAX),
	FLAG("state-dir", OPTION_TEXT, state_dir, "DIR",
	     "keeps the API server's last state, for a start without it, the DNS serial, and what is allocated to "
	     "manifests; empty: none",
	     .initial = "/var/lib/fairlead", .may_be_empty = true),
	FLAG("v", OPTION_NUMBER, verbosity, "N", "0 warnings to 4 debug", .initial = "2", .max = 4),
	OPTIONS_END,
};

const struct option options_common[] = {FLAG_CONTROL, OPTIONS_END};
