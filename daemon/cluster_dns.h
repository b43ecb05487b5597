/*
 * Which addresses pods ask for DNS: --cluster-dns, or the ClusterIPs of kube-system/kube-dns; and --dns-local-address.
 * Pure.
 */
#ifndef DAEMON_CLUSTER_DNS_H
#define DAEMON_CLUSTER_DNS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "base/mem.h"
#include "watch/object.h"

#define CLUSTER_DNS_NAMESPACE "kube-system"
#define CLUSTER_DNS_NAME "kube-dns"
#define CLUSTER_DNS_ADDRS_MAX 4 /* of one flag; a Service has two */

struct cluster_dns_addrs {
	bool none; /* "none" was given */
	size_t count;
	struct addr items[CLUSTER_DNS_ADDRS_MAX];
};

/* "none", or addresses with commas between. NULL when fine, else why not: static, or in the arena. */
const char *cluster_dns_parse(void *addrs, struct arena *a, const char *text);
/* The same without "none". */
const char *cluster_dns_parse_local(void *addrs, struct arena *a, const char *text);

/* At most 2 * CLUSTER_DNS_ADDRS_MAX, each once; returns how many. service: kube-dns, NULL while there is none. */
size_t cluster_dns_list(const struct cluster_dns_addrs *given, const struct cluster_dns_addrs *local,
			const struct service_object *service, struct addr *out);

#endif
