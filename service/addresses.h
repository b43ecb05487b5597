/*
 * Which addresses a Service may have on this node. Tenants write externalIPs, controllers write load balancer status;
 * neither may take over what the node, the cluster's other Services or this daemon need (k8s #97110, CVE-2020-8554).
 * Pure. Any thread.
 */
#ifndef SERVICE_ADDRESSES_H
#define SERVICE_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/addr.h"
#include "service/service.h"

#define EXTERNAL_IPS_CIDRS_MAX 64

/* --external-ips. Zero = "all". */
struct external_ips {
	bool none;
	size_t cidr_count; /* not 0: only these, and the operator answers for addresses of nodes among them */
	struct cidr cidrs[EXTERNAL_IPS_CIDRS_MAX];
};

/* A socket that this daemon listens on, or will. No padding. */
struct own_socket {
	struct addr addr; /* a wildcard: every address of the node; "::" of both families */
	uint8_t proto;
	uint16_t port;
};

/* An address that processes of this node must reach as it is. No padding. */
struct needed_addr {
	struct addr addr;
	uint8_t fault; /* why no external address may be it: ADDRESS_API_SERVER, ADDRESS_NAME_SERVER */
};

/* What the decision depends on. Borrowed. */
struct address_rules {
	size_t host_count;
	const struct addr *host; /* the node's own, sorted, without loopback and link-local */
	size_t service_cidr_count;
	const struct cidr *service_cidrs;
	size_t needed_count;
	const struct needed_addr *needed;
	size_t own_count;
	const struct own_socket *own;
	const struct external_ips *external; /* NULL: all */
};

/* "all", "none", or addresses and CIDRs with commas between; blanks are fine. False: `error` names the
 * item. */
bool external_ips_parse(struct external_ips *e, const char *list, char error[ERROR_BYTES]);

/* Loopback, link-local (cloud metadata, too), multicast, broadcast and unspecified: never a Service's. */
bool address_is_special(const struct addr *a);
/*
 * ADDRESS_FINE, ADDRESS_SHARED (a ClusterIP that is the node's, too: only the Service's own ports are translated), or
 * why frontends of this kind have no business there. load_balancer: the Service is of that type.
 */
enum address_fault address_check(const struct address_rules *r, enum frontend_kind kind, bool load_balancer,
				 const struct addr *a);
/* This daemon itself listens there. */
bool address_is_own(const struct address_rules *r, const struct frontend_key *key);
/* An address of this node, or one that this daemon listens on. */
bool address_is_local(const struct address_rules *r, const struct addr *a);
/* "inside a service range", … */
const char *address_fault_text(enum address_fault fault);

#endif
