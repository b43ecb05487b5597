/*
 * Everything the command line can say, parsed. Filled by options.c, completed and cross-checked by config_finish;
 * constant from then on. The owner calls config_fini, which frees all text and lists. Main thread.
 */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/addr_port.h"
#include "base/mem.h"
#include "dns/forward/plan.h"
#include "daemon/cluster_dns.h"
#include "daemon/conntrack_limits.h"
#include "service/addresses.h"
#include "service/nodeports.h"

enum detect_mode { MODE_CLUSTER_CIDR, MODE_NODE_CIDR, MODE_BRIDGE_INTERFACE, MODE_INTERFACE_PREFIX };
/* Exit codes of every command. */
enum { EXIT_YES = 0, EXIT_NO = 1, EXIT_USAGE = 2, EXIT_NO_DAEMON = 3 };
enum output { OUTPUT_TEXT, OUTPUT_JSON };

struct config {
	struct arena *arena;
	/* source */
	const char *manifests;
	const char *kubeconfig, *apiserver, *token_file, *ca_file;
	bool insecure_skip_tls_verify;
	/* what manifests are given (watch/lab/) */
	const char *node_port_range;
	uint16_t node_port_first, node_port_last; /* what node_port_range says */
	struct cidr_list lb_pool;
	const char *announce; /* interface; NULL: none */
	bool allow_exec_probes;
	const char *service_proxy_name; /* NULL: Services without the label are ours */
	/* node and cluster */
	const char *node_name;	    /* lower case */
	const char *cluster_domain; /* lower case, no trailing dot */
	struct cidr_list cluster_cidrs, service_cidrs;
	int detect_mode; /* enum detect_mode */
	const char *pod_bridge_interface, *pod_interface_prefix;
	const char *nodeport_addresses; /* "primary" where nothing is given */
	struct nodeports nodeports;	/* what nodeport_addresses says */
	const char *external_ips;
	struct external_ips external; /* what external_ips says */
	struct addr_list node_ips;
	/* kernel */
	bool masquerade_all, no_proxy;
	int64_t masquerade_bit;
	int64_t min_sync_period_ms, max_service_elements;
	int64_t memory_target; /* bytes; 0: by the limit of the process */
	bool reset_removed_tcp;
	int64_t reset_grace_ms;
	const char *table;
	struct conntrack_limits conntrack;
	/* DNS */
	bool no_dns;
	struct addr_port_list dns_listen;
	struct cluster_dns_addrs steered_dns, local_dns;
	struct forward_plan forward;
	int forward_policy; /* enum forward_policy */
	bool forward_tcp;
	int64_t forward_timeout_ms;
	int64_t dns_cache_bytes, dns_cache_max_ttl_ms, dns_cache_max_negative_ttl_ms;
	int64_t dns_workers, dns_ttl_s, dns_negative_ttl_s;
	int dns_pods; /* enum pods_mode */
	bool dns_log, dns_fixed_order, dns_identify, dns_debug_names, dns_endpoint_pod_names, dns_autopath;
	struct cidr_list dns_transfer, dns_allow;
	int64_t dns_log_sample;
	const char *dns_zone;	    /* lower case, no trailing dot; NULL: none */
	const char *dns_hosts;	    /* file; NULL: none */
	const char *dns_log_suffix; /* lower case, no trailing dot; NULL: all */
	/* running and asking */
	struct addr_port healthz, metrics, page; /* port 0: none; a wildcard: both families */
	const char *control;
	const char *take_over; /* NULL: no other process is replaced, and none replaces this one */
	const char *state_dir; /* "": none */
	int64_t verbosity;
	/* resolvconf and query */
	const char *node_resolv_conf; /* file */
	struct addr_list cluster_dns;
};

void config_init(struct config *c); /* all zero, with an arena */
void config_fini(struct config *c);

/*
 * After the last flag of `run`: fills what depends on the machine or on other flags, and refuses what does not fit
 * together. False: `error` is one line that names the flag.
 */
bool config_finish(struct config *c, char error[ERROR_BYTES]);
/* The same for the flags of FLAGS_ALLOCATION alone. */
bool config_finish_allocation(struct config *c, char error[ERROR_BYTES]);

#endif
