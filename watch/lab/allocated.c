/* What one Service was given. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "watch/lab/allocate.h"

void allocated_fini(struct allocated *had)
{
	for (size_t i = 0; i < had->port_count; i++)
		free(had->ports[i].name);
	free(had->ports);
	*had = (struct allocated){0};
}

bool allocated_any(const struct allocated *had)
{
	for (int i = 0; i < 2; i++)
		if (had->cluster_ips[i].family != 0 || had->balancer_ips[i].family != 0)
			return true;
	return had->health_port != 0 || had->port_count != 0;
}

static void port_drop(struct allocated *had, size_t at)
{
	free(had->ports[at].name);
	had->ports[at] = had->ports[--had->port_count];
}

void allocated_port_set(struct allocated *had, const char *name, uint16_t node_port)
{
	size_t at = 0;

	while (at < had->port_count && strcmp(had->ports[at].name, name) != 0)
		at++;
	if (node_port == 0) {
		if (at < had->port_count)
			port_drop(had, at);
		return;
	}
	if (at == had->port_count) {
		had->ports = mem_resize(had->ports, (at + 1) * sizeof *had->ports);
		had->ports[had->port_count++].name = mem_strdup(name);
	}
	had->ports[at].node_port = node_port;
}

uint16_t allocated_port(const struct allocated *had, const char *name)
{
	for (size_t i = 0; i < had->port_count; i++)
		if (strcmp(had->ports[i].name, name) == 0)
			return had->ports[i].node_port;
	return 0;
}

/* The order of ports does not matter. */
uint64_t allocated_hash(const struct allocated *had, uint64_t seed)
{
	uint64_t hash = hash_bytes(had->cluster_ips, sizeof had->cluster_ips, seed), ports = 0;

	hash = hash_bytes(had->balancer_ips, sizeof had->balancer_ips, hash);
	for (size_t i = 0; i < had->port_count; i++)
		ports += hash_text(had->ports[i].name, had->ports[i].node_port);
	return hash_bytes(&ports, sizeof ports, hash + had->health_port);
}

static bool addr_forget(struct addr *a, const struct used *what)
{
	if (a->family == 0 || !addr_equal(a, &what->addr))
		return false;
	*a = (struct addr){0};
	return true;
}

bool allocated_forget(struct allocated *had, const struct used *what)
{
	bool any = false;

	if (what->addr.family != 0) {
		for (int i = 0; i < 2; i++) {
			any = addr_forget(&had->cluster_ips[i], what) || any;
			any = addr_forget(&had->balancer_ips[i], what) || any;
		}
		return any;
	}
	if (had->health_port == what->port) {
		had->health_port = 0;
		any = true;
	}
	for (size_t i = had->port_count; i-- > 0;)
		if (had->ports[i].node_port == what->port) {
			port_drop(had, i);
			any = true;
		}
	return any;
}
