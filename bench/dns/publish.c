/*
 * What publishing one changed service costs in a zone of N headless services of ten endpoints, one of which moves:
 *
 *   publish N
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "bench/dns/zonefill.h"
#include "dns/zone/zone.h"

#define CHANGES 5000

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	unsigned count = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	static uint64_t took_ns[CHANGES];

	if (count == 0)
		fatalx("usage: publish SERVICES");
	struct zone *z = zone_new(&(struct zone_config){
		.domain = "cluster.local", .ttl_s = 5, .negative_ttl_s = 5, .pods = PODS_INSECURE});
	struct service **services = calloc(count, sizeof(struct service *));
	for (unsigned i = 0; i < count; i++)
		zone_replace(z, NULL, services[i] = zonefill_headless(i, 0));
	zone_complete(z);
	for (unsigned i = 0; i < CHANGES; i++) {
		unsigned n = (unsigned)(i * 7919UL % count);
		struct service *next = zonefill_headless(n, i / count + 1);
		uint64_t start_ns = clock_ns();
		zone_replace(z, services[n], next);
		took_ns[i] = clock_ns() - start_ns;
		services[n] = next;
	}
	qsort(took_ns, CHANGES, sizeof took_ns[0], compare);
	printf("%u services: %.2f µs median, %.2f µs p99\n", count, (double)took_ns[CHANGES / 2] / 1e3,
	       (double)took_ns[CHANGES * 99 / 100] / 1e3);
	zone_free(z);
	free(services);
	return 0;
}
