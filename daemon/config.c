/* Completes and checks what the command line says. */
#include "daemon/config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/domain.h"
#include "nft/nft.h"
#include "service/addresses.h"

void config_init(struct config *c)
{
	*c = (struct config){.arena = arena_new(1024)};
}

void config_fini(struct config *c)
{
	arena_free(c->arena);
	*c = (struct config){0};
}

static bool refuse(char error[ERROR_BYTES], const char *flag, const char *value, const char *why)
{
	if (value != NULL)
		snprintf(error, ERROR_BYTES, "--%s %.200s: %.250s", flag, value, why);
	else
		snprintf(error, ERROR_BYTES, "--%s: %.450s", flag, why);
	return false;
}

static const char *lower(struct arena *arena, const char *text)
{
	char *copy = arena_strdup(arena, text);

	for (char *p = copy; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	return copy;
}

static bool is_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* A host's name may be one that no Node has: then no endpoint is local. */
static bool finish_node_name(struct config *c, char error[ERROR_BYTES])
{
	char host[256] = "";

	if (c->node_name == NULL && getenv("NODE_NAME") != NULL && getenv("NODE_NAME")[0] != '\0')
		c->node_name = arena_strdup(c->arena, getenv("NODE_NAME"));
	if (c->node_name == NULL && gethostname(host, sizeof host - 1) == 0)
		c->node_name = arena_strdup(c->arena, host);
	if (c->node_name == NULL || !domain_name(c->node_name, DOMAIN_BYTES, DOMAIN_UPPER | DOMAIN_UNDERSCORE))
		return refuse(error, "node-name", c->node_name, "not a node name");
	c->node_name = lower(c->arena, c->node_name);
	return true;
}

/* Lower case, without the dot at its end. */
static void finish_domain(struct config *c, const char **value)
{
	size_t n = *value != NULL ? strlen(*value) : 0;

	if (*value != NULL)
		*value = lower(c->arena, arena_strndup(c->arena, *value, n > 1 && (*value)[n - 1] == '.' ? n - 1 : n));
}

static bool finish_detector(struct config *c, char error[ERROR_BYTES])
{
	if (c->cluster_cidrs.count > RULESET_CIDRS_MAX)
		return refuse(error, "cluster-cidr", NULL, "more than 32 ranges");
	if (c->detect_mode == MODE_BRIDGE_INTERFACE && c->pod_bridge_interface == NULL)
		return refuse(error, "detect-local-mode", "BridgeInterface", "needs --pod-bridge-interface");
	if (c->detect_mode == MODE_INTERFACE_PREFIX && c->pod_interface_prefix == NULL)
		return refuse(error, "detect-local-mode", "InterfaceNamePrefix", "needs --pod-interface-name-prefix");
	return true;
}

static bool finish_nodeports(struct config *c, char error[ERROR_BYTES])
{
	char why[ERROR_BYTES];

	const bool given = c->nodeport_addresses != NULL && c->nodeport_addresses[0] != '\0';
	if (!given)
		c->nodeport_addresses = "primary";
	if (nodeports_parse(&c->nodeports, c->nodeport_addresses, why)) {
		c->nodeports.inner = !given && c->manifests != NULL;
		return true;
	}
	return refuse(error, "nodeport-addresses", c->nodeport_addresses, why);
}

/* As the API server's --service-node-port-range: "30000-32767". */
bool config_finish_allocation(struct config *c, char error[ERROR_BYTES])
{
	unsigned first, last;
	int end = 0;

	if (c->node_port_range == NULL)
		c->node_port_range = "30000-32767";
	if (sscanf(c->node_port_range, "%5u-%5u%n", &first, &last, &end) != 2 || c->node_port_range[end] != '\0' ||
	    first == 0 || first > last || last > UINT16_MAX)
		return refuse(error, "service-node-port-range", c->node_port_range, "not a range such as 30000-32767");
	c->node_port_first = (uint16_t)first;
	c->node_port_last = (uint16_t)last;
	return true;
}

static bool finish_external_ips(struct config *c, char error[ERROR_BYTES])
{
	char why[ERROR_BYTES];

	if (external_ips_parse(&c->external, c->external_ips, why))
		return true;
	return refuse(error, "external-ips", c->external_ips, why);
}

/* kube-proxy and kubelet have one address of each family too, and kubelet refuses the same addresses. */
static bool finish_node_ips(const struct config *c, char error[ERROR_BYTES])
{
	const struct addr_list *ips = &c->node_ips;
	char text[ADDR_TEXT_BYTES];

	for (size_t i = 0; i < ips->count; i++)
		if (address_is_special(&ips->items[i]))
			return refuse(error, "node-ip", addr_format(&ips->items[i], text),
				      "loopback, link-local, multicast or unspecified: no address of a node");
	if (ips->count > 2 || (ips->count == 2 && ips->items[0].family == ips->items[1].family))
		return refuse(error, "node-ip", NULL, "more than one address of a family");
	return true;
}

static bool is_listed(const struct addr_port_list *list, size_t count, const struct addr_port *one)
{
	for (size_t i = 0; i < count; i++)
		if (list->items[i].port == one->port && addr_equal(&list->items[i].addr, &one->addr))
			return true;
	return false;
}

#define CACHE_TTL_MAX_MS 604800000 /* RFC 8767 4 */

static bool finish_forward(struct config *c, char error[ERROR_BYTES])
{
	if (c->forward.count == 0 && c->forward.file == NULL && !c->forward.none)
		c->forward.file = "/etc/resolv.conf";
	c->forward.policy = (enum forward_policy)c->forward_policy;
	c->forward.tcp = c->forward_tcp;
	if (c->forward_timeout_ms < 100 || c->forward_timeout_ms > 30000)
		return refuse(error, "forward-timeout", NULL, "not between 100ms and 30s");
	if (c->dns_cache_max_ttl_ms > CACHE_TTL_MAX_MS)
		return refuse(error, "dns-cache-max-ttl", NULL, "more than a week");
	if (c->dns_cache_max_negative_ttl_ms > CACHE_TTL_MAX_MS)
		return refuse(error, "dns-cache-max-negative-ttl", NULL, "more than a week");
	return true;
}

/* What is below the cluster domain is answered from Services, and a stub domain of that name would never be asked. */
static bool finish_names(struct config *c, char error[ERROR_BYTES])
{
	struct name zone, domain;

	finish_domain(c, &c->cluster_domain);
	finish_domain(c, &c->dns_zone);
	finish_domain(c, &c->dns_log_suffix);
	if (c->dns_zone == NULL || !name_parse(&zone, c->dns_zone) || !name_parse(&domain, c->cluster_domain))
		return true;
	if (name_ends_with(&zone, &domain))
		return refuse(error, "dns-zone", c->dns_zone, "in the cluster domain");
	for (size_t i = 0; i < c->forward.stub_count; i++)
		if (name_ends_with(&c->forward.stubs[i].zone, &zone))
			return refuse(error, "dns-zone", c->dns_zone,
				      "a --stub-domain is at or below it: names are answered here or there");
	return true;
}

static bool finish_listen(struct config *c, char error[ERROR_BYTES])
{
	static const struct addr_port loopback = {.addr = {AF_INET, {127, 0, 0, 1}}, .port = DNS_PORT};
	char text[ADDR_PORT_TEXT_BYTES];

	const bool steered = !c->steered_dns.none || c->local_dns.count > 0;
	if (c->dns_listen.count == 0 && (c->manifests != NULL || !steered)) {
		c->dns_listen.items = arena_alloc(c->arena, sizeof loopback);
		c->dns_listen.items[0] = loopback;
		c->dns_listen.count = 1;
	}
	for (size_t i = 0; i < c->dns_listen.count; i++)
		if (is_listed(&c->dns_listen, i, &c->dns_listen.items[i]))
			return refuse(error, "dns-listen",
				      addr_port_format(&c->dns_listen.items[i].addr, c->dns_listen.items[i].port, text),
				      "given twice");
	return true;
}

bool config_finish(struct config *c, char error[ERROR_BYTES])
{
	if (c->manifests != NULL && (c->kubeconfig != NULL || c->apiserver != NULL))
		return refuse(error, "manifests", NULL, "one source at a time: not with --kubeconfig or --apiserver");
	if (c->manifests != NULL && (c->token_file != NULL || c->ca_file != NULL || c->insecure_skip_tls_verify))
		return refuse(error, "manifests", NULL,
			      "not with --token-file, --ca-file or --insecure-skip-tls-verify");
	if (c->manifests != NULL && !is_folder(c->manifests))
		return refuse(error, "manifests", c->manifests, strerror(errno));
	if (c->manifests == NULL && (c->node_port_range != NULL || c->lb_pool.count != 0))
		return refuse(error, c->lb_pool.count != 0 ? "lb-pool" : "service-node-port-range", NULL,
			      "only with --manifests: a cluster allocates itself");
	if (c->announce != NULL && (c->manifests == NULL || c->no_proxy))
		return refuse(error, "announce", NULL, "only with --manifests, and not with --no-proxy");
	if (c->manifests == NULL && c->allow_exec_probes)
		return refuse(error, "allow-exec-probes", NULL, "only with --manifests: a cluster's kubelets run them");
	if (c->no_proxy && c->no_dns)
		return refuse(error, "no-proxy", NULL, "with --no-dns nothing is left to do");
	return finish_node_name(c, error) && finish_names(c, error) && finish_detector(c, error) &&
	       finish_nodeports(c, error) && config_finish_allocation(c, error) && finish_external_ips(c, error) &&
	       finish_node_ips(c, error) && finish_listen(c, error) && finish_forward(c, error);
}
