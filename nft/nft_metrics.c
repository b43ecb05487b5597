/* Metrics that only the kernel knows: recorded clients. */
#include "nft/nft.h"

#include <sys/socket.h>

#include "nft/ruleset.h"

static const struct metric_desc entries = {
	"fairlead_affinity_entries", "Clients with a recorded endpoint (sessionAffinity).", METRIC_GAUGE, NULL, 0};
static const struct metric_desc room = {"fairlead_affinity_entries_limit",
					"Most clients that can be recorded; further ones are balanced anew.",
					METRIC_GAUGE, NULL, 0};

static void affinity_put(void *ctx, struct metrics_page *page)
{
	uint32_t count4, count6;

	/* an older kernel does not count */
	if (nft_count(ctx, SET_AFFINITY, AF_INET, &count4) == 0 &&
	    nft_count(ctx, SET_AFFINITY, AF_INET6, &count6) == 0) {
		metrics_put(page, &entries, METRIC_LABELS({"ip_family", "IPv4"}), count4);
		metrics_put(page, &entries, METRIC_LABELS({"ip_family", "IPv6"}), count6);
	}
	metrics_put(page, &room, METRIC_LABELS({"ip_family", "IPv4"}), RULESET_AFFINITY_MAX);
	metrics_put(page, &room, METRIC_LABELS({"ip_family", "IPv6"}), RULESET_AFFINITY_MAX);
}

void nft_metrics(struct nft *nft, struct metrics *m)
{
	metrics_provider(m, affinity_put, nft);
}
