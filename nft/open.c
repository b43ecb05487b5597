/* Opens and closes the table: what its rules depend on, and the session it is reached through. */
#include "nft/table.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nft/repair.h"

void nft_set_pod_cidrs(struct nft *nft, const struct cidr *pod_cidrs, size_t count)
{
	assert(count <= RULESET_CIDRS_MAX);
	if (count > 0)
		memcpy(nft->pod_cidrs, pod_cidrs, count * sizeof *pod_cidrs);
	nft->config.pod_cidrs = nft->pod_cidrs;
	nft->config.pod_cidr_count = count;
}

void nft_set_networks(struct nft *nft, const struct cidr *networks, size_t count)
{
	assert(count <= RULESET_CIDRS_MAX);
	if (count > 0)
		memcpy(nft->networks, networks, count * sizeof *networks);
	nft->config.networks = nft->networks;
	nft->config.network_count = count;
}

struct nft *nft_open(const struct ruleset_config *config, const char **error)
{
	struct nft *nft = mem_alloc(sizeof *nft);

	nft->config = *config;
	snprintf(nft->table, sizeof nft->table, "%s", config->table);
	nft->config.table = nft->table;
	nft_set_pod_cidrs(nft, config->pod_cidrs, config->pod_cidr_count);
	nft_set_networks(nft, config->networks, config->network_count);
	if (config->interface != NULL) {
		snprintf(nft->interface, sizeof nft->interface, "%s", config->interface);
		nft->config.interface = nft->interface;
	}
	if (session_open(&nft->session, nft->table, error) < 0) {
		nft_close(nft);
		return NULL;
	}
	return nft;
}

static void affinity_records_free(struct nft *nft)
{
	size_t at = 0;
	struct affinity_record *l;

	while ((l = map_next(&nft->affinity_records, &at)) != NULL)
		free(l);
	map_fini(&nft->affinity_records);
}

void nft_close(struct nft *nft)
{
	if (nft == NULL)
		return;
	if (nft->monitor != NULL)
		mnl_socket_close(nft->monitor);
	nft_walk_end(nft);
	session_close(&nft->session);
	repair_free(nft->repair);
	affinity_records_free(nft);
	element_list_fini(&nft->adds);
	element_list_fini(&nft->dels);
	free(nft);
}

const char *nft_error(const struct nft *nft)
{
	return nft->session.error;
}

bool nft_refused(const struct nft *nft, struct element *e)
{
	*e = nft->session.refused;
	return nft->session.refused_known;
}
